from __future__ import annotations

import numpy as np
from mpi4py import MPI

from solver.algebra.acceleration import Anderson


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
