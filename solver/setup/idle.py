"""Keys of a case that change nothing as it stands, because another key takes another way.

A study may vary a switch over cases that also tune what it switches off: so such a key is no error, but it is
said, with both names.
"""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from solver.algebra.options import SOLVER_OPTIONS, with_overrides
from solver.case.errors import said_once
from solver.case.units import split_quantity

if TYPE_CHECKING:
    from pydantic import BaseModel

    from solver.setup.setup import Setup

Reason = tuple[tuple[str, ...], str]
"""Beginnings of the paths of keys that have no effect, and why; one with a point at its end is a table, which
is said once."""
OWN_TEST = ("snes_rtol", "snes_stol", "snes_divergence_tolerance")
"""Options of PETSc's test of convergence, which :class:`solver.algebra.newton.NewtonSolver` replaces."""
_PER_UM = 1e6
"""um in a metre."""
_ROUNDING = 1.0 + 1e-9
"""Ratio up to which two lengths are the same."""


def idle_keys(setup: Setup) -> tuple[str, ...]:
    """One sentence for each key that is not at its default and has no effect; entries of a list in one."""
    case = setup.loaded.case
    given = {path: _text(value) for path, value in _given(case, type(case), "")}
    given |= {
        f"material.{kind}.{key}": _text(value)
        for kind in ("metal", "electrolyte", "creep")
        for key, value in (getattr(getattr(case.material, kind), "model_extra", None) or {}).items()
    }
    paths = sorted(given)
    found: dict[str, None] = {}
    for beginnings, reason in _reasons(setup):
        for path in _beginning(paths, beginnings):
            table = next((begin for begin in beginnings if begin.endswith(".")), None)
            shown = f"{path} = {given[path]}" if table is None else table.removesuffix(".")
            found[f"{shown} has no effect: {reason}"] = None
    return tuple(said_once(found))


def _beginning(paths: list[str], beginnings: tuple[str, ...]) -> Iterator[str]:
    """Those of sorted paths that begin in one of these ways."""
    for begin in dict.fromkeys(beginnings):
        for path in paths[bisect.bisect_left(paths, begin) :]:
            if not path.startswith(begin):
                break
            yield path


def _given(section: BaseModel, model: type[BaseModel], path: str) -> Iterator[tuple[str, Any]]:
    """Paths and values of keys that are not at their defaults."""
    for name, field in model.model_fields.items():
        value = getattr(section, name)
        here = f"{path}.{name}" if path else name
        if hasattr(value, "model_fields_set"):
            yield from _given(value, type(value), here)
        elif isinstance(value, list) and value and hasattr(value[0], "model_fields_set"):
            for number, entry in enumerate(value):
                yield from _given(entry, type(entry), f"{here}[{number}]")
        elif name == "petsc":
            yield from _flat(value, here)
        else:
            shown = section.model_dump(mode="json", include={name})[name]
            if not _same(shown, value, field.get_default(call_default_factory=True, validated_data={})):
                yield here, shown


def _same(shown: object, value: object, default: object) -> bool:
    """Whether a value is the default, which quantities have as text."""
    if not isinstance(default, str) or isinstance(value, str):
        return value == default
    try:
        return split_quantity(shown) == split_quantity(default)
    except ValueError:  # inf, or several
        return False


def _flat(petsc: Mapping[str, Mapping[str, Any]], path: str) -> Iterator[tuple[str, Any]]:
    """Paths and values of solver options."""
    for name, options in petsc.items():
        yield from ((f"{path}.{name}.{option}", value) for option, value in options.items())


def _text(value: object) -> str:
    """A value as people write it."""
    with contextlib.suppress(ValueError):
        number, unit = split_quantity(value)
        return f"{number:.6g} {unit}".strip()
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else "..."


def _reasons(setup: Setup) -> Iterator[Reason]:
    """Beginnings of paths that have no effect in this case, with the reason."""
    yield from _of_vacancies(setup)
    yield from _of_composition(setup)
    yield from _of_surfaces(setup)
    yield from _of_kinetics(setup)
    yield from _of_protocol(setup)
    yield from _of_steps(setup)
    yield from _of_statistics(setup)
    yield from _of_meshes(setup)
    yield from _of_solvers(setup)
    yield ("material.electrolyte.counter_potential",), "no equation needs it"


