"""The threshold pressure of voids, and what it depends on: ``livoid threshold CASE``.

Above the threshold the flow of the metal takes more from the case's voids than vacancies bring, at the first
instant. It is sought for several currents and temperatures with the case's creep law, and at the case's
current for the spread of creep laws (coefficient times and over 3, n = 5), void sizes and random populations.
"""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from mpi4py import MPI

from solver.algebra.newton import SolveError
from solver.case.loading import CaseError, LoadedCase
from solver.predictions.instant import refuse_motion, void_rates
from solver.setup.scales import LENGTH_SCALE
from solver.setup.setup import set_up
from solver.simulation.discretisation import initial_cell

log = logging.getLogger("livoid")

LOWEST, HIGHEST = 0.02, 100.0
"""MPa between which the threshold is sought."""
FIRST_RATIO = 2.0
"""Ratio of pressures by which the search looks for a bracket."""
RESOLUTION = 1.05
"""Ratio of pressures at which the bisection ends."""
CURRENTS = (0.05, 0.2, 0.5, 1.0, 2.0)
"""mA/cm2."""
TEMPERATURES = (298.15, 333.15)
"""K."""
CREEP_FACTOR = 3.0
"""Uncertainty of the creep coefficient (docs/parameters.md gives the spread of its sources)."""
SIZES = (0.5, 1.5)
"""Widths and heights of the voids over those of the case: about one standard deviation of the seeds."""
POPULATIONS = 2
"""Populations drawn besides that of a case with random ones: their spread is that of the void statistics."""
ALTERNATIVE_LAW = "roy-fleck-deshpande-2021"
"""Creep law with n = 5."""

COLUMNS = ("creep", "current_mA_cm2", "temperature_K", "void_size", "threshold_MPa", "population", "metal")
"""Of ``threshold.csv``."""

Load = Callable[[Mapping[str, Any]], LoadedCase]


@dataclass(frozen=True)
class Threshold:
    """Threshold pressure of one setting.

    Attributes:
        creep: "as given", "A x 3", "A / 3" or the name of another law.
        current: mA/cm2.
        temperature: K.
        size: of the voids over those of the case.
        pressure: MPa; 0 where the voids shrink at every pressure, inf where they grow at every one,
            NaN where a solve failed.
        population: 0 for the case's own voids, else the number of another draw.
        metal: of the library, "" for the case's own.
    """

    creep: str
    current: float
    temperature: float
    size: float
    pressure: float
    population: int = 0
    metal: str = ""


def check(loaded: LoadedCase) -> None:
    """Raise CaseError where a case has no threshold pressure."""
    if loaded.case.geometry.kind == "3d" or not (loaded.case.void or loaded.case.voids):
        needs = "a threshold pressure needs a plane or axisymmetric cell with voids"
        raise CaseError(loaded.source, [needs])
    refuse_motion(loaded)


def creep_changes(loaded: LoadedCase) -> dict[str, dict[str, Any]]:
    """Changes of the case for each creep law."""
    given = loaded.case.material.creep
    name = given.name if given is not None else loaded.metal.creep
    return {
        "as given": {},
        f"A x {CREEP_FACTOR:g}": _law(loaded, name, CREEP_FACTOR),
        f"A / {CREEP_FACTOR:g}": _law(loaded, name, 1.0 / CREEP_FACTOR),
        ALTERNATIVE_LAW: {"material.creep": {"name": ALTERNATIVE_LAW}},
    }


def _law(loaded: LoadedCase, name: str, factor: float) -> dict[str, Any]:
    """The case's law by its name, with all its power laws ``factor`` times as fast."""
    changes = {"name": name, "prefactor": f"{loaded.creep.prefactor.value * factor:.8g} 1/s"}
    if (limit := loaded.creep.saturated_prefactor) is not None:
        changes["saturated_prefactor"] = f"{limit.value * factor:.8g} 1/s"
    return {"material.creep": changes}


def size_changes(loaded: LoadedCase, size: float) -> dict[str, Any]:
    """Changes of a two-dimensional case that make its voids ``size`` times as wide and high in place."""
    um = 1.0 / LENGTH_SCALE
    population = loaded.case.voids
    if population is not None:
        widths = ("mean_width", "width_deviation", "smallest_width")
        return {f"voids.{name}": f"{getattr(population, name) * um * size:.8g} um" for name in widths}
    voids = [
        {
            "position": f"{void.center[0] * um:.8g} um",
            "width": f"{void.width * um * size:.8g} um",
            "height": f"{void.roof_height * um * size:.8g} um",
            "shape": void.shape,
        }
        for void in loaded.case.void
    ]
    return {"void": voids}


def grows(loaded: LoadedCase, comm: MPI.Comm) -> bool:
    """Whether the voids of the case, taken together, grow at the first instant. Collective."""
    setup = set_up(loaded)
    gain, loss = void_rates(setup, initial_cell(setup, comm))
    return gain > loss


