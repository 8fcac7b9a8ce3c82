"""Named sets of PETSc options, one for each kind of solve; a case file may change any option by their name.

``[numerics.petsc]`` in a case: ``newton-direct.snes_max_it = 40`` sets an option, "delete" removes it. Two
dimensions use factorisations (newton-direct, newton-symmetric), 3-D Krylov solvers whose iterations do not
grow with the mesh (creep-schur, electrochemistry-split, motion-multigrid).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Options = dict[str, str | float | int | None]

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

RAMP, COLD_RAMP = (0.25, 1.0), (2.0**-20, 3.0)
"""Share of a jump of the prescribed current that is taken first, and what the next ones grow by. Where
nothing has been solved yet it begins small: supersaturation goes with the current, to thousands in frozen
metal, while Newton's method takes its logarithm for linear."""
SMALLEST_OF_RAMP = 1.0 / 64.0
"""Share of the first one below which a ramp gives up."""
FULL_STEPS_MAX_IT = 30
"""Newton iterations without line search before one is used."""


def _multigrid(part: str) -> Options:
    """One V-cycle of BoomerAMG on a part of a field split, with what hypre's guide advises in 3-D."""
    prefix = f"fieldsplit_{part}_"
    return {
        prefix + "ksp_type": "preonly",
        prefix + "pc_type": "hypre",
        prefix + "pc_hypre_boomeramg_coarsen_type": "HMIS",
        prefix + "pc_hypre_boomeramg_interp_type": "ext+i",
        prefix + "pc_hypre_boomeramg_P_max": 4,
        prefix + "pc_hypre_boomeramg_strong_threshold": 0.5,
    }


NEWTON_KRYLOV: Options = {
    "snes_type": "newtonls",
    "snes_linesearch_type": "bt",
    "snes_linesearch_order": 3,
    "snes_max_it": 60,
    "snes_atol": 1e-12,
    "ksp_type": "fgmres",
    "ksp_gmres_restart": 60,
    "ksp_max_it": 300,
    "pc_type": "fieldsplit",
}
"""Newton with backtracking on preconditioned FGMRES."""

MASS_EIGENVALUES = "0.5,2.5"
"""Bounds of the diagonally scaled mass matrix of P1 tetrahedra (1/2 and 2 for triangles): Wathen, IMA J.
Numer. Anal. 7, 449 (1987)."""

CREEP_SCHUR: Options = NEWTON_KRYLOV | {
    "ksp_rtol": 1e-4,
    "pc_fieldsplit_type": "schur",
    "pc_fieldsplit_schur_fact_type": "upper",
    "pc_fieldsplit_schur_precondition": "user",
    "fieldsplit_pressure_ksp_type": "preonly",
    "fieldsplit_pressure_pc_type": "ksp",
    "fieldsplit_pressure_ksp_ksp_type": "chebyshev",
    "fieldsplit_pressure_ksp_ksp_chebyshev_eigenvalues": MASS_EIGENVALUES,
    "fieldsplit_pressure_ksp_ksp_max_it": 4,
    "fieldsplit_pressure_ksp_ksp_norm_type": "none",
    "fieldsplit_pressure_ksp_ksp_convergence_test": "skip",
    "fieldsplit_pressure_ksp_pc_type": "jacobi",
    "fieldsplit_velocity_ksp_type": "preonly",
    "fieldsplit_velocity_pc_type": "mg",
    "fieldsplit_velocity_pc_mg_galerkin": "none",
    "fieldsplit_velocity_mg_levels_ksp_type": "richardson",
    "fieldsplit_velocity_mg_levels_ksp_max_it": 1,
    "fieldsplit_velocity_mg_levels_pc_type": "sor",
    "fieldsplit_velocity_mg_coarse_ksp_type": "richardson",
    "fieldsplit_velocity_mg_coarse_ksp_max_it": 3,
    "fieldsplit_velocity_mg_coarse_pc_type": "gamg",
}
"""Creep in 3-D: for the Schur complement four Chebyshev iterations on the pressure mass over the viscosity,
for the velocity one cycle of multigrid: a symmetric sweep of SOR on the quadratic elements, below them three
cycles of smoothed aggregation on linear ones (:class:`solver.algebra.multigrid.LinearLevel`). ``ksp_rtol`` is
the tightest tolerance; steps that are not worth it get a looser one (:mod:`solver.algebra.forcing`)."""

