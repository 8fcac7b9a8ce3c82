from __future__ import annotations

import numpy as np
from mpi4py import MPI

from solver.algebra.acceleration import Anderson
from solver.equations.coupled_model import INSTANT_COUPLING


def test_anderson_solves_a_linear_problem_whose_plain_iteration_diverges() -> None:
    rng = np.random.default_rng(1)
    basis, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    matrix = basis @ np.diag([-9.0, -3.0, -1.5, -0.5, 0.2, 0.4]) @ basis.T
    shift = rng.normal(size=6)
    exact = np.linalg.solve(np.eye(6) - matrix, shift)
    accelerator, x = Anderson(MPI.COMM_SELF), np.zeros(6)
    for _ in range(10):
        x = accelerator.next(x, matrix @ x + shift)
    np.testing.assert_allclose(x, exact, rtol=1e-6)


def contraction(rng: np.random.Generator, size: int = 20) -> np.ndarray:
    """A symmetric map with eigenvalues in [0, 1), many of them near 1: what the loop of the coupling is."""
    basis, _ = np.linalg.qr(rng.normal(size=(size, size)))
    return np.asarray(basis @ np.diag(1.0 - np.geomspace(1e-2, 1.0, size)) @ basis.T)


def passes(
    accelerator: Anderson, matrix: np.ndarray, shift: np.ndarray, x: np.ndarray, most: int = 100
) -> int:
    """Iterations until the residual is 1e-7 of the shift."""
    accelerator.begin()
    for k in range(1, most):
        image = matrix @ x + shift
        if np.linalg.norm(image - x) <= 1e-7 * np.linalg.norm(shift):
            return k
        x = accelerator.next(x, image)
    raise AssertionError("no convergence")


def test_a_contraction_takes_passes_by_the_root_of_its_condition() -> None:
    """1e-7 by Chebyshev's bound: 2 q^n, q = (sqrt(c) - 1)/(sqrt(c) + 1), c = 100; a plain loop takes 1600."""
    rng = np.random.default_rng(2)
    matrix, shift = contraction(rng), rng.normal(size=20)
    bound = np.log(2e7) / np.log(11.0 / 9.0)
    assert passes(Anderson(MPI.COMM_SELF), matrix, shift, np.zeros(20)) <= bound


def test_errors_that_a_pass_multiplies_by_thousands_are_mixed() -> None:
    """As sinks of a fraction of a um in stiff metal do; more of them than differences that are kept."""
    rng = np.random.default_rng(4)
    basis, _ = np.linalg.qr(rng.normal(size=(60, 60)))
    matrix, shift = -basis @ np.diag(np.geomspace(1.0, 1e3, 60)) @ basis.T, rng.normal(size=60)
    # images as they are do not converge in 400
    assert passes(Anderson(MPI.COMM_SELF), matrix, shift, np.zeros(60), INSTANT_COUPLING) < INSTANT_COUPLING


def test_what_is_learnt_in_one_iteration_serves_the_next_until_it_is_forgotten() -> None:
    rng = np.random.default_rng(3)
    matrix, shift = contraction(rng), rng.normal(size=20)
    accelerator = Anderson(MPI.COMM_SELF)
    first = passes(accelerator, matrix, shift, np.zeros(20))
    solution = np.linalg.solve(np.eye(20) - matrix, shift)
    # the next step's problem: a little of what the first one was about
    again = passes(accelerator, matrix, 1.001 * shift, solution)
    assert again < first / 2
    accelerator.begin()
    accelerator.forget()
    x = rng.normal(size=20)
    np.testing.assert_array_equal(accelerator.next(x, matrix @ x + shift), matrix @ x + shift)


def test_only_weighted_residuals_count() -> None:
    """Two loops that know nothing of each other: one of weight 0 goes along with what the other one needs."""
    accelerator, x = Anderson(MPI.COMM_SELF), np.zeros(2)
    for _ in range(3):
        x = accelerator.next(x, np.array([-3.0 * x[0] + 8.0, 5.0 * x[1] + 1.0]), np.array([1.0, 0.0]))
    assert x[0] == 2.0
