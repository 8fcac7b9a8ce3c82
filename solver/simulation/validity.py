"""Where the model leaves what it is known to hold for: sentences with their numbers, for warnings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from solver.setup.idle import idle_keys

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from solver.setup.setup import Setup
    from solver.stepping.observables import Observation

BREAKDOWN_SHARE = 0.05
"""Share of the creep work above the breakdown stress that is worth a warning."""
WIDE_VOID = 0.8
"""Width of a void in the cell over that of the cell."""
PASCAL_PER_MEGAPASCAL = 1e6
MICROMETRE, MILLIVOLT = 1e-6, 1e-3
"""m, V"""
CIRCULATING = 100.0
"""Current that flows through the contact, forth and back, over what is applied, that is worth a warning."""
LITTLE_PRESSURE = 0.1
"""Pi_P (model.md 7) below which creep does not keep up with the recession of the contact."""

Finding = tuple[str, str]
"""Name of a warning, and its sentence."""


def of_case(setup: Setup) -> Iterator[Finding]:
    """What is known before the run; keys of the case that have no effect first."""
    yield from ((sentence, sentence) for sentence in idle_keys(setup))
    if setup.interface.events_by_mesh:
        yield (
            "events",
            f"voids vanish, meet and split by lengths of the mesh ({setup.sizes.event_length:.3g} um at "
            "triple lines), not of the material: give numerics.event_length, or a smaller numerics.tip_size",
        )
    yield from _of_sinks(setup)
    yield from _of_size(setup)
    if not setup.seeds:
        return
    if setup.geometry.kind == "plane":
        yield (
            "plane",
            "plane strain: every void is a channel across the cell. It closes at another rate than a pore of "
            "the same section, and no metal flows along it",
        )
    if setup.parameters.vacancies is None and (ratio := setup.groups["Pi_P"]) < LITTLE_PRESSURE:
        yield (
            "pressure",
            f"Pi_P = {ratio:.3g}: creep does not keep up with the recession of the contact, and "
            "without vacancies (model.vacancies = false) nothing else fills or widens voids",
        )


def _of_size(setup: Setup) -> Iterator[Finding]:
    """What makes a run long for nothing, or longer than it may be."""
    cell, sizes = setup.geometry, setup.sizes
    if math.isfinite(sizes.reach):
        enough = 2.0 * max(cell.width, cell.depth)
        yield (
            "depth",
            f"electrolyte_depth = {cell.electrolyte_depth:.3g} um: the current is uniform below {enough:.3g} "
            "um (two widths); with that depth, and pellet_thickness for the rest, the answer is the same",
        )
    seconds = setup.steps.largest * setup.scales.time
    steps = sum(math.ceil(stage.seconds / seconds) for stage in setup.stages if stage.kind != "rest")
    if steps > setup.steps.most:
        yield (
            "steps",
            f"the protocol needs at least {steps} steps of numerics.largest_step = {seconds:.4g} s; "
            f"numerics.max_steps = {setup.steps.most} ends the run before",
        )


def _of_sinks(setup: Setup) -> Iterator[Finding]:
    """Sinks of vacancies so far away that a flat contact costs more than any that was measured."""
    vacancies = setup.vacancy_resistance
    if vacancies is None or not vacancies.exceeds:
        return
    cost, bound = vacancies.ohm_cm2, vacancies.measured_ohm_cm2
    millivolts, length = vacancies.overpotential / MILLIVOLT, vacancies.sink_length / MICROMETRE
    yield (
        "vacancies",
        f"Z_vac = {cost:.3g} ohm cm2 ({millivolts:.3g} mV at this current): vacancies alone cost a flat "
        f"contact more than the {bound:.3g} ohm cm2 that pressed ones were measured with at most; sinks "
        f"{length:.3g} um away (sink_length and interface_sink_length of the metal) are too far",
    )


def of_state(setup: Setup, profile: Profile, seen: Observation) -> Iterator[Finding]:
    """What a step has brought about."""
    if seen.beyond_breakdown > BREAKDOWN_SHARE:
        limit = setup.parameters.creep.breakdown_stress * setup.scales.stress / PASCAL_PER_MEGAPASCAL
        yield (
            "breakdown",
            f"{100 * seen.beyond_breakdown:.0f} % of the work of creep is done above {limit:.3g} MPa, where "
            "the power law breaks down",
        )
    if seen.lift_off > 0.0:
        yield (
            "lift-off",
            "the clamp has lifted off: nothing presses on the metal, only wetting and adhesion hold it",
        )
    if seen.stack_pressure < 0.0:
        yield (
            "pulled platen",
            f"the platen is moved away with {-seen.stack_pressure:.3g} MPa of tension, which wetting and "
            "adhesion bear; a clamp would have lifted off",
        )
    if seen.circulation > CIRCULATING:
        yield (
            "circulation",
            f"{seen.circulation:.3g} times the applied current flows through the contact, forth and back: "
            "differences of contact pressure drive it against next to no resistance "
            "(material.electrolyte.area_resistance, model.pressure_potential)",
        )
    share = max(profile.spans(), default=0.0)
    if share > WIDE_VOID:
        yield (
            "wide void",
            f"a void spans {100 * share:.0f} % of the cell: its neighbours are its own images, and a wider "
            "cell would answer otherwise",
        )