def _of_vacancies(setup: Setup) -> Iterator[Reason]:
    model, metal = setup.loaded.case.model, setup.loaded.metal
    own = "material.metal."
    if not model.vacancies:
        sinks = ("sink_length", "interface_sink_length", "vacancy_relaxation")
        paths = ("model.stress_drift", "model.vacancy_potential", *(own + name for name in sinks))
        if setup.parameters.composition is None and setup.parameters.creep.grains is None:
            paths += (own + "diffusivity",)
        yield paths, "model.vacancies = false"
    elif metal.vacancy_relaxation.value == 0.0:
        yield ("model.stress_drift",), f"{own}vacancy_relaxation = 0"
    elif not model.stress_drift:
        yield (own + "vacancy_relaxation",), "model.stress_drift = false"
    if setup.vacancy_resistance is None and model.vacancies:
        yield ("material.electrolyte.measured_resistance",), "model.vacancy_potential = false"
    elif setup.vacancy_resistance is None:
        yield ("material.electrolyte.measured_resistance",), "model.vacancies = false"


def _of_composition(setup: Setup) -> Iterator[Reason]:
    if setup.parameters.composition is not None:
        return
    paths = ("model.beyond_solubility", "model.composition_potential", "numerics.composition_change")
    if setup.loaded.metal.is_alloy:
        solute = ("material.metal.solute_", "material.metal.redlich_kister")
        yield (*paths, *solute), "model.composition = false"
    else:
        name = setup.loaded.case.material.metal.name
        yield ("model.composition", *paths), f"material.metal.name = {name}, which has no solute"


def _of_surfaces(setup: Setup) -> Iterator[Reason]:
    model, numerics = setup.loaded.case.model, setup.loaded.case.numerics
    if not model.capillarity:
        needed = ("surface_energy",) if model.surface_diffusion is None else ()
        yield tuple(f"material.metal.{n}" for n in ("contact_angle", *needed)), "model.capillarity = false"
    sized = numerics.tip_size is not None and numerics.event_length is not None
    if not model.vacancies and sized:
        yield ("material.metal.surface_sink_length",), "model.vacancies = false, and sizes are given"


def _of_kinetics(setup: Setup) -> Iterator[Reason]:
    case, own = setup.loaded.case, "material.electrolyte."
    if setup.parameters.current.area_resistance == 0.0:
        yield ("model.kinetics", own + "transfer_coefficient"), f"{own}area_resistance = 0"
    elif case.model.kinetics == "linear":
        yield (own + "transfer_coefficient",), "model.kinetics = linear"
    if case.contact_memory is None:
        yield (own + "remade_resistance", own + "pressure_exponent"), "there is no [contact_memory]"
        return
    if setup.loaded.electrolyte.pressure_exponent is not None:
        exponent = setup.loaded.electrolyte.pressure_exponent.value
        if exponent == 0.0:
            yield ("contact_memory.lowest_pressure",), f"{own}pressure_exponent = 0"
    if case.contact_memory.healing is not None and case.contact_memory.healing.rate == 0.0:
        healing = "contact_memory.healing."
        yield (healing + "stress", healing + "exponent"), f"{healing}rate = 0"


def _of_protocol(setup: Setup) -> Iterator[Reason]:
    case = setup.loaded.case
    pressures = {step.pressure for _, _, step in case.operation.steps()}
    if pressures and None not in pressures and case.operation.pressure not in pressures:
        yield ("operation.pressure",), "every operation.step has a pressure of its own"
    temperatures = {step.temperature for _, _, step in case.operation.steps()}
    if temperatures and None not in temperatures:
        yield ("operation.temperature",), "every operation.step has a temperature of its own"
    ramps = any(stage.pressures is not None for stage in setup.stages)
    if case.fixture is None and not ramps:
        yield ("numerics.pressure_change",), "there is no [fixture], and no pressure_to"
    elif case.fixture is not None and case.fixture.stiffness is None:
        yield ("numerics.pressure_change",), "model.top = velocity, where the pressure limits no step"
    elif case.fixture is not None and case.fixture.stiffness == 0.0:
        idle = ("fixture.counter", *(() if ramps else ("numerics.pressure_change",)))
        yield idle, "fixture.stiffness = 0, a dead load"
    sinks = setup.parameters.vacancies
    if setup.parameters.current.pressure_potential == 0.0 and (sinks is None or sinks.stress_drift == 0.0):
        reason = "model.pressure_potential = false, and no vacancies drift by stress: nothing is coupled"
        yield ("numerics.coupling_tolerance",), reason


