"""Whether a void that would open lasts: tried on a mesh of its own before the run takes it (model.md 5).

The contact lets go where it would need more tension than it bears. But once it is open no current flows
there: what parted the surfaces may have been the stripping itself, and surface tension draws the new roof
down. A void that closes again has not opened; the metal is held there (:meth:`Interface.changes`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meshes.cell import MeshingError
from solver.algebra.newton import SolveError
from solver.interface import roofs
from solver.simulation.epoch import next_epoch

if TYPE_CHECKING:
    from meshes.gmsh.mesh_profile import Profile
    from meshes.sizing import SizeRule
    from solver.case.loading import LoadedCase
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.parameters import ModelParameters
    from solver.setup.scales import Scales
    from solver.simulation.epoch import Epoch


@dataclass(frozen=True)
class Trial:
    """Tries profiles of one run.

    Attributes:
        loaded, parameters, scales: of the run.
        rule: element sizes.
        control: sets current and load of the present stage.
    """

    loaded: LoadedCase
    parameters: ModelParameters
    scales: Scales
    rule: SizeRule
    control: Callable[[CoupledModel], None]

    def growth(self, present: Epoch, profile: Profile, time_step: float) -> NDArray[np.float64]:
        """Growth rate of each void of ``profile``; -inf for all if it cannot be solved. Collective.

        Args:
            present: epoch whose fields are carried over; left as it is.
            profile: with the voids that would open.
            time_step: over which capillarity looks ahead (L/v0).
        """
        nothing = np.full(len(profile.widths()), -np.inf)
        try:
            tried, _, _ = next_epoch(self.loaded, self.parameters, self.scales, present, [profile], self.rule)
        except (MeshingError, roofs.ProfileError):
            return nothing
        try:
            self.control(tried.model)
            tried.model.solve(time_step)
            return tried.chains.sums(tried.model.nodal_void_growth())
        except SolveError:
            return nothing
        finally:
            tried.destroy()
