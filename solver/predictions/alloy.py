"""The runs behind `livoid alloy`: which parameters are varied, and running them one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mpi4py import MPI
from scipy import constants

from solver.case.materials import Library, MetalMaterial
from solver.equations.terms.thermodynamics import thermodynamic_factor

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.simulation.ending import RunOutcome

Kind = Literal["strip", "plate", "utilisation"]
KINDS: tuple[Kind, ...] = ("strip", "plate", "utilisation")
ROOM = 298.15
"""K"""
EDS_INTERDIFFUSIVITY = {298.15: 8e-15, 333.15: 6.5e-14}
"""m2/s at K: what Zhao et al.'s EDS profiles of plated lithium need (docs/parameters.md)."""


@dataclass(frozen=True)
class StudyRun:
    """One run: its name, what identifies it, and the changes of the case file."""

    name: str
    labels: Mapping[str, str]
    changes: Mapping[str, Any] = field(default_factory=dict)


def diffusivity_sets() -> dict[str, str | dict[str, str] | None]:
    """What takes the place of ``solute_diffusivity``: a name or an entry; None leaves the library's.

    "Mundy" (the library's own), "DFT" and "Krauskopf" are independent of the experiment; "EDS" is inferred
    from the plated profiles that it is compared with, so for plating at these temperatures it only shows
    consistency.
    """
    metal = MetalMaterial.model_validate(Library().data("metal", "lithium-magnesium"))
    assert metal.solute_fraction is not None and metal.redlich_kister is not None
    x = metal.solute_fraction.value
    tracers = {}
    for temperature, mixed in EDS_INTERDIFFUSIVITY.items():
        thermal = constants.R * temperature
        factor = thermodynamic_factor(x, [t.at(temperature) / thermal for t in metal.redlich_kister.value])
        tracers[temperature] = (mixed / factor - x * metal.diffusivity.at(temperature)) / (1.0 - x)
    inferred = {
        "value": f"{tracers[ROOM]:.4g} m^2/s",
        "reference_temperature": f"{ROOM} K",
        "activation_energy": f"{_activation(tracers):.4g} eV",
        "status": "calibrated",
        "source": "interdiffusivity 8e-15 (25 C), 6.5e-14 m2/s (60 C): EDS of plated Li, Zhao et al. 2025",
    }
    return {"Mundy": None, "DFT": "dft", "Krauskopf": "krauskopf-2019", "EDS": inferred}


def _solute(chosen: str | dict[str, str] | None) -> dict[str, Any]:
    """Change of the case for one of :func:`diffusivity_sets`."""
    return {} if chosen is None else {"material.metal.solute_diffusivity": chosen}


def _activation(values: Mapping[float, float]) -> float:
    """Activation energy (eV) through two (temperature, diffusivity) points."""
    (first, low), (second, high) = sorted(values.items())
    per_kelvin = constants.physical_constants["Boltzmann constant in eV/K"][0]
    return float(per_kelvin * math.log(high / low) / (1.0 / first - 1.0 / second))


def study(kind: Kind) -> tuple[str, list[StudyRun]]:
    """Case file name and runs of a study."""
    return {"strip": _strip, "plate": _plate, "utilisation": _utilisation}[kind]()


def _strip() -> tuple[str, list[StudyRun]]:
    sinks: dict[str, dict[str, Any]] = {
        f"l_v {length} um": {"material.metal.sink_length": f"{length} um"} for length in (5, 10, 15)
    }
    sinks["l_v 10 um, l_i inf"] = {"material.metal.interface_sink_length": "inf"}
    sinks["S = 1"] = {"model.vacancies": False}
    runs = []
    for set_name, diffusivity in diffusivity_sets().items():
        for sink, change in sinks.items():
            for current in ("0.05", "0.5"):
                labels = {"D_Mg": set_name, "sinks": sink, "current": current}
                changes = {
                    **_solute(diffusivity),
                    "operation.current": f"{current} mA/cm^2",
                    **change,
                }
                runs.append(StudyRun(_name(labels), labels, changes))
    return "limg-strip", runs


def _plate() -> tuple[str, list[StudyRun]]:
    runs = []
    for set_name, diffusivity in diffusivity_sets().items():
        for length in (5, 10, 15):
            for celsius, kelvin in (("25", "298.15 K"), ("60", "333.15 K")):
                labels = {"D_Mg": set_name, "sinks": f"l_v {length} um", "celsius": celsius}
                changes = {
                    **_solute(diffusivity),
                    "material.metal.sink_length": f"{length} um",
                    "operation.temperature": kelvin,
                }
                runs.append(StudyRun(_name(labels), labels, changes))
    return "limg-plate", runs


def _utilisation() -> tuple[str, list[StudyRun]]:
    sinks: dict[str, dict[str, Any]] = {
        "S = 1": {"model.vacancies": False},
        "l_v 10 um, l_i 10 um": {},
        "l_v 10 um, l_i inf": {"material.metal.interface_sink_length": "inf"},
    }
    runs = []
    for sink, change in sinks.items():
        for current in ("0.01", "0.1", "1"):
            labels = {"sinks": sink, "current": current}
            changes = {"operation.current": f"{current} mA/cm^2", **change}
            runs.append(StudyRun(_name(labels), labels, changes))
    return "limg-utilisation", runs


def _name(labels: Mapping[str, str]) -> str:
    return "_".join(value.replace(" ", "").replace(",", "-").replace("=", "") for value in labels.values())


def run_study(
    runs: Sequence[StudyRun],
    load: Callable[[Mapping[str, Any]], LoadedCase],
    run: Callable[[LoadedCase, Path], RunOutcome],
    folder: Path,
    comm: MPI.Comm,
) -> list[tuple[StudyRun, Path, RunOutcome]]:
    """Run everything into subfolders of ``folder``; a failed run does not stop the others. Collective."""
    done = []
    for k, entry in enumerate(runs, start=1):
        outcome = run(load(entry.changes), folder / entry.name)
        if comm.rank == 0:
            print(f"[{k}/{len(runs)}] {entry.name}: {outcome.status}, {outcome.message}", flush=True)
        done.append((entry, folder / entry.name, outcome))
    return done