def _of_steps(setup: Setup) -> Iterator[Reason]:
    """Ends of a step that another end always comes before."""
    operation = setup.loaded.case.operation
    for number, step in enumerate(operation.step):
        here, limit = f"operation.step[{number}].", step.cutoff_voltage
        if limit is not None and operation.cutoff_voltage is not None and limit >= operation.cutoff_voltage:
            yield (here + "cutoff_voltage",), "operation.cutoff_voltage ends the run before"
        if setup.loaded.case.fixture is None and step.in_cycle(1).pressure_to is None:
            ends = (here + "cutoff_pressure_above", here + "cutoff_pressure_below")
            yield ends, "there is no [fixture]: the stack pressure stays as it is"
        if step.current is None or step.capacity is None or step.duration is None or step.currents:
            continue
        if step.current * step.duration >= step.capacity:
            yield (here + "duration",), f"at this current {here}capacity is reached before"
        else:
            yield (here + "capacity",), f"at this current {here}duration is over before"


def _of_statistics(setup: Setup) -> Iterator[Reason]:
    case = setup.loaded.case
    if case.voids is not None and case.voids.width_deviation == 0.0:
        yield ("voids.smallest_width",), "voids.width_deviation = 0: all voids are as wide as the mean"
    nucleation = case.model.nucleation
    if nucleation is not None and nucleation.width_deviation == 0.0:
        yield ("model.nucleation.seed",), "model.nucleation.width_deviation = 0: no number is drawn"
    if case.heterogeneity is not None and case.heterogeneity.patch:
        paths = ("heterogeneity.width_deviation", "heterogeneity.seed")
        yield paths, "heterogeneity.patch gives all patches"
    if case.heterogeneity is not None and case.heterogeneity.is_profile:
        given = "points" if case.heterogeneity.expression is None else "expression"
        names = ("width_deviation", "edge", "seed")
        yield (
            tuple(f"heterogeneity.{name}" for name in names),
            f"heterogeneity.{given} gives Z everywhere",
        )


def _of_meshes(setup: Setup) -> Iterator[Reason]:
    numerics, sizes = setup.loaded.case.numerics, setup.sizes
    if setup.geometry.kind == "3d":
        yield ("numerics.graded", "numerics.layer_depth"), "geometry.kind = 3d"
    elif sizes.layer is None:
        yield ("numerics.layer_depth",), "numerics.layer_size is not given, and nothing asks for a layer"
    if numerics.largest_size is not None and sizes.largest > numerics.largest_size * _PER_UM * _ROUNDING:
        yield ("numerics.largest_size",), f"numerics.tip_size = {sizes.tip:.3g} um is larger"
    if numerics.first_step > numerics.largest_step:
        yield ("numerics.first_step",), "numerics.largest_step is smaller"


def _of_solvers(setup: Setup) -> Iterator[Reason]:
    used = setup.solver_options.sets.values()
    for name, options in setup.loaded.case.numerics.petsc.items():
        here = f"numerics.petsc.{name}"
        if name not in used:
            yield (f"{here}.",), f"this case is solved with {', '.join(sorted(set(used)))}"
            continue
        for option in options:
            if option in OWN_TEST:
                yield (f"{here}.{option}",), "livoid judges itself when Newton has converged, with snes_atol"
            elif option not in SOLVER_OPTIONS[name] and option not in with_overrides(name, options):
                yield (f"{here}.{option}",), "there is no such option to take away"
