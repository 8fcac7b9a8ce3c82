"""Material library: metals, electrolytes and creep laws from data files in ``library/``.

Every number of a data file has a value with its unit, a status (measured, literature, ...) and a source.
"""

from __future__ import annotations

import contextlib
import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from scipy import constants

from solver.case import units

GAS_CONSTANT = constants.R
BOLTZMANN = constants.k

Status = Literal["measured", "literature", "derived", "tunable", "numerical", "calibrated", "override"]
"""How a number is known; ``override``: the case file gives another one than the library."""

T = TypeVar("T")


class _Strict(BaseModel):
    """Base of what a data file holds: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1000)


class Sourced(_Strict, Generic[T]):
    """A number with its provenance."""

    value: T
    status: Status
    source: Annotated[str, Field(min_length=1)]


class Thermal(Sourced[T], Generic[T]):
    """A number with Arrhenius dependence on temperature."""

    reference_temperature: units.Temperature | None = None
    activation_energy: units.Energy | None = None

    def at(self, temperature: float, *, sign: int = 1) -> float:
        """Value at ``temperature`` (K); ``sign`` -1 for resistances."""
        value = float(self.value)  # type: ignore[arg-type]
        if self.reference_temperature is None or self.activation_energy is None:
            return value
        inverse = 1.0 / self.reference_temperature - 1.0 / temperature
        return value * math.exp(sign * self.activation_energy / BOLTZMANN * inverse)


def _wrap(entry: object) -> object:
    """A bare value is an override by the case."""
    if isinstance(entry, Mapping):
        return entry
    return {"value": entry, "status": "override", "source": "case file"}


_OVERRIDABLE = BeforeValidator(_wrap)


class CreepMaterial(_Strict):
    """Uniaxial rate = prefactor exp(-Q/RT) (sigma/stress)^exponent, with a viscosity in parallel."""

    kind: Literal["creep"] = "creep"
    description: str = ""
    prefactor: Annotated[Sourced[units.Rate], _OVERRIDABLE]
    stress: Annotated[Sourced[units.CreepStress], _OVERRIDABLE]
    exponent: Annotated[Sourced[units.Exponent], _OVERRIDABLE]
    activation_energy: Annotated[Sourced[units.MolarEnergy], _OVERRIDABLE]
    viscosity_floor: Annotated[Sourced[units.Viscosity], _OVERRIDABLE]
    diffusional_rate: Annotated[Sourced[units.Rate], _OVERRIDABLE]
    breakdown_stress: Annotated[Sourced[units.CreepStress], _OVERRIDABLE] | None = None

    def coefficient(self, temperature: float) -> float:
        """Rate (1/s) at the reference stress."""
        return float(
            self.prefactor.value * math.exp(-self.activation_energy.value / (GAS_CONSTANT * temperature))
        )


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


class ElectrolyteMaterial(_Strict):
    """Solid electrolyte and the kinetics of the metal on it."""

    kind: Literal["electrolyte"] = "electrolyte"
    description: str = ""
    conductivity: Annotated[Thermal[units.Conductivity], _OVERRIDABLE]
    area_resistance: Annotated[Thermal[units.AreaResistance], _OVERRIDABLE]
    transfer_coefficient: Annotated[Sourced[units.TransferCoefficient], _OVERRIDABLE]
    counter_potential: Annotated[Sourced[units.Voltage], _OVERRIDABLE]


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
                f"unknown {kind} '{name}'; the library has {', '.join(self.names(kind))}"
            )
        return content

    def _files(self, kind: str) -> dict[str, Any]:
        folder = self._root / "creep" if kind == "creep" else self._root
        return {e.name.removesuffix(".toml"): e for e in folder.iterdir() if e.name.endswith(".toml")}

    @staticmethod
    def _read(entry: Any) -> dict[str, Any]:
        try:
            return tomllib.loads(entry.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UnknownMaterialError(f"{entry.name} of the library cannot be read: {error}") from None
