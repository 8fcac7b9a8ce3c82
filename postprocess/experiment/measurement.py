"""A file of measurements as quantities in livoid's units: named columns, units, signs, what it is over."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from postprocess.experiment.files import read_columns
from solver.case.errors import describe
from solver.case.header_units import any_unit_in, fitting, unit_candidates, unit_in
from solver.case.schema.data import ABSCISSAE, MEASURED, OVER_AREA, Data, wanted_units
from solver.case.units import convert, parse_quantity
from solver.core.files import read_toml

if TYPE_CHECKING:
    from postprocess.experiment.files import Table

KNOWN_HEADS = {
    "time": ("time/s", "time_s"),
    "capacity": ("capacity_mAh_cm2",),
    "current": ("<I>/mA", "I/mA", "current_mA_cm2"),
    "voltage": ("Ewe/V", "<Ewe>/V", "<Ewe/V>", "Ecell/V", "voltage_V"),
    "pressure": ("stack_pressure_MPa",),
    "contact": ("contact_fraction",),
    "active": ("active_fraction",),
    "height": ("y_um",),
    "solute": ("solute_fraction",),
}
"""Heads of EC-Lab's and of livoid's own files; others are found by the name of the quantity itself."""
SHARES = ("contact", "contact_loss", "active", "solute")
"""At most 1."""
ROUNDING = 1e-2
"""Of a share that was measured: areas are counted in pixels."""
CM2 = 1e4
"""cm2 in m2."""


@dataclass(frozen=True)
class Measurement:
    """Measured quantities of one file.

    Attributes:
        label: name in figures and tables.
        against: quantity that all others are over: "capacity", "time", or "height" of an EDS profile.
        x: values of that, rising, in the unit of :data:`MEASURED`.
        values: the others by their name, as long as ``x``; NaN where there is none.
        at: capacity of an EDS profile (mAh/cm2).
        response: width with which EDS sees a profile (um).
    """

    label: str
    against: str
    x: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
    at: float = 0.0
    response: float = 0.0


def described(files: Iterable[Path], given: Mapping[str, Any], problems: list[str]) -> list[Data]:
    """Descriptions of files: a TOML file is one, the command line says the same of all others."""
    found = []
    for path in files:
        content: dict[str, Any] = {"file": str(path)}
        if path.suffix.lower() == ".toml":
            try:
                content = read_toml(path)
            except ValueError as error:
                problems.append(f"{path}: {error}")
                continue
            if isinstance(content.get("file"), str):
                content["file"] = str(path.parent / content["file"])
        found += valid(content | dict(given), str(path), problems)
    return found


def valid(content: Mapping[str, Any], source: str, problems: list[str]) -> list[Data]:
    """The one description that a table is, none where it is not valid; ``problems`` gets why."""
    try:
        return [Data.model_validate(content)]
    except ValidationError as error:
        problems += [f"{source}: {describe(Data, detail)}" for detail in error.errors()]
        return []


def read_measurement(data: Data, path: Path) -> Measurement:
    """Read what a table ``[[data]]`` describes.

    Raises:
        ValueError: with all that is wrong, a line each, without the path.
    """
    problems: list[str] = []
    values, _ = quantities(data, path, problems)
    against = _against(data, values, problems) if not problems else None
    if against is not None:
        problems += order_problems(against, values)
    if problems or against is None:
        raise ValueError("\n".join(problems))
    given = np.isfinite(values[against])
    rest = {name: column[given] for name, column in values.items() if name not in ABSCISSAE}
    x = values[against][given]
    at = 0.0 if data.profile_at is None else convert(data.profile_at, "C/m**2", "mAh/cm**2")
    label = data.label or path.name
    if against == "height":
        order = np.argsort(x)
        x, rest = x[order], {name: column[order] for name, column in rest.items()}
    return Measurement(label, against, x, rest, at, convert(data.response, "m", "um"))


def quantities(data: Data, path: Path, problems: list[str]) -> tuple[dict[str, NDArray[np.float64]], Table]:
    """Columns of a file as quantities, in the units of :data:`MEASURED`, and all columns as they are.

    Args:
        data: what says which column is what.
        path: of the file.
        problems: gets what is wrong with columns.

    Raises:
        ValueError: if the file cannot be read, without its path.
    """
    table = read_columns(path)
    found = {
        name: _converted(name, head, table, data, problems) for name, head in _heads(data, table, problems)
    }
    return {name: column for name, column in found.items() if column is not None}, table


def _heads(data: Data, table: Table, problems: list[str]) -> list[tuple[str, str]]:
    """(quantity, head) of what the file has: as the map says, the others by their heads."""
    found: list[tuple[str, str]] = []
    for name, head in data.columns.items():
        if head in table:
            found.append((name, head))
        else:
            near = difflib.get_close_matches(head, list(table), n=1, cutoff=0.5)
            hint = f"; did you mean '{near[0]}'?" if near else f"; it has {', '.join(list(table)[:10])}"
            problems.append(f"columns.{name} = '{head}': the file has no such column{hint}")
    taken = {head for _, head in found}
    for name in MEASURED:
        if name not in data.columns:
            heads = [h for h in table if h not in taken and _names(name, h)]
            found += [(name, h) for h in heads[:1]]
            taken.update(heads[:1])
    if not problems and not set(dict(found)) - set(ABSCISSAE):
        problems.append(
            f"columns: no quantity is recognised in {', '.join(list(table)[:10])}; say which column is what, "
            'as in columns.voltage = "Ewe/V"'
        )
    return found


def _names(name: str, head: str) -> bool:
    """Whether a head is that of a quantity without being told."""
    # 'contact_loss' is no 'contact' in a unit of 'loss'
    bare = [part for part, unit in unit_candidates(head) if _fits(unit, name)]
    plain = {text.strip().lower().replace(" ", "_") for text in (head, *bare)}
    return head in KNOWN_HEADS.get(name, ()) or name in plain


def _fits(unit: str, name: str) -> bool:
    return fitting(unit, wanted_units(name)) is not None


def _converted(
    name: str, head: str, table: Table, data: Data, problems: list[str]
) -> NDArray[np.float64] | None:
    """Values of a quantity in its unit, with its offset and sign; None, and a problem, where that fails."""
    wanted = wanted_units(name)
    unit = data.units.get(name) or unit_in(head, wanted) or ("" if wanted == ("",) else None)
    if unit is None:
        said = any_unit_in(head)
        about = "has no unit" if said is None else f"has '{said}', which is no unit of it"
        example = f'units.{name} = "{wanted[0]}"'
        problems.append(f"columns.{name} = '{head}': {about}; give {example}")
        return None
    target = fitting(unit, wanted)
    if target is None:
        problems.append(
            f"columns.{name} = '{head}': unit '{unit}' does not fit, expected one like '{wanted[0]}'"
        )
        return None
    area = 1.0
    if target == OVER_AREA.get(name):
        if data.area is None:
            problems.append(f"columns.{name} = '{head}': '{unit}' is of the whole cell; give its area")
            return None
        area = CM2 * data.area
    values = table[head] * (convert(1.0, unit, target) / area)
    if name in SHARES and np.nanmax(np.abs(values)) > 1.0 + ROUNDING:
        largest = f"{np.nanmax(np.abs(values)):.4g}"
        problems.append(
            f"columns.{name} = '{head}': a share of {largest}; give units.{name} = \"%\" if it is that"
        )
        return None
    if name in data.offset:
        values = values - parse_quantity(data.offset[name], wanted[0])
    return -values if name in data.opposite else values


def _against(data: Data, values: Mapping[str, NDArray[np.float64]], problems: list[str]) -> str | None:
    """What the comparison is over."""
    if "solute" in values and "height" in values:
        if data.profile_at is None:
            problems.append("profile_at: missing; the capacity at which the EDS profile was taken")
        return "height"
    if data.against is not None:
        if data.against in values:
            return str(data.against)
        problems.append(f"against = '{data.against}': the file has no such column (columns.{data.against})")
        return None
    found = next((name for name in ("capacity", "time") if name in values), None)
    if found is None:
        problems.append("columns: neither 'capacity' nor 'time' is there to compare over")
    return found


def order_problems(against: str, values: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """Where time, or what the comparison is over, runs back."""
    problems = []
    for name in dict.fromkeys(("time", against) if against != "height" else ()):
        column = values.get(name)
        if column is None:
            continue
        back = np.flatnonzero(np.diff(column[np.isfinite(column)]) < 0.0)
        if len(back):
            more = f" and {len(back) - 1} more" if len(back) > 1 else ""
            hint = "; compare against time" if name == "capacity" and "time" in values else ""
            problems.append(f"{name}: not in order, it falls after row {back[0] + 1}{more}{hint}")
    return problems
