"""Material library: metals, electrolytes and creep laws from data files in ``library/``.

Every number of a data file has a value with its unit, a status (measured, literature, ...) and a source.
"""

from __future__ import annotations

import contextlib
import math
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from scipy import constants

from solver.case import units

GAS_CONSTANT = constants.R
BOLTZMANN = constants.k

Status = Literal["measured", "literature", "derived", "tunable", "numerical", "calibrated", "override"]
"""How a number is known; ``override``: the case file gives another one than the library."""

RANGE_ENDS = ("low", "high")
"""Names under which a case chooses the ends of a number's range."""

DEFAULTS = {"metal": "lithium", "electrolyte": "LPSCl"}
"""Materials of a case that names none; the creep law is that of the metal."""
DEFINITION = "definition"
"""Key of a case under which a material of a user's own stands as a whole."""
HOW_TO = "docs/howto/new-material.md"
"""Where it says how to add a material."""

FIXED = frozenset({"kind", "description", "creep", "metals"})
"""Entries of a material that no case overrides."""

T = TypeVar("T")
_LONGEST = 1000
"""Characters of a text in a data file at most."""


class _Strict(BaseModel):
    """Base of what a data file holds: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=_LONGEST)


class Sourced(_Strict, Generic[T]):
    """A number with its provenance.

    ``range``: between which values it is thought to lie, as the source says. ``alternatives``: other numbers
    for the same quantity, each with its own source, by the names under which a case chooses them.
    """

    value: T
    status: Status
    source: Annotated[str, Field(min_length=1)]
    range: tuple[T, T] | None = None
    # a case has one of them: the others are no part of what it was run with
    alternatives: dict[str, Self] = Field(default_factory=dict, exclude=True)

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        if self.range is None:
            return self
        low, value, high = self.range[0], self.value, self.range[1]
        if not all(isinstance(number, float) for number in (low, value, high)):
            raise ValueError("'range' belongs to a single number")
        if not low <= value <= high:  # type: ignore[operator]
            raise ValueError(f"range: {value:g} does not lie between {low:g} and {high:g}")
        return self

    @model_validator(mode="after")
    def _names(self) -> Self:
        taken = [name for name in self.alternatives if name in RANGE_ENDS]
        if taken:
            raise ValueError(f"alternatives: '{taken[0]}' is the name of an end of the range")
        return self


class ArrheniusTerm(_Strict):
    """One of several mechanisms: its share of the value at the reference temperature."""

    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    activation_energy: units.Energy


_WHOLE = 1e-6
"""How near to 1 the shares of all terms have to come together: they are written with a few digits."""


class Thermal(Sourced[T], Generic[T]):
    """A number with Arrhenius dependence on temperature: one activation energy, or several terms that add up.

    Terms of a resistance are conductances in parallel.
    """

    reference_temperature: units.Temperature | None = None
    activation_energy: units.Energy | None = None
    terms: Annotated[list[ArrheniusTerm], Field(min_length=2, max_length=10)] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if self.terms is not None and self.activation_energy is not None:
            raise ValueError("either 'activation_energy' or 'terms', which have their own")
        given = self.activation_energy is not None or self.terms is not None
        if (self.reference_temperature is None) == given:
            raise ValueError("'reference_temperature' and 'activation_energy' need each other (or 'terms')")
        total = sum(term.share for term in self.terms or ())
        if self.terms is not None and abs(total - 1.0) > _WHOLE:
            raise ValueError(f"the shares of the terms add up to {total:g}, not to 1")
        return self

    def at(self, temperature: float, *, sign: int = 1) -> float:
        """Value at ``temperature`` (K); ``sign`` -1 for resistances."""
        value = float(self.value)  # type: ignore[arg-type]
        if self.reference_temperature is None:
            return value
        inverse = 1.0 / self.reference_temperature - 1.0 / temperature
        if self.activation_energy is not None:
            return value * math.exp(sign * self.activation_energy / BOLTZMANN * inverse)
        growth = sum(
            term.share * math.exp(term.activation_energy / BOLTZMANN * inverse) for term in self.terms or ()
        )
        return value * growth if sign > 0 else value / growth


ROOM = "298.15 K"
"""Temperature of a case's own value that comes without one: the standard of tables and cyclers."""


