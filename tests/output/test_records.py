"""Records of a run: columns with names, units and meanings; tables of typed rows; reading back."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista as pv
import tomli_w

from postprocess.records import RecordsError, read_run, read_table
from solver.output import rows
from solver.output.columns import Column, Row, column
from solver.output.shown_fields import SHOWN_FIELDS
from solver.output.tables import Table
from tests.conftest import ROOT, case_data, environment, on_two_ranks, table

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

HEADERS: dict[type[Row], str] = {
    rows.SeriesRow: """
        step time_s capacity_mAh_cm2 net_mAh_cm2 cycle stage kind stage_capacity_mAh_cm2
        current_mA_cm2 voltage_V ohmic_V constriction_V charge_transfer_V vacancy_V
        composition_V pressure_V contact_fraction active_fraction gap_fraction
        virgin_fraction voids
        largest_width_um largest_height_um void_measure_um void_gain_um_s void_loss_um_s
        focus_contact focus_applied
        largest_supersaturation solute_contact solute_largest solute_smallest
        contact_pressure_MPa stack_pressure_MPa lift_off_um beyond_breakdown platen_um
        charge_error lithium_error volume_error
        solute_error solute_correction solute_indicator dt_s newton_electrochemistry
        newton_creep contact_sets coupling rejected remeshes quality volume_correction_um
        roof_speed_um_s
    """,
    rows.VoidRow: """
        output time_s capacity_mAh_cm2 void parents x_um y_um z_um left_um right_um width_um
        height_um measure_um
    """,
    rows.InterfaceRow: """
        output time_s capacity_mAh_cm2 part x_um y_um contact gap_um pressure_MPa current_mA_cm2
        resistance_ohm_cm2 supersaturation solute_fraction
        roof_speed_um_s
    """,
    rows.ProfileRow: """
        output time_s capacity_mAh_cm2 side y_um supersaturation solute_fraction
    """,
    rows.PlatedThicknessRow: """
        output time_s capacity_mAh_cm2 cycle stage x_um thickness_um
    """,
    rows.StageRow: """
        cycle stage kind start_s end_s capacity_mAh_cm2 end start_voltage_V end_voltage_V
        start_contact_fraction end_contact_fraction start_active_fraction end_active_fraction
        start_stack_pressure_MPa end_stack_pressure_MPa
        start_focus_contact start_focus_applied
        end_solute_largest deposit_mean_um deposit_largest_um deposit_smallest_um
    """,
    rows.EventRow: """
        time_s capacity_mAh_cm2 kind position_um size_um ended made detail
    """,
    rows.LineageRow: """
        void parents origin begin_s begin_mAh_cm2 fate end_s end_mAh_cm2 children
    """,
}
"""What users have: a column that changes its name or its place breaks their scripts."""
KINDS = list(rows.TABLES)
UNITS = {"", "s", "V", "um", "um2", "um2/s", "um/s", "MPa", "mA/cm2", "mAh/cm2", "1/s", "ohm cm2"}


class Sample(Row):
    """``sample.csv``: for these tests."""

    count: int = column("", "count")
    length_um: float = column("um", "length; of the sample")
    end_s: float | None = column("s", "end; empty if it has none")
    word: str = column("", "word")


def example(row: type[Row]) -> Row:
    """A row with a value of its type in every column, no two alike."""
    kinds: dict[type, Any] = {int: int, float: lambda k: k + 1.0 / 3.0, str: "word {}".format}
    return row(**{name: kinds[kind](k) for k, (name, kind) in enumerate(row.types().items())})


@pytest.mark.parametrize("row", KINDS, ids=lambda r: r.__name__)
def test_headers_are_what_users_have(row: type[Row]) -> None:
    assert list(row.columns()) == HEADERS[row].split()


@pytest.mark.parametrize("row", KINDS, ids=lambda r: r.__name__)
def test_every_column_has_a_unit_and_a_meaning(row: type[Row]) -> None:
    for name, about in row.columns().items():
        assert about.unit in UNITS, name
        assert about.name and about.description == about.description.strip(), name
        # the header says the same: um2 and um3 share the ending um
        ending = {"": "", "um2": "um", "um2/s": "um_s"}.get(about.unit, re.sub("[/ ]", "_", about.unit))
        assert name.endswith(f"_{ending}") if ending else row.types()[name] in (int, str, float), name
        if not about.unit:
            assert not name.endswith(("_s", "_V", "_um", "_MPa", "_cm2")), name
    assert row.__doc__ and row.__doc__.startswith(f"``{rows.TABLES[row]}``: ")


def test_every_table_has_its_row() -> None:
    assert set(HEADERS) == set(rows.TABLES)
    assert len(set(rows.TABLES.values())) == len(rows.TABLES)


@pytest.mark.parametrize("row", KINDS, ids=lambda r: r.__name__)
def test_a_row_without_a_value_or_with_a_strange_one_cannot_be_built(row: type[Row]) -> None:
    whole = {f.name: getattr(example(row), f.name) for f in dataclasses.fields(row)}
    for name in whole:
        with pytest.raises(TypeError, match=name):
            row(**{key: value for key, value in whole.items() if key != name})
    with pytest.raises(TypeError, match="unknown"):
        row(**whole, unknown=1.0)
    with pytest.raises(TypeError, match="positional"):
        row(*whole.values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(row(**whole), next(iter(whole)), 0)


@pytest.mark.xdist_group("mypy")  # its cache is in the source tree
def test_a_misplaced_value_is_a_type_error(tmp_path: Path) -> None:
    """The type checker knows the columns of a row and the rows of a table."""
    if shutil.which("mypy") is None:
        pytest.skip("mypy is not installed")
    lines = (
        "from pathlib import Path",
        "from solver.output.rows import PlatedThicknessRow, ProfileRow",
        "from solver.output.tables import Table",
        "at = dict[str, int]()",
        "row = PlatedThicknessRow(output=0, time_s=0.0, capacity_mAh_cm2=0.0, cycle=1, stage=1, x_um=0.0)",
        "row = PlatedThicknessRow(output=0, time_s='', capacity_mAh_cm2=0.0, cycle=1, stage=1, x_um=0.0,",
        "    thickness_um=0.0)",
        "Table(Path(), ProfileRow).append([row])",
    )
    file = tmp_path / "wrong.py"
    file.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(file)]
    found = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300)
    assert 'Missing named argument "thickness_um"' in found.stdout
    assert 'Argument "time_s" to "PlatedThicknessRow" has incompatible type "str"' in found.stdout
    assert 'expected "ProfileRow"' in found.stdout


def test_labels_come_from_the_columns() -> None:
    assert Sample.label("length_um") == "length (um)"
    assert Sample.label("word") == "word"
    assert Sample.columns()["length_um"] == Column("um", "length; of the sample")
    assert Sample.types() == {"count": int, "length_um": float, "end_s": float, "word": str}
    assert Sample.optional() == {"end_s"}


def sample(count: int, end: float | None = None) -> Sample:
    return Sample(count=count, length_um=1.0 / 3.0, end_s=end, word='a "word", quoted')


def test_a_table_appends_rows_and_goes_back(tmp_path: Path) -> None:
    written = Table(tmp_path / "sample.csv", Sample)
    written.append([])
    header = written.size()
    assert table(written.path) == [] and header == len("count,length_um,end_s,word\r\n")
    written.append([sample(0), sample(1, 2.0)])
    size = written.size()
    written.append([sample(2)])
    assert [row["count"] for row in table(written.path)] == ["0", "1", "2"]
    assert table(written.path)[1] == {
        "count": "1", "length_um": "0.333333333333", "end_s": "2", "word": 'a "word", quoted'
    }  # fmt: skip
    written.cut(size)
    assert [row["count"] for row in table(written.path)] == ["0", "1"]


@pytest.mark.parametrize("row", KINDS, ids=lambda r: r.__name__)
def test_what_is_written_is_read_back(row: type[Row], tmp_path: Path) -> None:
    one = example(row)
    Table(tmp_path / rows.TABLES[row], row).append([one, one])
    found = read_table(tmp_path, row)
    assert list(found) == list(row.columns())
    for name, kind in row.types().items():
        assert found[name].dtype.kind == {int: "i", float: "f", str: "U"}[kind], name
        if kind is float:
            assert found[name] == pytest.approx(getattr(one, name), rel=1e-11)
        else:
            assert found[name].tolist() == [getattr(one, name)] * 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("mass", "7,7,7"),
        lambda text: text[: text.rindex(",") - 9],
        lambda text: text.replace("0.5", "half"),
        lambda text: text.replace("0.5", ""),
        lambda text: text + "\n\0\xff,1",
        lambda text: text.replace("strip", '"strip'),
    ],
)
def test_a_damaged_table_is_named(damage: Callable[[str], str], tmp_path: Path) -> None:
    header = ",".join(rows.StageRow.columns())
    good = f"{header}\n1,1,strip,0,0.5,0.1,mass,0,0,1,1,1,1,1,1,1,1,0,0,0,0.25\n"
    path = tmp_path / "stages.csv"
    path.write_text(good, encoding="utf-8")
    assert read_table(tmp_path, rows.StageRow)["end_s"].tolist() == [0.5]
    path.write_text(damage(good), encoding="latin-1")
    with pytest.raises(RecordsError, match=r"stages\.csv"):
        read_table(tmp_path, rows.StageRow)


def test_words_that_look_like_numbers_or_nothing_stay_words(tmp_path: Path) -> None:
    lives = [
        rows.LineageRow(
            void=k, parents=parents, origin="seed", begin_s=0.0, begin_mAh_cm2=0.0, fate="", end_s=None,
            end_mAh_cm2=None, children="nan",
        )
        for k, parents in enumerate(("1", "", "1+2"))
    ]  # fmt: skip
    Table(tmp_path / "lineage.csv", rows.LineageRow).append(lives)
    found = read_table(tmp_path, rows.LineageRow)
    assert found["parents"].tolist() == ["1", "", "1+2"]
    assert found["children"].tolist() == ["nan"] * 3
    assert np.isnan(found["end_s"]).all()


def test_absent_and_empty_tables_have_no_columns(tmp_path: Path) -> None:
    assert read_table(tmp_path, rows.EventRow) == {}
    (tmp_path / "events.csv").touch()
    assert read_table(tmp_path, rows.EventRow) == {}
    Table(tmp_path / "events.csv", rows.EventRow).append([])
    assert read_table(tmp_path, rows.EventRow) == {}


@pytest.mark.slow
@on_two_ranks
def test_a_run_reads_back_into_its_columns(tmp_path: Path, together: Path, livoid: Livoid) -> None:
    """Strip and plate, so that every table has rows; on two ranks."""
    steps = [
        {"do": "strip", "current": "0.5 mA/cm^2", "capacity": "0.00006 mAh/cm^2"},
        {"do": "plate", "current": "0.5 mA/cm^2", "capacity": "0.00003 mAh/cm^2"},
    ]
    data = case_data(output={"interval": "0.00003 mAh/cm^2"}, numerics={"tip_size": "0.12 um", "growth": 0.4})
    data["operation"] = {"pressure": "0.5 MPa", "step": steps}
    (tmp_path / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    done = livoid("run", str(tmp_path / "case.toml"), "--out", "out", ranks=2)
    assert done.returncode == 0, done.stdout + done.stderr
    run = read_run(together / "out")
    for row, name in rows.TABLES.items():
        text, found = table(together / "out" / name), read_table(together / "out", row)
        if row is rows.EventRow:
            assert text == [] and found == {}
            continue
        assert text, name
        assert list(text[0]) == list(found) == HEADERS[row].split()
        for key, kind in row.types().items():
            assert [line[key] for line in text] == [_written(value, kind, row) for value in found[key]], key
    assert run.series["kind"].tolist()[0] == "strip" and run.series["kind"].tolist()[-1] == "plate"
    assert run.series["capacity_mAh_cm2"][-1] == pytest.approx(9e-5, rel=1e-9)
    assert run.stages["deposit_mean_um"][-1] == pytest.approx(
        run.plated["thickness_um"][-400:].mean(), rel=1e-6
    )
    _, file = run.fields[-1]
    _fields_are_as_described(pv.read(str(file)))


def _written(value: Any, kind: type, row: type[Row]) -> str:
    """A value as the file has it; ``lineage.csv`` alone keeps all digits."""
    if kind is not float:
        return str(value)
    if np.isnan(value):
        return "" if row is rows.LineageRow else "nan"
    return repr(float(value)) if row is rows.LineageRow else f"{value:.12g}"


def _fields_are_as_described(mesh: Any) -> None:
    data = {"node": mesh.point_data, "cell": mesh.cell_data}
    found = {(at, name) for at, arrays in data.items() for name in arrays if not name.startswith("vtk")}
    absent = ("solute_fraction", "contact_resistance")
    described = {(about.at, name) for name, about in SHOWN_FIELDS.items() if name not in absent}
    assert found == described
    for name, about in SHOWN_FIELDS.items():
        if name not in absent:
            assert (np.ndim(data[about.at][name]) == 2) is about.vector, name


def test_rows_are_known_without_the_solver() -> None:
    """A laptop that only looks at results has no dolfinx."""
    code = (
        "import sys, postprocess.plots, postprocess.report, solver.output.rows, solver.output.shown_fields\n"
        "print([name for name in ('dolfinx', 'petsc4py', 'mpi4py', 'ufl') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert found.stdout.strip() == "[]", found.stderr
