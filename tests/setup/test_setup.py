"""The setup: everything of a case, converted once."""

from __future__ import annotations

import re

import pytest

from solver.case.loading import CaseError
from solver.setup.setup import DEFAULT_OUTPUTS, set_up
from tests.conftest import ROOT, small_case


def test_lengths_are_in_micrometres_and_times_in_units_of_the_equations() -> None:
    loaded = small_case(
        geometry={"pellet_thickness": "200 um"},
        numerics={"tip_size": "0.08 um", "first_step": "0.5 s", "largest_step": "7 s"},
        operation={"pressure": "0.5 MPa", "current": "0.5 mA/cm^2", "capacity": "0.001 mAh/cm^2"},
    )
    setup = set_up(loaded)
    geometry = setup.geometry
    assert (geometry.kind, geometry.depth) == ("plane", 0.0)
    lengths = (geometry.width, geometry.metal_height, geometry.electrolyte_depth, geometry.pellet_depth)
    assert lengths == pytest.approx((3.0, 8.0, 6.0, 200.0), rel=1e-12)
    assert [seed.width for seed in setup.seeds] == pytest.approx([2.2], rel=1e-12)
    assert setup.sizes.tip == pytest.approx(0.08, rel=1e-12)
    # 1 um of lithium at i0 = 5 A/m2: F L / (Omega i0)
    volume, faraday = loaded.metal.molar_volume.value, 96485.33212
    unit = faraday * 1e-6 / (volume * 5.0)
    assert setup.steps.first == pytest.approx(0.5 / unit, rel=1e-9)
    assert setup.steps.largest == pytest.approx(7.0 / unit, rel=1e-9)
    assert setup.parameters.load.pressure == pytest.approx(1.0, rel=1e-12)
    assert setup.output.interval == pytest.approx(36.0 / DEFAULT_OUTPUTS, rel=1e-12)


def test_events_are_measured_in_a_length_that_the_mesh_does_not_set() -> None:
    """A finer mesh leaves it; a coarser one is warned of, or refused where the case gives the length."""
    physical = 0.4 * 0.1  # of the surface sink length, um
    for tip in ("0.04 um", "0.02 um", "0.005 um"):
        setup = set_up(small_case(numerics={"tip_size": tip}))
        assert setup.sizes.event_length == pytest.approx(physical, rel=1e-12)
        assert not setup.interface.events_by_mesh
    coarse = set_up(small_case(numerics={"tip_size": "0.05 um"}))
    assert coarse.sizes.event_length == pytest.approx(0.05, rel=1e-12)
    assert coarse.interface.events_by_mesh
    given = set_up(small_case(numerics={"tip_size": "0.05 um", "event_length": "0.2 um"}))
    assert given.sizes.event_length == pytest.approx(0.2, rel=1e-12) and not given.interface.events_by_mesh
    with pytest.raises(CaseError, match=r"numerics\.event_length: 0\.04 um is not resolved"):
        set_up(small_case(numerics={"tip_size": "0.05 um", "event_length": "0.04 um"}))


def test_the_solubility_bounds_a_step_only_where_it_ends_the_run() -> None:
    alloy = {"material": {"metal": {"name": "lithium-magnesium"}}}
    stops = set_up(small_case(**alloy, model={"beyond_solubility": "stop"}))
    assert stops.parameters.composition is not None
    assert stops.step_limits.solubility == stops.parameters.composition.limit
    goes_on = set_up(small_case(**alloy, model={"beyond_solubility": "continue"}))
    assert goes_on.step_limits.solubility is None
    assert set_up(small_case()).step_limits.solubility is None


def test_what_cannot_be_set_up_is_a_fault_of_the_case() -> None:
    tight = {"density": "3 /um", "mean_width": "2 um"}
    with pytest.raises(CaseError, match="voids:"):
        set_up(small_case(void=[], voids=tight))
    wide = {"width": "50 mm", "metal_thickness": "50 mm"}
    with pytest.raises(CaseError, match="raise the sizes or choose a smaller cell"):
        set_up(small_case(geometry=wide, numerics={"tip_size": "0.08 um", "largest_size": "1 um"}))


def test_only_the_setup_reads_the_case() -> None:
    for room in ("simulation", "stepping", "interface", "output"):
        for path in (ROOT / "solver" / room).glob("*.py"):
            assert not re.search(r"loaded\.case\b|LENGTH_SCALE", path.read_text(encoding="utf-8")), path