ELECTROCHEMISTRY_SPLIT: Options = (
    NEWTON_KRYLOV
    | {
        "ksp_rtol": 1e-6,
        "pc_fieldsplit_type": "multiplicative",
        "fieldsplit_metal_potential_ksp_type": "preonly",
        "fieldsplit_metal_potential_pc_type": "jacobi",
    }
    | _multigrid("potential")
    | _multigrid("supersaturation")
    | _multigrid("fraction")
)
"""Current, vacancies and composition in 3-D: one part after the other."""

MOTION_MULTIGRID: Options = {
    "snes_type": "newtonls",
    "snes_max_it": 20,
    "snes_atol": 1e-12,
    "ksp_type": "cg",
    "ksp_rtol": 1e-10,
    "ksp_max_it": 300,
    "pc_type": "hypre",
    "pc_hypre_boomeramg_coarsen_type": "HMIS",
    "pc_hypre_boomeramg_interp_type": "ext+i",
    "pc_hypre_boomeramg_strong_threshold": 0.5,
}
"""The mesh's motion in 3-D: components do not couple."""

SOLVER_OPTIONS: Mapping[str, Options] = {
    "newton-direct": NEWTON_DIRECT,
    "newton-symmetric": NEWTON_SYMMETRIC,
    "creep-schur": CREEP_SCHUR,
    "electrochemistry-split": ELECTROCHEMISTRY_SPLIT,
    "motion-multigrid": MOTION_MULTIGRID,
}


def with_overrides(name: str, extra: Mapping[str, str | float | int | None]) -> Options:
    """Set of options by name, changed by ``extra``; a value of None or "delete" removes an option.

    Raises:
        KeyError: if there is no set of that name.
    """
    options = dict(SOLVER_OPTIONS[name]) | dict(extra)
    return {key: value for key, value in options.items() if value not in (None, "delete")}


@dataclass(frozen=True)
class ModelSolverOptions:
    """PETSc options of the solvers of one model.

    Attributes:
        electrochemistry, creep: of these equation sets.
        motion: of the mesh.
        surface: of projections on the contact and of the void surfaces' speed.
        sets: by the name of the solver (those above), the name of the set that its options are from.
        changed: options that are not those of the set, by the name of the set.
    """

    electrochemistry: Options
    creep: Options
    motion: Options
    surface: Options
    sets: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def model_solver_options(
    *,
    iterative: bool,
    equipotential: bool = False,
    overrides: Mapping[str, Mapping[str, str | float | int | None]] | None = None,
) -> ModelSolverOptions:
    """Solvers of a model: factorisations, or Krylov solvers that scale in 3-D.

    Args:
        iterative: whether to iterate.
        equipotential: whether Z is small or 0: the current on the contact is then an unknown of its own, and
            its saddle point is factorised.
        overrides: changed options by name of their set.
    """

    direct = "newton-direct"
    sets = {"electrochemistry": direct, "creep": "newton-symmetric", "motion": direct, "surface": direct}
    if iterative:
        sets |= {"creep": "creep-schur", "motion": "motion-multigrid"}
        sets |= {} if equipotential else {"electrochemistry": "electrochemistry-split"}
    given = {} if overrides is None else overrides
    chosen = {name: with_overrides(name, given.get(name, {})) for name in set(sets.values())}
    return ModelSolverOptions(
        **{solver: chosen[name] for solver, name in sets.items()},
        sets=sets,
        changed={name: tuple(options) for name, options in given.items()},
    )


def splits(options: Mapping[str, object]) -> bool:
    """Whether the options take an equation set apart (:mod:`solver.algebra.fieldsplit`)."""
    return options.get("pc_type") == "fieldsplit"


def full_steps(options: Mapping[str, object]) -> dict[str, object]:
    """Options of a first attempt without line search.

    The equation sets of the electrochemistry differ in size by orders of magnitude, and a power-law metal
    near rest is stiff and soft side by side: the residual norm may rise on the way although Newton
    converges in a few steps, and a line search then creeps. Where full steps fail, the line search follows.
    """
    limit = options.get("snes_max_it", FULL_STEPS_MAX_IT)
    most = min(int(str(limit)), FULL_STEPS_MAX_IT)
    return dict(options) | {"snes_linesearch_type": "basic", "snes_max_it": most}
