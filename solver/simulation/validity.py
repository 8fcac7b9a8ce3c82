"""Where the model leaves what it is known to hold for: sentences with their numbers, for warnings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from solver.setup.setup import Setup
    from solver.stepping.observables import Observation

BREAKDOWN_SHARE = 0.05
"""Share of the creep work above the breakdown stress that is worth a warning."""
WIDE_VOID = 0.8
"""Width of a void in the cell over that of the cell."""
PASCAL_PER_MEGAPASCAL = 1e6
LITTLE_PRESSURE = 0.1
"""Pi_P (model.md 7) below which creep does not keep up with the recession of the contact."""

Finding = tuple[str, str]
"""Name of a warning, and its sentence."""


def of_case(setup: Setup) -> Iterator[Finding]:
    """What is known before the run."""
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


def of_state(setup: Setup, profile: Profile, seen: Observation) -> Iterator[Finding]:
    """What a step has brought about."""
    if seen.beyond_breakdown > BREAKDOWN_SHARE:
        limit = setup.parameters.creep.breakdown_stress * setup.scales.stress / PASCAL_PER_MEGAPASCAL
        yield (
            "breakdown",
            f"{100 * seen.beyond_breakdown:.0f} % of the work of creep is done above {limit:.3g} MPa, where "
            "the power law breaks down",
        )
    share = max(profile.spans(), default=0.0)
    if share > WIDE_VOID:
        yield (
            "wide void",
            f"a void spans {100 * share:.0f} % of the cell: its neighbours are its own images, and a wider "
            "cell would answer otherwise",
        )
