"""The solution carried over to a new mesh, as the start for Newton there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.algebra.interpolation import Carrier

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel


def transfer_start(old: CoupledModel, new: CoupledModel) -> None:
    """Interpolate the old solution as the start for Newton on the new mesh. Collective.

    These fields are quasi-static, so this changes effort, not results. Points that the old mesh does not
    hold (both roofs are polygons of one curve) take the nearest value that was found: a velocity of 0 there
    would be a rate of strain that no power-law metal gets over in a few iterations. Dofs that are given keep
    what the new model gives them.
    """
    carrier = Carrier()
    with new.given_values_kept():
        for source, target in zip(old.carried(), new.carried(), strict=True):
            found = target.copy()
            if target.region is None:
                carrier.interpolate(source.copy(), found)
            else:
                carrier.carry(source.copy(), found, new.cell.region(target.region))
            target.assign(found.x.array)
    new.start_with_pressures()
    new.mechanics.mark_warm()
