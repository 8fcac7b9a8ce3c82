"""A thick electrolyte under a narrow cell: a mesh that grows into the depth, and the same answer."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from mpi4py import MPI

from meshes.sizing import SizeRule
from solver.equations.terms.current import CurrentParameters
from solver.setup.setup import set_up
from solver.setup.sizes import REACH
from solver.simulation import validity
from solver.simulation.discretisation import initial_cell
from solver.verification.currents import solve_current
from tests.conftest import small_case


def cells(depth: str, **more: str) -> int:
    geometry = {"electrolyte_depth": depth, "pellet_thickness": "10 mm"} | more
    cell = initial_cell(set_up(small_case(geometry=geometry)), MPI.COMM_SELF)
    return int(cell.domain.topology.index_map(cell.domain.topology.dim).size_local)


@pytest.mark.parametrize("more", [{}, {"kind": "axisymmetric"}], ids=["plane", "axisymmetric"])
def test_millimetres_under_micrometres_are_few_cells(more: dict[str, str]) -> None:
    """Cells of the largest size would be 40 000 in 3 mm."""
    assert cells("3 mm", **more) - cells("12 um", **more) < 2.0 * 2.0 / math.sqrt(3.0) * 2.0 * 1000.0


def test_depths_that_are_usual_are_meshed_as_ever() -> None:
    for depth in ("6 um", "12 um"):
        sizes = set_up(small_case(geometry={"electrolyte_depth": depth})).sizes
        assert math.isinf(sizes.reach) and sizes.in_depth(12.0) == 0.0


def test_the_answer_is_that_of_two_widths(comm: MPI.Comm) -> None:
    """The resistance over that of a slab, and the largest current."""
    from meshes.profile.polyline import profile_from_shapes
    from meshes.seeds import VoidShape

    rule, found = SizeRule(tip=0.02, growth=0.3, largest=0.15), []
    for depth, own in ((2.0, rule), (200.0, replace(rule, reach=REACH, deepest=1.0))):
        shape = VoidShape((0.0,), 1.0, 0.2)
        profile = profile_from_shapes([shape], width=1.0, metal_height=1.0, electrolyte_depth=depth, rule=own)
        found.append(solve_current(comm, profile, own, CurrentParameters(1.0, 0.1)))
    shallow, deep = found
    # exp(-2 pi) of the constriction is cut off at two widths; 1e-3 of it comes from another mesh nearby
    assert deep.resistance() == pytest.approx(shallow.resistance(), rel=2e-3)
    peaks = [max(result.contact_values()[:, -1]) for result in found]
    assert peaks[1] == pytest.approx(peaks[0], rel=1e-2)
    for result in found:
        result.destroy()


def test_a_depth_for_nothing_is_said() -> None:
    deep = small_case(geometry={"electrolyte_depth": "300 um"})
    assert "below 6 um (two widths)" in dict(validity.of_case(set_up(deep)))["depth"]
    assert "depth" not in dict(validity.of_case(set_up(small_case())))


def test_a_protocol_that_cannot_end_is_said() -> None:
    """365 days of a strip at 120 s a step; a rest of as many years is none of that."""
    strip = {"do": "strip", "current": "1e-4 mA/cm^2", "duration": "365 day"}
    rest = {"do": "rest", "duration": "3650 day"}
    case = {"pressure": "0.5 MPa", "step": [strip, rest], "current": None, "capacity": None}
    found = dict(validity.of_case(set_up(small_case(operation=case))))["steps"]
    assert "at least 262800 steps" in found and "max_steps = 20000" in found
    shorter = case | {"step": [strip | {"duration": "27 day"}, rest]}
    assert "steps" not in dict(validity.of_case(set_up(small_case(operation=shorter))))