def merged(entry: object, override: object) -> object:
    """An entry with what a case puts in its place: the rest stays, the status becomes ``override``.

    Args:
        entry: of a data file, or nothing.
        override: a value, or a table with some of the entry's keys.
    """
    if not isinstance(entry, Mapping) or override == {}:
        return override
    given = dict(override) if isinstance(override, Mapping) else {"value": override}
    if {"status", "source"} & given.keys():  # a number of its own, which has its provenance
        return given
    kept = {key: value for key, value in entry.items() if key != "alternatives"}
    if "value" in given:
        kept.pop("range", None)
    if "terms" in given or "activation_energy" in given:
        kept = {key: value for key, value in kept.items() if key not in ("terms", "activation_energy")}
    left = [name for name in ("activation_energy", "terms") if name in kept and name not in given]
    label = f"case file ({left[0]}: {entry.get('source', '')})" if left else "case file"
    if left and "value" in given:
        # a value without a temperature is one of the room, whatever the library's was measured at
        kept["reference_temperature"] = ROOM
    return kept | {"status": "override", "source": label[:_LONGEST]} | given


def _wrap(entry: object) -> object:
    """A bare value is an override by the case."""
    if isinstance(entry, Mapping):
        return entry
    return {"value": entry, "status": "override", "source": "case file"}


_OVERRIDABLE = BeforeValidator(_wrap)


def choices(entry: object) -> dict[str, dict[str, Any]]:
    """What a case may choose by name in place of a library's entry: its alternatives, the ends of its range.

    Args:
        entry: of a data file, as it is written there.
    """
    if not isinstance(entry, Mapping):
        return {}
    others, ends = entry.get("alternatives"), entry.get("range")
    found = dict(others) if isinstance(others, Mapping) else {}
    own = {key: value for key, value in entry.items() if key != "alternatives"}
    for name, value in zip(RANGE_ENDS, ends if isinstance(ends, list) else (), strict=False):
        found[name] = own | {"value": value, "source": f"{name} end of the range: {entry.get('source', '')}"}
    return found


class CreepMaterial(_Strict):
    """Uniaxial rate = prefactor exp(-Q/RT) (sigma/stress)^exponent, with a viscosity in parallel.

    The ``saturated_`` entries are a second law of that form, whose rate limits the first one's.
    ``grain_size`` and ``smallest_grain`` put diffusional creep in parallel, by the distance to surfaces.
    """

    kind: Literal["creep"] = "creep"
    description: str = ""
    prefactor: Annotated[Sourced[units.CreepRate], _OVERRIDABLE]
    stress: Annotated[Sourced[units.CreepStress], _OVERRIDABLE]
    exponent: Annotated[Sourced[units.Exponent], _OVERRIDABLE]
    activation_energy: Annotated[Sourced[units.MolarEnergy], _OVERRIDABLE]
    viscosity_floor: Annotated[Sourced[units.Viscosity], _OVERRIDABLE]
    diffusional_rate: Annotated[Sourced[units.Rate], _OVERRIDABLE]
    breakdown_stress: Annotated[Sourced[units.CreepStress], _OVERRIDABLE] | None = None
    saturated_prefactor: Annotated[Sourced[units.CreepRate], _OVERRIDABLE] | None = None
    saturated_stress: Annotated[Sourced[units.CreepStress], _OVERRIDABLE] | None = None
    saturated_exponent: Annotated[Sourced[units.Exponent], _OVERRIDABLE] | None = None
    saturated_activation_energy: Annotated[Sourced[units.MolarEnergy], _OVERRIDABLE] | None = None
    grain_size: Annotated[Sourced[units.Length], _OVERRIDABLE] | None = None
    smallest_grain: Annotated[Sourced[units.Length], _OVERRIDABLE] | None = None

    def coefficient(self, temperature: float) -> float:
        """Rate (1/s) at the reference stress."""
        return float(
            self.prefactor.value * math.exp(-self.activation_energy.value / (GAS_CONSTANT * temperature))
        )

    def saturated_coefficient(self, temperature: float) -> float:
        """Rate (1/s) at the saturated stress, inf where nothing limits the law."""
        if self.saturated_prefactor is None or self.saturated_activation_energy is None:
            return math.inf
        barrier = self.saturated_activation_energy.value / (GAS_CONSTANT * temperature)
        return float(self.saturated_prefactor.value * math.exp(-barrier))

    @model_validator(mode="after")
    def _mechanisms_are_complete(self) -> CreepMaterial:
        limits = (
            "saturated_prefactor",
            "saturated_stress",
            "saturated_exponent",
            "saturated_activation_energy",
        )
        for what, entries in (
            ("a limited law", limits),
            ("a law with grains", ("grain_size", "smallest_grain")),
        ):
            missing = [name for name in entries if getattr(self, name) is None]
            if missing and len(missing) < len(entries):
                raise ValueError(f"{what} also needs {', '.join(missing)}")
        if self.grain_size is not None and self.smallest_grain is not None:
            if self.smallest_grain.value > self.grain_size.value:
                raise ValueError("smallest_grain is larger than grain_size")
            if self.diffusional_rate.value > 0.0:
                raise ValueError("diffusional creep by grain_size or by diffusional_rate, not both")
        return self


