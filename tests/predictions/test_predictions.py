"""Critical sizes and current focusing: their searches, their limits, their commands."""

from __future__ import annotations

import csv
import itertools
import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from mpi4py import MPI

from meshes.gmsh.session import MeshingError
from meshes.quality import quality
from postprocess.focus import draw_focus
from postprocess.threshold import draw_thresholds, read_thresholds, spread
from solver.algebra.newton import SolveError
from solver.case.loading import LoadedCase, load_case, parse_case
from solver.cli import main
from solver.cli.arguments import case_reader
from solver.predictions import focus as focusing
from solver.predictions import threshold
from solver.predictions.alloy import StudyRun
from solver.predictions.critical import Crossing, SizeTrial, crossings
from solver.predictions.critical_report import extremes, sentence
from solver.predictions.focus import (
    EPS,
    KINDS,
    FocusRow,
    asked,
    case_wagner,
    disc_row,
    equipotential_limit,
    focus_cell,
    focus_row,
    focus_study,
    tube_share,
    uniform_limit,
    void_half_width,
    write_focus,
)
from solver.predictions.instant import void_rates
from solver.predictions.threshold import (
    Threshold,
    bisected,
    creep_changes,
    grows,
    setting_changes,
    size_changes,
    threshold_study,
    write_thresholds,
)
from solver.setup.setup import Setup, set_up
from solver.simulation.discretisation import initial_cell
from tests.conftest import ROOT, case_data, small_case

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]


@given(st.lists(st.floats(0.11, 9.9), min_size=0, max_size=3, unique=True), st.floats(0.01, 0.3))
@settings(max_examples=100, deadline=None)
def test_crossings_are_bracketed(where: list[float], resolution: float) -> None:
    def value(size: float) -> str:
        return "ab"[sum(size > w for w in where) % 2]

    sizes = [float(s) for s in np.geomspace(0.1, 10.0, 9)]
    found = crossings(sizes, value, resolution)
    changes = sum(value(a) != value(b) for a, b in itertools.pairwise(sizes))
    assert len(found) == changes
    for low, high, below, above in found:
        assert value(low) == below != above == value(high)
        assert high / low <= 1.0 + resolution
        assert any(low <= w <= high for w in where)


def test_always_is_an_answer() -> None:
    assert crossings([1.0, 2.0, 4.0], lambda _: "grows", 0.1) == []
    assert sentence([], "grows", "neutral size") == ["neutral size: none, every size grows"]
    trials = [SizeTrial(1.0, "coarse", "meets", ""), SizeTrial(2.0, "coarse", "meets", "")]
    assert extremes(trials) == {"smallest_closed_um": None, "largest_coalesced_um": 2.0}
    text = sentence([Crossing(2.0, 0.1, math.nan, "grows", "shrinks")], "", "x")[0]
    assert "2 um" in text and "not found on the coarse mesh" in text


@pytest.mark.parallel
@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.8])
def test_focusing_lies_between_the_exact_limits_of_stripes(fraction: float, comm: MPI.Comm) -> None:
    rows = [focus_row("plane", fraction, number, comm) for number in (0.01, 1.0, 100.0)]
    for row in rows:
        assert row.contact_fraction == pytest.approx(fraction, rel=1e-3)
        assert row.limit * (1.0 - 1e-3) <= row.constriction <= row.bound * (1.0 + 1e-3)
        assert row.peak_contact >= 1.0
    assert rows[0].constriction < rows[1].constriction < rows[2].constriction
    assert rows[0].peak_applied > rows[1].peak_applied > rows[2].peak_applied
    assert rows[2].constriction == pytest.approx(uniform_limit(rows[2].contact_fraction), rel=2e-3)
    assert rows[2].peak_applied == pytest.approx(1.0 / rows[2].contact_fraction, rel=1e-2)


@pytest.mark.parallel
def test_an_isolated_disc_has_its_exact_limits(comm: MPI.Comm) -> None:
    """Newman's 1/(4 kappa a) at small Wa, a uniform current at large; between them the bounds hold."""
    even, middle, smooth = (disc_row(wagner, comm) for wagner in (1e-3, 1.0, 1e3))
    assert even.constriction == pytest.approx(0.25, rel=2e-3)
    assert even.peak_contact > 5.0
    assert smooth.constriction == pytest.approx(8.0 / (3.0 * math.pi**2), rel=2e-3)
    assert smooth.peak_contact == pytest.approx(1.0, abs=1e-3)
    assert smooth.total == pytest.approx(1e3 / math.pi, rel=2e-3)
    assert middle.limit < middle.constriction < middle.bound
    assert middle.limit < middle.total - 1.0 / math.pi < middle.bound * (1.0 + 1e-3)
    # without what the tube takes away they would be 7 % too small
    assert tube_share(EPS) == pytest.approx(0.0176, abs=1e-4)


