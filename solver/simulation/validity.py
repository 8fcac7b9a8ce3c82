"""Where the model leaves what it is known to hold for: each is said once, with its number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from meshes.profile.triangulated import SurfaceProfile
from solver.setup.scales import dimensionless_groups

if TYPE_CHECKING:
    from meshes.gmsh.mesh_profile import Profile
    from solver.case.loading import LoadedCase
    from solver.stepping.observables import Observation

BREAKDOWN_SHARE = 0.05
"""Share of the creep work above the breakdown stress that is worth a warning."""
WIDE_VOID = 0.8
"""Width of a void in the cell over that of the cell."""
LITTLE_PRESSURE = 0.1
"""Pi_P (model.md 7) below which creep does not keep up with the recession of the contact."""

Finding = tuple[str, str]
"""What is said only once: its name, and the sentence."""


def of_case(loaded: LoadedCase) -> Iterator[Finding]:
    """What is known before the run."""
    case = loaded.case
    if not case.void and case.voids is None:
        return
    if case.geometry.kind == "plane":
        yield (
            "plane",
            "plane strain: every void is a channel across the cell. It closes at another rate than a pore of "
            "the same section, and no metal flows along it",
        )
    if not case.model.vacancies and (ratio := dimensionless_groups(loaded)["Pi_P"]) < LITTLE_PRESSURE:
        yield (
            "pressure",
            f"Pi_P = {ratio:.3g}: creep does not keep up with the recession of the contact, and "
            "without vacancies (model.vacancies = false) nothing else fills or widens voids",
        )


def of_state(loaded: LoadedCase, profile: Profile, seen: Observation) -> Iterator[Finding]:
    """What a step has brought about."""
    if seen.beyond_breakdown > BREAKDOWN_SHARE and loaded.creep.breakdown_stress is not None:
        limit = 1e-6 * loaded.creep.breakdown_stress.value
        yield (
            "breakdown",
            f"{100 * seen.beyond_breakdown:.0f} % of the work of creep is done above {limit:.3g} MPa, where "
            "the power law breaks down",
        )
    share = max(_spans(profile), default=0.0)
    if share > WIDE_VOID:
        yield (
            "wide void",
            f"a void spans {100 * share:.0f} % of the cell: its neighbours are its own images, and a wider "
            "cell would answer otherwise",
        )


def _spans(profile: Profile) -> list[float]:
    """Share of the cell's width (in 3-D of the side that is covered most) under each void."""
    if isinstance(profile, SurfaceProfile):
        bounds = [void.footprint.bounds for void in profile.voids]
        return [max((b[2] - b[0]) / profile.extents[0], (b[3] - b[1]) / profile.extents[1]) for b in bounds]
    extents = [profile.void_extent(k) for k in range(len(profile.roofs))]
    return [(right - left) / profile.width for left, right in extents]
