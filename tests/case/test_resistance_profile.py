"""``heterogeneity.expression`` and ``table``: read, checked, carried by the case, and computed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tomli_w

from solver.case.loading import CaseError, load_case, parse_case
from solver.case.resistance_table import read_table
from solver.equations.terms.contact_resistance import ResistanceFormula, ResistanceTable, change_length
from solver.setup.setup import set_up
from tests.conftest import case_data, small_case

if TYPE_CHECKING:
    from pathlib import Path

SOLID = {
    "geometry": {"kind": "3d", "depth": "2 um"},
    "void": [{"position": ["1.5 um", "1 um"], "width": "1.2 um"}],
}
COSINE = "1 + 0.5*cos(2*pi*x/(3*um))"
TABLE = "x (um),Z (ohm cm2)\n0,1\n1,2\n3,4\n"


def factors(data: dict[str, Any], *points: tuple[float, ...]) -> np.ndarray:
    profile = set_up(parse_case(data)).parameters.current.patches
    assert profile is not None
    return profile.factor(np.array(points).T)


def test_an_expression_is_what_is_computed_with() -> None:
    data = case_data(heterogeneity={"expression": COSINE})
    np.testing.assert_allclose(factors(data, (0.0, 0.0), (1.5, 9.0)), [1.5, 0.5], rtol=1e-12)
    solid = case_data(heterogeneity={"expression": "1 + x/width + 10*y/depth"}, **SOLID)
    np.testing.assert_allclose(factors(solid, (0.0, 2.0, 0.0), (3.0, 1.0, 0.0)), [11.0, 7.0], rtol=1e-12)
    axis = case_data(heterogeneity={"expression": "1 + (r/um)**2"}, geometry={"kind": "axisymmetric"})
    np.testing.assert_allclose(factors(axis, (2.0, 0.0)), [5.0], rtol=1e-12)


def write(folder: Path, table: str, **changes: Any) -> Path:
    (folder / "z.csv").write_text(table, encoding="utf-8")
    path = folder / "case.toml"
    data = case_data(heterogeneity={"table": "z.csv"}, **changes)
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    return path


def test_a_table_becomes_part_of_the_case(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE, material={"electrolyte": {"name": "LPSCl", "area_resistance": "2 ohm cm2"}})
    loaded = load_case(path)
    given = loaded.case.heterogeneity
    assert given is not None and given.table is None and given.points_give == "ohm cm2"
    (tmp_path / "z.csv").unlink()
    again = parse_case(loaded.resolved())
    assert again.resolved() == loaded.resolved()
    np.testing.assert_allclose(factors(again.resolved(), (0.5, 0.0), (2.0, 0.0)), [0.75, 1.5], rtol=1e-12)


def test_units_of_a_table_are_those_of_its_header(tmp_path: Path) -> None:
    path = tmp_path / "z.csv"
    path.write_text("# a remark\nx [mm], Z (ohm m²)\n\n0,1e-4\n3e-3,4e-4\n", encoding="utf-8")
    points, give = read_table(path, ("x",))
    assert give == "ohm cm2"
    np.testing.assert_allclose(points, [[0.0, 1.0], [3.0, 4.0]], rtol=1e-12)


def test_a_map_is_linear_between_its_points_and_a_line_is_a_stripe(tmp_path: Path) -> None:
    rows = [f"{x},{y},{1 + x + 2 * y}" for x in (0, 1.5, 3) for y in (2, 0)]
    loaded = load_case(write(tmp_path, "\n".join(["x (um),y (um),factor", *rows]), **SOLID))
    points = ((0.7, 1.1, 0.0), (3.0, 2.0, 0.0))
    np.testing.assert_allclose(factors(loaded.resolved(), *points), [3.9, 8.0], rtol=1e-12)
    line = load_case(write(tmp_path, "x (um),factor\n0,1\n3,4\n", **SOLID))
    np.testing.assert_allclose(factors(line.resolved(), *points), [1.7, 4.0], rtol=1e-12)


def test_a_table_of_a_base_is_found_from_there(tmp_path: Path) -> None:
    base = write(tmp_path, TABLE.replace("Z (ohm cm2)", "factor"))
    (tmp_path / "mine").mkdir()
    case = tmp_path / "mine" / "case.toml"
    case.write_text(f'base = "../{base.name}"\ntitle = "mine"\n', encoding="utf-8")
    assert load_case(case).case.heterogeneity == load_case(base).case.heterogeneity


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "needs a header"),
        ("x (um),Z (ohm cm2)\n", "a line for each point"),
        ("0,1\n1,2\n", "needs x, and then Z or factor"),
        ("r (um),factor\n0,1\n3,1\n", "has columns r, factor; needs x"),
        ("x,factor\n0,1\n3,1\n", "column x has no unit"),
        ("x (um),Z\n0,1\n3,1\n", "column Z has no unit"),
        ("x (s),factor\n0,1\n3,1\n", "unit 's' does not fit"),
        ("x (um),Z (ohm)\n0,1\n3,1\n", "unit 'ohm' does not fit"),
        ("x (um),factor (um)\n0,1\n3,1\n", "unit 'um' does not fit"),
        ("x (um),factor\n0,one\n3,1\n", "line 2 has a value that is no number"),
        ("x (um),factor\n# remark\n0,1\n3\n", "line 4 has 1 values, the header 2"),
        ("x (um),factor\n0,nan\n3,1\n", "line 2 is not finite"),
        ("x (um),factor\n0,1\n2,1\n", "x goes from 0 to 2 um, the cell from 0 to 3 um"),
        ("x (um),factor\n3,1\n0,1\n", "positions go forward"),
        ("x (um),factor\n0,1\n0,2\n3,1\n", "a position is given twice"),
        ("x (um),factor\n0,1\n3,0\n", "must lie between 0.001 and 1000"),
        ("x (um),Z (ohm cm2)\n0,1\n3,0\n", "not within 0.001 to 1000 times material.electrolyte"),
        ("x (um),y (um),factor\n0,0,1\n3,1,1\n", "needs x, and then Z or factor"),
    ],
)
def test_tables_that_cannot_be(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(CaseError) as caught:
        load_case(write(tmp_path, table))
    assert message in str(caught.value) and "heterogeneity." in str(caught.value)


def test_a_map_needs_a_whole_grid(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="x and y make no grid"):
        load_case(write(tmp_path, "x (um),y (um),factor\n0,0,1\n3,2,1\n3,0,1\n", **SOLID))
    with pytest.raises(CaseError, match=r"heterogeneity\.table = 'none\.csv': no such file"):
        small_case(heterogeneity={"table": "none.csv"})
    with pytest.raises(CaseError, match="larger than"):
        load_case(write(tmp_path, "x" * 10_000_001))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"expression": "1 + x"}, "depends on the unit of length; divide lengths by lengths"),
        ({"expression": "x/um"}, "is 0 at 0 um; must lie between 0.001 and 1000"),
        ({"expression": "1/(x/um - 1.5)**2"}, "must lie between"),
        ({"expression": "sqrt(x/um - 1)"}, "is nan at 0 um"),
        ({"expression": "r/um"}, "unknown name 'r'; there are mm, nm, pi, um, width, x"),
        ({"expression": "1 +"}, "cannot be read as arithmetic"),
        ({"expression": ""}, "heterogeneity.expression"),
        ({"expression": "2", "table": "z.csv", "points": [[0.0, 1.0], [3.0, 1.0]]}, "give only one of"),
        (
            {"expression": "2", "patch": [{"position": "1 um", "width": "1 um", "factor": 2}]},
            "give only one of",
        ),
        ({"expression": "2", "factor": 3}, "give only one of"),
        ({"expression": "2", "points_give": "factor"}, "'points_give' belongs to 'points'"),
        ({"points": [[0.0, 1.0], [1.0, 1.0, 1.0], [3.0, 2.0]]}, "the same number of values"),
        ({"points": [[0.0, 0.0, 1.0], [3.0, 0.0, 1.0]]}, "only a 3d cell has y"),
        ({"points": [[0.0, 1.0]]}, "heterogeneity.points"),
        ({}, "or give 'patch', 'expression' or 'table'"),
    ],
)
def test_profiles_that_cannot_be(section: dict[str, Any], message: str) -> None:
    with pytest.raises(CaseError) as caught:
        small_case(heterogeneity=section)
    assert message in str(caught.value)


def test_the_mesh_resolves_a_profile() -> None:
    """f changes e-fold over 1/max |d ln f/dx|; a uniform one asks for nothing."""
    steep = ResistanceFormula("exp(4*x/width)", "plane", (2.0,))
    assert change_length(steep, (2.0,)) == pytest.approx(0.5, rel=1e-3)
    assert change_length(
        ResistanceTable(((0.0, 2.0), (0.0, 1.0)), (1.0, np.e, 1.0, np.e)), (2.0, 1.0)
    ) == pytest.approx(1.0 / (np.e - 1.0), rel=2e-2)
    assert change_length(ResistanceFormula("2", "plane", (2.0,)), (2.0,)) == np.inf
    assert set_up(small_case(heterogeneity={"expression": "2"})).sizes.layer is None
    layer = set_up(small_case(heterogeneity={"expression": "exp(x/um)"})).sizes.layer
    assert layer == pytest.approx(0.5, rel=1e-3)