def test_the_limits_of_stripes() -> None:
    assert equipotential_limit(0.5) == pytest.approx(math.log(2.0) / math.pi)
    assert equipotential_limit(1.0) == 0.0
    # the share of the current in the constriction of a wide contact vanishes with its gap
    assert uniform_limit(0.99) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["axisymmetric", "3d"])
def test_arrays_of_discs_focus_at_their_edge(kind: str, comm: MPI.Comm) -> None:
    rows = [focus_row(kind, 0.5, number, comm) for number in (0.1, 100.0)]  # type: ignore[arg-type]
    assert rows[0].peak_contact > 1.3
    assert rows[1].peak_contact == pytest.approx(1.0, abs=0.01)
    assert 0.0 < rows[0].constriction < rows[1].constriction


@pytest.mark.slow
def test_focus_command(tmp_path: Path, livoid: Livoid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focusing, "FRACTIONS", (focusing.FRACTIONS[0], focusing.FRACTIONS[-1]))
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    result = livoid("focus", "case.toml", "--kind", "plane", "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "this case: Wa =" in result.stdout
    with (tmp_path / "out" / "focus.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 6
    assert (tmp_path / "out" / "focus.png").stat().st_size > 1000


@pytest.mark.slow
def test_critical_command_finds_the_neutral_size(tmp_path: Path, livoid: Livoid) -> None:
    case = str(ROOT / "cases" / "critical.toml")
    result = livoid("critical", case, "--part", "instant", "--out", "out")
    assert result.returncode == 0, result.stderr
    data = json.loads((tmp_path / "out" / "critical.json").read_text(encoding="utf-8"))
    (only,) = data["instant"]
    assert (only["below"], only["above"]) == ("grows", "shrinks")
    assert only["mesh"] < 0.05 * only["half_width"]
    assert only["bisection"] < 0.02 * only["half_width"]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """A command in this process, in a folder with a small case; what logs elsewhere stays as it is."""
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "_log_to_terminal", lambda _comm, *, verbose: None)
    return lambda *words: main.main(list(words))


def drawn(picture: Path) -> bool:
    return picture.stat().st_size > 1000


def test_neutral_command(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("neutral", "case.toml", "--out", "out") == 0
    said = capsys.readouterr().out
    assert "full     neutral half-width:" in said and "uniform  neutral half-width:" in said
    with Path("out/neutral.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == ["full"] * 5 + ["uniform"] * 5  # up to 0.95 of the width, 3 um
    assert all(float(row["gain"]) > 0.0 for row in rows)
    assert drawn(Path("out/neutral.png"))


def test_threshold_command(
    command: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def below_one(loaded: LoadedCase, _comm: MPI.Comm) -> bool:
        return loaded.case.operation.pressure < 1e6

    monkeypatch.setattr(threshold, "grows", below_one)
    assert command("threshold", "case.toml", "--set", "title=two words") == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "runs/case-threshold/threshold.csv",
        "runs/case-threshold/threshold.png",
    ]
    with Path("runs/case-threshold/threshold.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (5 + 3 + 2)
    assert all(abs(math.log(float(row["threshold_MPa"]))) <= math.log(1.05) for row in rows)
    assert drawn(Path("runs/case-threshold/threshold.png"))


@pytest.mark.parametrize("gap", ["8", "0 um", "-1 um", "8 MPa", "inf um", "wide"])
def test_a_gap_is_a_width(gap: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("critical", "case.toml", "--gap", gap, "--out", "out") == 2
    assert "--gap" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_kept_gap_widens_the_cell_with_the_void(
    command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = {}

    def rates(setup: Setup, half_width: float, _comm: MPI.Comm) -> tuple[float, float]:
        widths[half_width] = setup.geometry.width
        return 1.0, half_width

    monkeypatch.setattr("solver.predictions.critical.instantaneous_rates", rates)
    assert command("critical", "case.toml", "--part", "instant", "--gap", "3000 nm", "--out", "out") == 0
    assert len(widths) > 9
    assert all(width == pytest.approx(half_width + 1.5) for half_width, width in widths.items())


def test_map_of_critical_sizes(command: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Voids of less than 1 um per MPa grow: at the lowest pressure all that fit."""

    def rates(setup: Setup, half_width: float, _comm: MPI.Comm) -> tuple[float, float]:
        return 1.0, half_width * setup.loaded.case.operation.pressure / 1e6

    monkeypatch.setattr("solver.predictions.critical.instantaneous_rates", rates)
    assert command("critical", "case.toml", "--part", "map", "--out", "out") == 0
    with Path("out/map.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13 * 5
    for row in rows:
        size, wanted = float(row["neutral_half_width_um"]), 1.0 / float(row["pressure_MPa"])
        if 0.25 < wanted < 2.7:  # the sizes that are tried
            assert size == pytest.approx(wanted, rel=0.08)
            assert row["everywhere"] == ""
        else:
            assert math.isnan(size)
            assert row["everywhere"] == ("grows" if wanted > 2.7 else "shrinks")
    assert drawn(Path("out/map.png"))


def test_alloy_command(
    command: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"D_Mg": "DFT", "sinks": "l_v 10 um", "celsius": "25"}
    steps = [{"do": "plate", "current": "0.28 mA/cm^2", "capacity": "0.003 mAh/cm^2"}]
    short = StudyRun("short", labels, {"operation.step": steps})
    monkeypatch.setattr("solver.predictions.alloy.study", lambda kind: (f"limg-{kind}", [short]))
    assert command("alloy", "plate", "--out", "out") == 0
    said = capsys.readouterr().out
    assert "[1/1] short: finished" in said
    assert "paper: layer mean 0.50 of the bulk" in said
    assert said.splitlines()[-2:] == ["out/plate.csv", "out/plate.png"]
    assert drawn(Path("out/plate.png"))


def test_critical_needs_one_plane_void(tmp_path: Path, livoid: Livoid) -> None:
    data = case_data()
    del data["void"]
    (tmp_path / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    result = livoid("critical", "case.toml")
    assert result.returncode == 2
    assert "one [[void]]" in result.stderr


@pytest.mark.slow
def test_an_instant_has_as_many_passes_as_short_sinks_need() -> None:
    """l_v = 0.3 um, 60 C, 0.05 MPa: what sinks take and the pressure of that flow answer to each other."""
    load = case_reader(
        ROOT / "cases" / "threshold-li.toml", ("material.metal.sink_length=0.3 um",), MPI.COMM_SELF
    )
    setting = Threshold("as given", 0.5, 333.15, 1.5, 0.0)
    setup = set_up(load(setting_changes(load({}), setting) | {"operation.pressure": "0.05 MPa"}))
    gain, loss = void_rates(setup, initial_cell(setup, MPI.COMM_SELF))
    # other ways of the loop to the same state (shares mixed from the first pass on, a longer memory)
    assert gain == pytest.approx(0.25285, rel=5e-4)
    assert loss == pytest.approx(3.3630, rel=5e-4)


@given(st.floats(0.021, 99.0))
@settings(max_examples=50, deadline=None)
def test_a_threshold_is_bracketed(where: float) -> None:
    found = bisected(lambda pressure: pressure < where)
    assert abs(math.log(found / where)) <= math.log(1.05)


def test_thresholds_that_are_not_there() -> None:
    assert bisected(lambda _: False) == 0.0
    assert bisected(lambda _: True) == math.inf


def test_a_threshold_that_cannot_be_solved_is_no_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, comm: MPI.Comm
) -> None:
    def fails(loaded: LoadedCase, _comm: MPI.Comm) -> bool:
        if loaded.case.operation.temperature > 300.0:
            raise SolveError("contact: no settled contact set")
        return False

    case = tmp_path / "case.toml"
    case.write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    monkeypatch.setattr("solver.predictions.threshold.grows", fails)
    rows = threshold_study(lambda changes: load_case(case, changes), comm)
    assert {row.pressure for row in rows if row.temperature < 300.0} == {0.0}
    assert all(math.isnan(row.pressure) for row in rows if row.temperature > 300.0)
    write_thresholds(rows, tmp_path)
    assert math.isnan(spread(read_thresholds(tmp_path), 333.15, 0.5)[1])


@pytest.mark.parallel
def test_pressure_decides_whether_a_void_grows(comm: MPI.Comm) -> None:
    low, high = (small_case(operation={"pressure": p}) for p in ("0.1 MPa", "5 MPa"))
    assert grows(low, comm) and not grows(high, comm)


def test_creep_laws_of_the_spread_are_what_they_say() -> None:
    base = small_case()
    rates = {}
    for name, changes in creep_changes(base).items():
        creep = changes.get("material.creep")
        loaded = small_case(material={"creep": creep}) if creep else base
        rates[name] = loaded.creep.coefficient(298.15)
        assert loaded.creep.exponent.value == (5.0 if "2021" in name else 6.6)
    assert rates["A x 3"] / rates["as given"] == pytest.approx(3.0)
    assert rates["A / 3"] / rates["as given"] == pytest.approx(1.0 / 3.0)


def test_a_limited_law_is_spread_as_a_whole() -> None:
    name = "lithium-anand-limited"
    base = small_case(material={"creep": {"name": name}})
    for label, factor in (("A x 3", 3.0), ("A / 3", 1.0 / 3.0)):
        loaded = small_case(material={"creep": creep_changes(base)[label]["material.creep"]})
        assert loaded.creep.coefficient(298.15) == pytest.approx(factor * base.creep.coefficient(298.15))
        own, limit = (law.creep.saturated_coefficient(298.15) for law in (loaded, base))
        assert own == pytest.approx(factor * limit)


def test_void_sizes_are_scaled_where_they_are() -> None:
    base = small_case(void=[{"width": "1.6 um", "height": "0.5 um", "position": "1.5 um"}])
    made = small_case(**size_changes(base, 1.5)).case.void[0]
    assert (made.width, made.roof_height, *made.center) == pytest.approx((2.4e-6, 0.75e-6, 1.5e-6))
    many = {"density": "100 /mm", "mean_width": "2 um", "width_deviation": "1 um"}
    data = case_data(voids=many)
    del data["void"]
    changes = size_changes(parse_case(data), 0.5)
    assert changes["voids.mean_width"] == "1 um"
    assert changes["voids.smallest_width"] == "0.1 um"


def test_other_populations_are_drawn_where_voids_are_random() -> None:
    other = Threshold("as given", 0.5, 298.15, 1.0, 0.0, population=2)
    data = case_data(voids={"density": "100 /mm", "mean_width": "2 um", "width_deviation": "1 um", "seed": 7})
    del data["void"]
    assert setting_changes(parse_case(data), other)["voids.seed"] == 9
    assert "voids.seed" not in setting_changes(small_case(), other)


def test_thresholds_are_written(tmp_path: Path) -> None:
    rows = [
        Threshold("as given", 0.5, 298.15, 1.0, 0.6),
        Threshold("as given", 1.0, 298.15, 1.0, 0.8),
        Threshold("A x 3", 0.5, 298.15, 1.0, 0.4),
        Threshold("as given", 0.5, 298.15, 1.5, 0.7),
        Threshold("as given", 0.5, 298.15, 1.0, 0.9, population=1),
    ]
    table = write_thresholds(rows, tmp_path)
    assert spread(read_thresholds(tmp_path), 298.15, 0.5) == (0.6, 0.4, 0.9)
    picture = draw_thresholds(tmp_path, "title")
    with table.open(encoding="utf-8", newline="") as file:
        assert [row["threshold_MPa"] for row in csv.DictReader(file)] == ["0.6", "0.8", "0.4", "0.7", "0.9"]
    assert picture.stat().st_size > 1000


def test_thresholds_of_any_currents_temperatures_and_metals(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, comm: MPI.Comm
) -> None:
    """The answer follows what is asked of each case: its metal, temperature and current."""

    def grows_below(loaded: LoadedCase, _comm: MPI.Comm) -> bool:
        operation = loaded.case.operation
        assert operation.current is not None
        alloy = 2.0 if loaded.metal.is_alloy else 1.0
        return operation.pressure < 1e6 * alloy * operation.current / 10.0 * operation.temperature / 300.0

    case = tmp_path / "case.toml"
    case.write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    monkeypatch.setattr("solver.predictions.threshold.grows", grows_below)
    metals = ("lithium", "lithium-magnesium")
    rows = threshold_study(lambda changes: load_case(case, changes), comm, [1.5], [300.0, 330.0], metals)
    assert {row.metal for row in rows} == set(metals)
    assert {row.current for row in rows} == {0.5, 1.5}
    assert {row.temperature for row in rows} == {300.0, 330.0}
    for row in rows:
        exact = (2.0 if row.metal == "lithium-magnesium" else 1.0) * row.current * row.temperature / 300.0
        assert row.pressure == pytest.approx(exact, rel=0.05)
    write_thresholds(rows, tmp_path)
    table = read_thresholds(tmp_path)
    assert list(table["metal"]) == [row.metal for row in rows]
    assert draw_thresholds(tmp_path, "title").stat().st_size > 1000


def test_a_case_brings_its_wagner_number_unless_that_is_too_low() -> None:
    plain = asked(["3d", "disc"], ["0.3"], ["5", "0.2"])
    assert (plain.arrays, plain.disc, plain.contact, plain.wagner) == (("3d",), True, (0.3,), (0.2, 5.0))
    assert asked([], [], []).arrays == KINDS and asked(["disc"], [], []).arrays == ()
    setup = set_up(small_case())
    own = float(f"{case_wagner(setup)[0]:.4g}")
    assert plain.with_case(setup).wagner == tuple(sorted((0.2, own, 5.0)))
    low = set_up(small_case(material={"electrolyte": {"name": "LPSCl", "area_resistance": "1e-6 ohm cm2"}}))
    assert plain.with_case(low) == plain
    with pytest.raises(ValueError, match="no array plan; there are plane, axisymmetric, 3d, disc"):
        asked(["plan"], [], [])


def test_a_cell_that_cannot_be_meshed_does_not_lose_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, comm: MPI.Comm, caplog: pytest.LogCaptureFixture
) -> None:
    def row(kind: str, fraction: float, wagner: float, _comm: MPI.Comm) -> FocusRow:
        if fraction == 0.5:
            raise MeshingError("Gmsh could not mesh the cell: too thin")
        return FocusRow(kind, fraction, 1.0 - fraction, wagner, 2.0, 1.0, 0.1, 0.3, 0.1, 0.2)

    monkeypatch.setattr("solver.predictions.focus.focus_row", row)
    with caplog.at_level("WARNING", logger="livoid"):
        rows = focus_study(["plane"], comm, [1.0], [0.3, 0.5, 0.7])
    assert [math.isnan(found.total) for found in rows] == [False, True, False]
    assert "contact fraction 0.5, Wa = 1: Gmsh could not mesh the cell: too thin" in caplog.text
    write_focus(rows, tmp_path)
    assert drawn(draw_focus(tmp_path))


def test_narrow_contacts_of_the_solid_array_are_meshed_at_the_first_try(
    monkeypatch: pytest.MonkeyPatch, comm: MPI.Comm
) -> None:
    monkeypatch.setattr("meshes.gmsh.solid.TRIES", ((1.0, False),))
    assert quality(focus_cell("3d", void_half_width("3d", 0.35), 0.03, comm)) > 0.1


def test_focus_of_any_contact_fraction(comm: MPI.Comm) -> None:
    """The whole resistance lies between its exact bounds (docs/verification.md, row 9)."""
    (row,) = focus_study(["plane"], comm, [2.0], [0.42])
    assert row.contact_fraction == pytest.approx(0.42, rel=0.01)
    transfer = row.wagner / row.contact_fraction
    assert transfer + row.limit <= row.total <= transfer + row.bound


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("threshold", "case.toml", "--current", "1 mA"), "--current"),
        (("threshold", "case.toml", "--temperature", "-300 °C"), "--temperature"),
        (("threshold", "case.toml", "--metal", "lithum"), "lithium"),
        (("focus", "case.toml", "--contact", "1.2", "--kind", "plane"), "must be a fraction above 0.01 and"),
        (
            ("focus", "case.toml", "--kind", "3d", "--contact", "0.1"),
            "discs touch) above 0.2146",
        ),
        (("focus", "case.toml", "--wagner", "1e-9"), "'1e-9': must be a value above 0.0001"),
        (("focus", "case.toml", "--kind", "disc", "--contact", "0.5"), "--contact is of arrays"),
    ],
)
def test_lists_of_predictions_are_read_before_anything_is_made(
    tmp_path: Path, livoid: Livoid, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    result = livoid(*words)
    assert result.returncode == 2
    assert said in result.stderr
    assert not (tmp_path / "runs").exists()
