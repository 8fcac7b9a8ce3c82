"""Measurements that belong to a case: which file, which of its columns is what, in which unit."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from solver.case.header_units import fitting
from solver.case.schema.section import Section, Title
from solver.case.units import Area, CapacityReached, Position, parse_quantity

MAX_FILES = 100
"""Measurements of one case at most."""

MEASURED: dict[str, tuple[str, str]] = {
    "time": ("s", "time, from the start of the current"),
    "capacity": ("mAh/cm2", "charge passed, whatever its direction"),
    "current": ("mA/cm2", "current density, stripping positive"),
    "voltage": ("V", "overpotential, stripping positive"),
    "pressure": ("MPa", "stack pressure"),
    "contact": ("", "contact over the whole area"),
    "contact_loss": ("", "lost contact over the whole area"),
    "active": ("", "contact weighted with its conductance over the whole area"),
    "voids": ("", "number of voids in the width of the cell"),
    "mean_width": ("um", "mean width of voids"),
    "largest_width": ("um", "largest width of a void"),
    "mean_height": ("um", "mean height of voids"),
    "largest_height": ("um", "largest height of a void"),
    "height": ("um", "distance from the electrolyte, of an EDS profile"),
    "solute": ("", "atomic fraction of the solute, of an EDS profile"),
}
"""Quantities that can be measured: unit of the comparison, and meaning."""
OVER_AREA = {"capacity": "mAh", "current": "mA"}
"""Units of those that a cycler gives for the whole cell; 'area' makes them areal."""
ABSCISSAE = ("time", "capacity", "height")

_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def quantity_problem(name: str) -> str | None:
    """What is wrong with the name of a quantity, with the nearest one; None for a good one."""
    if name in MEASURED:
        return None
    near = difflib.get_close_matches(name, MEASURED, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(MEASURED)}"
    return f"'{name}' is no quantity that is compared{hint}"


class Data(Section):
    """One file of measurements, for ``livoid compare``; what a run computes does not depend on it."""

    file: _Text = Field(
        description="CSV, Parquet, or BioLogic's .mpt or .mpr; relative to this case (absolute in a run's)"
    )
    label: Title = Field("", description="its name in figures and tables; default: that of the file")
    columns: dict[str, _Text] = Field(
        default_factory=dict, description='head of the column of each quantity, as voltage = "Ewe/V"'
    )
    units: dict[str, _Text] = Field(
        default_factory=dict, description="unit of each quantity whose head has none"
    )
    area: Area | None = Field(None, description="area of the cell, for currents in mA and capacities in mAh")
    offset: dict[str, _Text] = Field(
        default_factory=dict, description='what is subtracted from each quantity, as voltage = "0.62 V"'
    )
    opposite: list[str] = Field(
        default_factory=list, description="quantities whose sign is the opposite of livoid's"
    )
    against: Literal["capacity", "time"] | None = Field(
        None, description="what the comparison is over; default: capacity where there is one, else time"
    )
    profile_at: CapacityReached | None = Field(None, description="capacity at which an EDS profile was taken")
    response: Position = Field(
        "4 um",
        validate_default=True,
        description="full width at half maximum with which EDS sees the run's profile; 0 um for none",
    )

    @model_validator(mode="after")
    def _names_and_units(self) -> Data:
        named = {
            "columns": self.columns,
            "units": self.units,
            "offset": self.offset,
            "opposite": self.opposite,
        }
        problems = [
            f"{key}: {said}" for key, names in named.items() for n in names if (said := quantity_problem(n))
        ]
        for name, unit in self.units.items():
            if name in MEASURED and fitting(unit, wanted_units(name)) is None:
                problems.append(f"units.{name} = '{unit}': no unit like '{MEASURED[name][0] or '1'}'")
        for name, text in self.offset.items():
            try:
                parse_quantity(text, MEASURED.get(name, ("", ""))[0])
            except ValueError as error:
                problems.append(f"offset.{name} = '{text}': {error}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def wanted_units(name: str) -> tuple[str, ...]:
    """Units of a quantity: areal, and for the whole cell where a cycler gives that."""
    return (MEASURED[name][0], *((OVER_AREA[name],) if name in OVER_AREA else ()))
