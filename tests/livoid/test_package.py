"""The package as scripts and notebooks use it: what it returns is what the folders hold."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tomli_w

import livoid
from solver.predictions import focus as focusing
from solver.predictions import threshold as sought
from solver.predictions.critical import Crossing, SizeTrial
from solver.predictions.focus import FocusRow
from tests.conftest import ROOT, TIMEOUT, case_data, environment, table
from tests.livoid.conftest import Made

pytestmark = pytest.mark.xdist_group("package")

BLOCKED = """
import sys

LACKING = {"dolfinx", "petsc4py", "mpi4py", "gmsh", "basix", "ufl", "ffcx", "adios4dolfinx"}


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in LACKING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""
"""Beginning of a script for a machine that has what pip gives, and no more."""


def script(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", text, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def test_a_case_is_changed_without_touching_the_first(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    first = livoid.Case.load(file)
    second = first.with_({"void[0].width": "2 um"}, operation={"pressure": "3 MPa"})
    third = second.with_(operation={"pressure": "4 MPa"}).with_(void=[])  # what comes later counts
    pressures = [case.loaded.case.operation.pressure for case in (first, second, third)]
    assert pressures == pytest.approx([0.5e6, 3e6, 4e6])
    assert [len(case.loaded.case.void) for case in (first, second, third)] == [1, 1, 0]
    assert second.loaded.case.void[0].width == pytest.approx(2e-6)
    assert second.resolved()["geometry"]["width"] == first.resolved()["geometry"]["width"]


def test_what_is_wrong_with_a_case_is_said_at_once() -> None:
    wrong = case_data(operation={"presure": "1 MPa"}, geometry={"width": "3 s"})
    with pytest.raises(livoid.CaseError) as found:
        livoid.Case.from_dict(wrong, "mine")
    assert len(found.value.problems) == 2 and "mine" in str(found.value)
    good = livoid.Case.from_dict(case_data())
    with pytest.raises(livoid.CaseError, match="pressure"):
        good.with_({"operation.presure": "1 MPa"})
    with pytest.raises(livoid.CaseError, match="overridden"):
        good.with_({"void[0].width": "1 um", "void": []})
    with pytest.raises(ValueError, match="one of them"):
        livoid.run(good, "nowhere", force=True, resume=True)


def test_a_run_is_what_its_folder_holds(made: Made) -> None:
    run = livoid.Run(made.run.folder)
    rows = table(run.folder / "series.csv")
    assert run.status == "finished" and len(run.series) == len(rows) > 3
    assert run.series["voltage_V"].to_numpy() == pytest.approx([float(row["voltage_V"]) for row in rows])
    assert made.seen == pytest.approx(run.series["capacity_mAh_cm2"], abs=1e-12)
    assert run.series.attrs["units"]["capacity_mAh_cm2"] == "mAh/cm2"
    assert set(run.series.attrs["units"]) == set(run.series.columns)
    assert len(run.voids) == len(table(run.folder / "voids.csv")) > 0
    assert len(run.interface) == len(table(run.folder / "interface.csv")) > 0
    assert run.events.empty and "kind" in run.events.columns
    assert run.case.loaded.case.operation.pressure == pytest.approx(0.5e6)
    assert run.quantities["capacity"] == pytest.approx(2e-4)
    assert run.quantities.attrs["units"]["capacity"] == "mAh/cm^2"


def test_fields_are_those_of_the_nearest_output(made: Made) -> None:
    run = made.run
    first, last = run.fields(0.0), run.fields()
    assert run.field_times[0] == 0.0 < run.field_times[-1]
    assert "supersaturation" in last.point_data and last.n_points > 100
    nearly = run.field_times[0] + 0.4 * (run.field_times[1] - run.field_times[0])
    assert np.array_equal(run.fields(nearly).points, first.points)
    assert not np.array_equal(first.point_data["supersaturation"], last.point_data["supersaturation"])


def test_figures_are_handed_over(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib
    import matplotlib.pyplot as plt

    figure = made.run.plot("shape")
    assert figure.number in plt.get_fignums()  # plt.show() of a script shows it
    plt.close(figure)
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    figure = made.run.plot()
    assert figure.number not in plt.get_fignums() and len(figure.axes) >= 4
    with pytest.raises(livoid.RecordsError, match="no figure 'composition'; there are history, shape"):
        made.run.plot("composition")


def test_a_finished_run_is_returned_and_goes_on(made: Made, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(made.run.folder, folder)
    same = livoid.run(made.run.case, folder, resume=True)
    assert len(same.series) == len(made.run.series)
    longer = made.run.case.with_({"operation.capacity": "2.5e-4 mAh/cm2"})
    assert livoid.run(longer, folder, resume=True).series["capacity_mAh_cm2"].iloc[-1] == pytest.approx(
        2.5e-4
    )


def test_a_run_that_fails_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_simulation: object) -> None:
        raise RuntimeError("no more")

    case = livoid.Case.from_dict(case_data())
    with caplog.at_level("WARNING", "livoid"):
        run = livoid.run(case, tmp_path / "run", [broken])
    assert run.manifest["status"] == "failed" and "no more" in run.message
    assert any("failed" in record.message for record in caplog.records)


@pytest.fixture
def study(made: Made, tmp_path: Path) -> Path:
    """A study of two pressures, whose second run has no result."""
    folder = tmp_path / "study"
    (folder / "done").mkdir(parents=True)
    text = '[study]\ncase = "a.toml"\n[study.vary]\n"operation.pressure" = ["1 MPa", "2 MPa"]\n'
    (folder / "study.toml").write_text(text, encoding="utf-8")
    lines = ["run,operation.pressure,case_sha256", "0000,1 MPa,x", "0001,2 MPa,y"]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copytree(made.run.folder, folder / "runs" / "0000")
    ended = {"status": "finished", "message": "done"}
    (folder / "done" / "0000.json").write_text(json.dumps(ended), encoding="utf-8")
    return folder


def test_a_study_is_a_dataset(study: Path) -> None:
    found = livoid.Study(study)
    assert list(found.runs) == ["0000", "0001"] and found.runs["0000"].status == "finished"
    data = found.dataset
    assert data["capacity"].shape == (2,) and data["capacity"].attrs["units"] == "mAh/cm^2"
    assert float(data["capacity"][0]) == pytest.approx(2e-4) and np.isnan(float(data["capacity"][1]))
    assert found.plot().axes
    with pytest.raises(livoid.RecordsError, match="not a study folder"):
        livoid.Study(study / "runs").plot()


@pytest.mark.slow
def test_results_are_read_where_nothing_can_be_solved(made: Made, study: Path, tmp_path: Path) -> None:
    text = (
        BLOCKED
        + f"""
import livoid
from livoid.environment import MissingError

run = livoid.Run({str(made.run.folder)!r})
print(len(run.series), len(run.voids), run.fields().n_points, run.status)
for name in ("history", "shape", "interface", "fields"):
    run.plot(name).savefig({str(tmp_path)!r} + "/" + name + ".png")
print(livoid.Study({str(study)!r}).dataset.sizes)
for solve in (lambda: livoid.run(run.case, "nowhere"), lambda: livoid.threshold(run.case)):
    try:
        solve()
    except MissingError as error:
        print(error)
"""
    )
    done = script(text)
    assert done.returncode == 0, done.stderr
    first, sizes, *missing = done.stdout.splitlines()
    assert first.split()[0] == str(len(made.run.series)) and "2" in sizes
    assert len(list(tmp_path.glob("*.png"))) == 4
    assert [line.split(" needs ")[0] for line in missing] == ["run()", "threshold()"]
    assert all("mpi4py, petsc4py, dolfinx, gmsh" in line and "livoid python" in line for line in missing)


def test_the_command_says_in_a_line_what_it_lacks() -> None:
    done = script(
        BLOCKED
        + "sys.argv = ['livoid', 'run', 'x.toml']\nfrom solver.__main__ import start\nsys.exit(start())"
    )
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
    assert "mpi4py" in done.stderr and "import livoid" in done.stderr


def test_thresholds_are_asked_for_in_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without solving: voids grow below 1 MPa times the current over that of the case."""
    monkeypatch.setattr(
        sought, "grows", lambda loaded, _comm: pressure(loaded) < loaded.case.operation.current / 5.0
    )
    case = livoid.Case.from_dict(case_data()).with_({"void[0].width": "2 um"})
    found = livoid.threshold(case, currents=["1 mA/cm2"], temperatures=["40 °C"])
    given = found.table[(found.table["creep"] == "as given") & (found.table["void_size"] == 1.0)]
    assert given["current_mA_cm2"].tolist() == [0.5, 1.0]
    assert given["temperature_K"].tolist() == pytest.approx([313.15, 313.15])
    assert given["threshold_MPa"].tolist() == pytest.approx([1.0, 2.0], rel=sought.RESOLUTION - 1.0)
    assert found.plot().axes[0].get_ylabel().startswith("Threshold")
    with pytest.raises(livoid.CaseError, match="currents"):
        livoid.threshold(case, currents=["1"])
    with pytest.raises(livoid.CaseError, match="with voids"):
        livoid.threshold(case.with_(void=[]))


def test_focusing_is_a_table_with_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without solving: the current is uniform on the contact."""
    monkeypatch.setattr(
        focusing,
        "focus_row",
        lambda kind, f, wagner, _comm: FocusRow(
            kind, f, 1.0 - f, wagner, 1.0 / f, 1.0, 0.1, wagner / f, 0.1, 0.2
        ),
    )
    found = livoid.focus(livoid.Case.from_dict(case_data()), kinds=["plane"], contact=[0.3, 0.7], wagner=[5])
    assert found.table["contact_fraction"].unique().tolist() == [0.3, 0.7]
    assert 5.0 in found.table["wagner"].tolist() and len(found.table) == 4
    assert found.plot().axes[0].get_ylabel().startswith("Largest")
    assert livoid.focus(kinds=["plane"], contact=[0.3], wagner=[5]).table["wagner"].tolist() == [5.0]
    with pytest.raises(livoid.CaseError, match="contact"):
        livoid.focus(contact=[1.2])
    with pytest.raises(livoid.CaseError, match="wagner"):
        livoid.focus(wagner=[0])
    with pytest.raises(ValueError, match="no array plan"):
        livoid.focus(kinds=["plan"])


def pressure(loaded: object) -> float:
    return loaded.case.operation.pressure / 1e6  # type: ignore[attr-defined]


def test_critical_sizes_are_tables_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without solving: what the searches find is given."""
    from solver.predictions import critical as sizes

    asked = []

    def neutral(load: object, _comm: object, gap: float | None) -> object:
        asked.append((load({"operation.pressure": "2 MPa"}).case.operation.pressure, gap))  # type: ignore[operator]
        crossing = Crossing(1.5, 0.05, 0.02, "shrinks", "grows")
        return [crossing], [SizeTrial(1.0, "coarse", "shrinks", ""), SizeTrial(2.0, "fine", "grows", "")], ""

    monkeypatch.setattr(sizes, "neutral_sizes", neutral)
    case = livoid.Case.from_dict(case_data())
    found = livoid.critical(case, gap="8 um")
    assert asked == [(pytest.approx(2e6), pytest.approx(8.0))]
    assert found.crossings.loc[0, "half_width"] == 1.5 and found.crossings.loc[0, "kind"] == "instant"
    assert found.trials["fate"].tolist() == ["shrinks", "grows"]
    assert "1.5 um" in found.answers[0] and len(found.plot().axes) == 1
    with pytest.raises(livoid.CaseError, match="a width above 0"):
        livoid.critical(case, gap="-1 um")
    with pytest.raises(livoid.CaseError, match=r"one \[\[void\]\]"):
        livoid.critical(case.with_(void=[]))


@pytest.mark.slow
def test_the_wheel_works_where_it_is_installed(made: Made, tmp_path: Path) -> None:
    """Built from a copy of the source, installed offline beside the libraries of this environment."""
    pytest.importorskip("wheel")
    pytest.importorskip("pip")
    source, places = tmp_path / "source", ("solver", "meshes", "postprocess", "python", "cases")
    for place in places:
        shutil.copytree(ROOT / place, source / place, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)

    def call(*words: str | Path) -> str:
        variables = {k: v for k, v in environment().items() if k not in ("PYTHONPATH", "LIVOID_LAUNCHER")}
        done = subprocess.run(
            list(map(str, words)),
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    offline = ("--no-index", "--no-deps", "--no-cache-dir")
    call(*pip, "wheel", *offline, "--no-build-isolation", "-w", tmp_path, source)
    (wheel,) = tmp_path.glob("livoid-*.whl")
    assert livoid.__version__ in wheel.name
    call(sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", tmp_path / "venv")
    programs = tmp_path / "venv" / "bin"
    call(*pip, "--python", programs / "python3", "install", *offline, wheel)
    assert call(programs / "livoid", "--version") == f"livoid {livoid.__version__}\n"
    read = f"import livoid; print(livoid.__file__, len(livoid.Run({str(made.run.folder)!r}).series))"
    place, steps = call(programs / "python3", "-c", read).split()
    assert Path(place).is_relative_to(tmp_path / "venv") and int(steps) == len(made.run.series)
    # the demo's cases and the library of materials have come along
    find = "from solver.cli.arguments import CASES; print(CASES / 'demo-2MPa.toml')"
    demo = call(programs / "python3", "-c", find).strip()
    assert Path(demo).is_relative_to(tmp_path / "venv")
    assert "0.5 mA" in call(programs / "livoid", "check", demo)
    assert len(list(Path(demo).parent.rglob("*.*"))) == len(list((ROOT / "cases").rglob("*.*")))