class ExcessTerm(_Strict):
    """One Redlich-Kister coefficient L_k = constant + slope T."""

    constant: units.ExcessEnergy
    slope: units.ExcessEntropy = Field("0 J/mol/K", validate_default=True)

    def at(self, temperature: float) -> float:
        """L_k (J/mol) at ``temperature`` (K)."""
        return float(self.constant + self.slope * temperature)


class MetalMaterial(_Strict):
    """Metal anode; the ``solute_`` entries and ``redlich_kister`` make it a binary alloy."""

    kind: Literal["metal"] = "metal"
    description: str = ""
    creep: str
    molar_volume: Annotated[Sourced[units.MolarVolume], _OVERRIDABLE]
    surface_energy: Annotated[Sourced[units.SurfaceEnergy], _OVERRIDABLE]
    contact_angle: Annotated[Sourced[units.Angle], _OVERRIDABLE]
    diffusivity: Annotated[Thermal[units.Diffusivity], _OVERRIDABLE]
    sink_length: Annotated[Sourced[units.Length], _OVERRIDABLE]
    interface_sink_length: Annotated[Sourced[units.LengthOrInf], _OVERRIDABLE]
    surface_sink_length: Annotated[Sourced[units.Length], _OVERRIDABLE]
    vacancy_relaxation: Annotated[Sourced[units.Ratio], _OVERRIDABLE]
    solute_fraction: Annotated[Sourced[units.Fraction], _OVERRIDABLE] | None = None
    solute_limit: Annotated[Sourced[units.Fraction], _OVERRIDABLE] | None = None
    solute_diffusivity: Annotated[Thermal[units.Diffusivity], _OVERRIDABLE] | None = None
    redlich_kister: Annotated[Sourced[list[ExcessTerm]], _OVERRIDABLE] | None = None

    @property
    def is_alloy(self) -> bool:
        """Whether composition can be solved for."""
        return self.solute_fraction is not None

    @model_validator(mode="after")
    def _alloy_is_complete(self) -> MetalMaterial:
        entries = ("solute_fraction", "solute_limit", "solute_diffusivity", "redlich_kister")
        missing = [name for name in entries if getattr(self, name) is None]
        if missing and len(missing) < len(entries):
            raise ValueError(f"an alloy also needs {', '.join(missing)}")
        if self.solute_fraction is not None and self.solute_limit is not None:
            low, high = self.solute_fraction.value, self.solute_limit.value
            if low >= high:
                raise ValueError(f"solute_fraction {low:g} is not below solute_limit {high:g}")
        return self