def bisected(grows_at: Callable[[float], bool], low: float = LOWEST, high: float = HIGHEST) -> float:
    """Pressure between ``low`` and ``high`` at which growth ends; 0 or inf if it does so at neither.

    The search begins in the middle: at the lowest pressures the contact lifts, the highest are stiff.
    """
    here = math.sqrt(low * high)
    if grows_at(here):
        below, above = here, min(here * FIRST_RATIO, high)
        while grows_at(above):
            if above >= high:
                return math.inf
            below, above = above, min(above * FIRST_RATIO, high)
    else:
        below, above = max(here / FIRST_RATIO, low), here
        while not grows_at(below):
            if below <= low:
                return 0.0
            below, above = max(below / FIRST_RATIO, low), below
    while above / below > RESOLUTION:
        middle = math.sqrt(below * above)
        below, above = (middle, above) if grows_at(middle) else (below, middle)
    return math.sqrt(below * above)


def sought(grows_at: Callable[[float], bool], low: float = LOWEST, high: float = HIGHEST) -> float:
    """Threshold as of :func:`bisected`, NaN where a solve fails (said by rank 0's log). Collective."""
    try:
        return bisected(grows_at, low, high)
    except SolveError as error:
        log.warning("threshold: %s", error)
        return math.nan


def threshold_study(
    load: Load,
    comm: MPI.Comm,
    currents: Sequence[float] = CURRENTS,
    temperatures: Sequence[float] = TEMPERATURES,
    metals: Sequence[str] = ("",),
) -> list[Threshold]:
    """All thresholds of a case. Collective.

    Args:
        load: the case with changes.
        comm: communicator.
        currents: mA/cm2, the case's own besides.
        temperatures: K.
        metals: of the library, "" for the case's own; each with its own creep law unless the case gives one.

    Raises:
        CaseError: if the case has no current of its own.
    """
    if load({}).case.operation.current is None:
        raise CaseError(load({}).source, ["a threshold pressure needs 'operation.current'"])
    found = []
    for metal in metals:
        own_metal = {"material.metal": {"name": metal}} if metal else {}
        base = load(own_metal)
        laws = creep_changes(base)
        for setting in _settings(base, laws, currents, temperatures):
            changes = own_metal | laws[setting.creep] | setting_changes(base, setting)

            def at(pressure: float, changes: dict[str, Any] = changes) -> bool:
                return grows(load(changes | {"operation.pressure": f"{pressure!r} MPa"}), comm)

            found.append(replace(setting, pressure=sought(at), metal=metal))
            if comm.rank == 0:
                print(_shown(found[-1]), flush=True)
    return found


def _settings(
    base: LoadedCase, laws: Mapping[str, Any], currents: Sequence[float], temperatures: Sequence[float]
) -> list[Threshold]:
    """What is varied for one metal: everything at the case's law, and the spreads at its current."""
    assert base.case.operation.current is not None
    own = base.case.operation.current / 10.0
    given = [Threshold("as given", i, t, 1.0, 0.0) for t in temperatures for i in sorted({*currents, own})]
    varied = [Threshold(law, own, t, 1.0, 0.0) for t in temperatures for law in laws if law != "as given"]
    varied += [Threshold("as given", own, t, size, 0.0) for t in temperatures for size in SIZES]
    if base.case.voids is not None:
        draws = range(1, POPULATIONS + 1)
        varied += [Threshold("as given", own, t, 1.0, 0.0, draw) for t in temperatures for draw in draws]
    return given + varied


def setting_changes(loaded: LoadedCase, setting: Threshold) -> dict[str, Any]:
    """Changes of the case for all of a setting but its creep law and pressure."""
    changes: dict[str, Any] = {
        "operation.current": f"{setting.current!r} mA/cm^2",
        "operation.temperature": f"{setting.temperature!r} K",
    }
    if setting.size != 1.0:
        changes |= size_changes(loaded, setting.size)
    if setting.population and loaded.case.voids is not None:
        changes["voids.seed"] = loaded.case.voids.seed + setting.population
    return changes


def _shown(row: Threshold) -> str:
    pressure = {0.0: f"below {LOWEST:g}", math.inf: f"above {HIGHEST:g}"}.get(
        row.pressure, f"{row.pressure:.3g}"
    )
    where = f"{row.current:6.3g} mA/cm2 {row.temperature - 273.15:5.1f} C  size x {row.size:3.1f}"
    if row.population:
        where += f"  other voids {row.population}"
    return f"{row.metal + ' ' if row.metal else ''}{row.creep:26s} {where}  {pressure} MPa"


def write_thresholds(rows: Sequence[Threshold], folder: Path) -> Path:
    """Write ``threshold.csv`` into a folder (rank 0); returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "threshold.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)
    return table
