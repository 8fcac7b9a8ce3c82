"""Whether a void that would open lasts: tried on a mesh of its own before the run takes it (model.md 5).

The contact lets go where it would need more tension than it bears. But once it is open no current flows
there: what parted the surfaces may have been the stripping itself, and surface tension draws the new roof
down. A void that closes again has not opened; the contact carries tension there (:meth:`Interface.changes`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meshes.gmsh.session import MeshingError
from meshes.profile.base import ProfileError
from solver.algebra.newton import SolveError

if TYPE_CHECKING:
    from solver.simulation.discretisation import Discretisation


def void_growth(tried: Callable[[], Discretisation], voids: int, time_step: float) -> NDArray[np.float64]:
    """Growth rate of each void of an interface; -inf for all if it cannot be solved. Collective.

    Args:
        tried: meshes the interface with the voids that would open, carries the present fields over and sets
            current and load; what it makes is destroyed here.
        voids: number of voids of the interface.
        time_step: over which capillarity looks ahead (L/v0).
    """
    nothing = np.full(voids, -np.inf)
    try:
        trial = tried()
    except (MeshingError, ProfileError):
        return nothing
    try:
        trial.model.solve(time_step)
        return trial.surfaces.sums(trial.model.nodal_void_growth())
    except SolveError:
        return nothing
    finally:
        trial.destroy()
