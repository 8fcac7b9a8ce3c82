"""Named solver recipes; a case file may override any option in ``[numerics.petsc]``."""

from __future__ import annotations

from collections.abc import Mapping

Options = dict[str, str | float | int | None]

COUPLING_TOLERANCE = 1e-7
"""Default change of the potential (RT/F, root mean square over the contact) by contact pressure that ends
the staggered loop. Where the pressure is singular, at a triple line, it says nothing about the current."""
NEWTON_DIRECT: Options = {
    "snes_type": "newtonls",
    "snes_linesearch_type": "bt",
    "snes_linesearch_order": 3,
    "snes_max_it": 60,
    "snes_atol": 1e-12,
    "ksp_type": "preonly",
    "pc_type": "lu",
    "pc_factor_mat_solver_type": "mumps",
    "mat_mumps_icntl_14": 100,
    "mat_mumps_icntl_6": 0,
    "mat_mumps_icntl_7": 6,
}
"""Newton with backtracking on a MUMPS factorisation: the 2-D default (saddle points included). The matrices
are nearly symmetric, so that no columns are permuted (6); QAMD (7) takes the dense row of the metal's one
potential apart, with which METIS needs ten times as long."""

NEWTON_SYMMETRIC: Options = {key: value for key, value in NEWTON_DIRECT.items() if "icntl_6" not in key} | {
    "pc_type": "cholesky",
    "mat_mumps_cntl_1": 1e-8,
    "mat_mumps_icntl_14": 200,
}
"""The same for symmetric matrices (creep, which has a potential): half of the factor, two thirds of the time.
With MUMPS' own threshold so many pivots are put off on a cold start, where rigid metal is at its stiffest,
that it runs out of room; Newton's method makes up for what a smaller one (cntl 1) loses in accuracy."""

FULL_STEPS_MAX_IT = 30
"""Newton iterations without line search before one is used."""

LINEAR_DIRECT: Options = {
    "ksp_type": "preonly",
    "pc_type": "lu",
    "pc_factor_mat_solver_type": "mumps",
    "mat_mumps_icntl_14": 100,
}
"""One MUMPS solve."""

LINEAR_SPD: Options = {
    "ksp_type": "cg",
    "ksp_rtol": 1e-12,
    "ksp_atol": 1e-300,
    "pc_type": "jacobi",
    "ksp_max_it": 20000,
}
"""Conjugate gradients for mass matrices."""

RECIPES: Mapping[str, Options] = {
    "newton-direct": NEWTON_DIRECT,
    "newton-symmetric": NEWTON_SYMMETRIC,
    "linear-direct": LINEAR_DIRECT,
    "linear-spd": LINEAR_SPD,
}


def with_overrides(recipe: str, extra: Mapping[str, str | float | int | None]) -> Options:
    """Recipe by name, changed by ``extra``; a value of None or "delete" removes an option.

    Raises:
        KeyError: if there is no recipe of that name.
    """
    options = dict(RECIPES[recipe]) | dict(extra)
    return {key: value for key, value in options.items() if value not in (None, "delete")}


def full_steps(options: Mapping[str, object]) -> dict[str, object]:
    """Options of a first attempt without line search.

    The equation sets of the electrochemistry differ in size by orders of magnitude, and a power-law metal
    near rest is stiff and soft side by side: the residual norm may rise on the way although Newton
    converges in a few steps, and a line search then creeps. Where full steps fail, the line search follows.
    """
    limit = options.get("snes_max_it", FULL_STEPS_MAX_IT)
    most = min(int(str(limit)), FULL_STEPS_MAX_IT)
    return dict(options) | {"snes_linesearch_type": "basic", "snes_max_it": most}