class MetalPair(_Strict):
    """Kinetics of one metal on the electrolyte, in the place of the electrolyte's own entries."""

    area_resistance: Thermal[units.AreaResistance] | None = None
    remade_resistance: Thermal[units.AreaResistance] | None = None
    pressure_exponent: Sourced[units.PressureExponent] | None = None


class ElectrolyteMaterial(_Strict):
    """Solid electrolyte and the kinetics of the metal on it.

    ``remade_resistance`` and ``pressure_exponent`` are those of contact that has parted and come back
    (:mod:`solver.equations.terms.contact_memory`). ``metals`` of a data file has entries for single metals by
    their names in the library; the material of a case has those of its metal (:func:`with_metal`).
    """

    kind: Literal["electrolyte"] = "electrolyte"
    description: str = ""
    conductivity: Annotated[Thermal[units.Conductivity], _OVERRIDABLE]
    area_resistance: Annotated[Thermal[units.AreaResistance], _OVERRIDABLE]
    transfer_coefficient: Annotated[Sourced[units.TransferCoefficient], _OVERRIDABLE]
    counter_potential: Annotated[Sourced[units.Voltage], _OVERRIDABLE]
    remade_resistance: Annotated[Thermal[units.AreaResistance], _OVERRIDABLE] | None = None
    pressure_exponent: Annotated[Sourced[units.PressureExponent], _OVERRIDABLE] | None = None
    measured_resistance: Annotated[Thermal[units.AreaResistance], _OVERRIDABLE] | None = None
    metals: dict[str, MetalPair] = Field(default_factory=dict, exclude=True)


def with_metal(content: Mapping[str, Any], metal: object) -> dict[str, Any]:
    """Content of an electrolyte's data file with the entries of that metal in place of the general ones."""
    metals = content.get("metals")
    own = metals.get(metal, {}) if isinstance(metals, Mapping) else {}
    if not isinstance(own, Mapping):  # left for the validation to complain of
        return dict(content)
    return {key: value for key, value in content.items() if key != "metals"} | dict(own)


def numbers(content: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Entries of a data file with value, status and source, by their paths."""
    for key, entry in content.items():
        if isinstance(entry, Mapping) and "value" in entry:
            yield key, entry
        elif isinstance(entry, Mapping):
            yield from ((f"{key}.{path}", inner) for path, inner in numbers(entry))


class UnknownMaterialError(ValueError):
    """No such file in the library; the message lists what there is."""


class Library:
    """Read access to the data files beside this module."""

    KINDS: ClassVar[dict[str, type[_Strict]]] = {
        "metal": MetalMaterial,
        "electrolyte": ElectrolyteMaterial,
        "creep": CreepMaterial,
    }

    def __init__(self, folder: Path | None = None) -> None:
        self._root = folder or resources.files("solver.case") / "library"

    def names(self, kind: str) -> list[str]:
        """Names of all materials of a kind, sorted; files that cannot be read are left out."""
        found = []
        for name, entry in self._files(kind).items():
            with contextlib.suppress(UnknownMaterialError):
                if self._read(entry).get("kind") == kind:
                    found.append(name)
        return sorted(found)

    def data(self, kind: str, name: str) -> dict[str, Any]:
        """Raw content of a material file.

        Raises:
            UnknownMaterialError: if there is no material of that kind and name, or its file is none.
        """
        entry = self._files(kind).get(name)
        content = self._read(entry) if entry is not None else {}
        if content.get("kind") != kind:
            raise UnknownMaterialError(
                f"unknown {kind} '{name}'; the library has {', '.join(self.names(kind))}; your own: {HOW_TO}"
            )
        return content

    def _files(self, kind: str) -> dict[str, Any]:
        folder = self._root / "creep" if kind == "creep" else self._root
        if not folder.is_dir():  # a user's library may lack one
            return {}
        return {e.name.removesuffix(".toml"): e for e in folder.iterdir() if e.name.endswith(".toml")}

    @staticmethod
    def _read(entry: Any) -> dict[str, Any]:
        try:
            return tomllib.loads(entry.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UnknownMaterialError(f"{entry.name} of the library cannot be read: {error}") from None
