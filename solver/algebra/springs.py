"""Springs on unknowns of a nonlinear problem, besides what its forms say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from petsc4py import PETSc


@dataclass(frozen=True)
class Springs:
    """Linear forces on dofs: stiffness times the unknown, less the load, is added to the residual.

    Attributes:
        numbers: global reduced numbers of owned dofs that have a spring.
        stiffness: symmetric, in reduced unknowns; entries only where the Jacobian has some.
        load: reduced vector.
    """

    numbers: NDArray[np.int64]
    stiffness: PETSc.Mat
    load: PETSc.Vec

    def add_to(self, residual: PETSc.Vec, trial: PETSc.Vec) -> None:
        """Add the forces. Collective."""
        forces = residual.duplicate()
        self.stiffness.mult(trial, forces)
        residual.axpy(1.0, forces)
        residual.axpy(-1.0, self.load)
        forces.destroy()

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self.stiffness.destroy()
        self.load.destroy()
