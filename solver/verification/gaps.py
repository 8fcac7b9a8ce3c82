"""Row 24/g: gaps in the contact that are too thin for a roof."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from solver.equations.coupled_model import CoupledModel
from solver.equations.terms.contact_resistance import Patches
from solver.interface.electrolyte_surface import ElectrolyteSurface
from solver.setup.step_control import StepLimits
from solver.stepping import step
from solver.verification.cells import flat_cell, parameters
from solver.verification.check import Check, row

if TYPE_CHECKING:
    from mpi4py import MPI

WIDTH, SHARE, BLOCKED = 4.0, 0.25, 1e3
"""Of the cell (um); share of its contact that is easily stripped; resistance of the rest over that of it."""
STEPS, TIME_STEP = 12, 1e-3
RIGID = 1e4
"""Reference stress (P0) of metal that hardly flows: by about 1e-4 of what is stripped."""


@row("gap", "24/g", "thin gaps under a rigid metal")
def gap(comm: MPI.Comm) -> list[Check]:
    """A rigid metal stands on contact that is hardly stripped; where it is stripped a gap opens at once.

    In the first step the gap grows at what is stripped over it less what the rest recedes. In every step what
    the platen sweeps is the metal stripped less what gaps gain: the metal of the mesh is that which is left,
    and the gaps.
    """
    surface, model = _model(comm)
    checks: list[Check] = []
    worst = 0.0
    for k in range(STEPS):
        before = model.platen_height()
        result = step.advance(model, TIME_STEP, StepLimits(1.0))
        surface.accept(surface.trace(model), TIME_STEP)
        fall = WIDTH * (before - model.platen_height())
        worst = max(worst, abs(fall - result.removed + result.gap_change) / result.removed)
        if k == 0:
            beside = 1.0 / (SHARE * BLOCKED + 1.0 - SHARE)
            opened = TIME_STEP * SHARE * WIDTH * (BLOCKED * beside - beside)
            checks.append(Check("volume of the gap after a step", opened, result.gap_change, 1e-3))
            checks.append(Check("the same in the record", opened, surface.gaps.measure(), 0.05))
    checks.append(Check("platen swept less metal stripped plus gap, of the step", 0.0, worst, 1e-8))
    model.destroy()
    return checks


def _model(comm: MPI.Comm) -> tuple[ElectrolyteSurface, CoupledModel]:
    """Flat contact whose middle alone has a low resistance, under metal that does not flow."""
    stiff = parameters(vacancies=None, reference_stress=RIGID)
    # the middle is in contact, with Z; beside it are two patches of BLOCKED times that
    beside = 0.5 * (1.0 - SHARE) * WIDTH
    patches = Patches((0.5 * beside, WIDTH - 0.5 * beside), (beside, beside), (BLOCKED, BLOCKED), 1e-6)
    current = replace(stiff.current, patches=patches, conductivity=1e9)
    model = CoupledModel(flat_cell(comm, WIDTH, 0.05), replace(stiff, current=current))
    surface = ElectrolyteSurface.begun(None, (WIDTH,), 0.01, WIDTH, axisymmetric=False)
    model.chemistry.kinetics.record = surface
    return surface, model
