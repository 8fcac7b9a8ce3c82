"""Material library: data files in which every number has a value, a status and a source."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from scipy import constants

from solver import units

GAS_CONSTANT = constants.R
BOLTZMANN = constants.k

Status = Literal["measured", "literature", "derived", "tunable", "numerical", "calibrated", "override"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1000)


class Sourced(_Strict):
    """Provenance of a number."""

    status: Status
    source: Annotated[str, Field(min_length=1)]


def _sourced(kind: Any, *, thermal: bool = False) -> Any:
    """Type of a library entry ``{value, status, source}``; a bare value is an override by the case."""

    def wrap(entry: object) -> object:
        if isinstance(entry, Mapping):
            return entry
        return {"value": entry, "status": "override", "source": "case file"}

    namespace: dict[str, Any] = {"__annotations__": {"value": kind}, "__module__": __name__}
    bases: tuple[type, ...] = (_Thermal,) if thermal else (Sourced,)
    model = type("Entry", bases, namespace)
    return Annotated[model, BeforeValidator(wrap)]


class _Thermal(Sourced):
    """A number with Arrhenius dependence: grows with T for ``sign`` +1."""

    value: Any
    reference_temperature: units.Temperature | None = None
    activation_energy: units.Energy | None = None

    def at(self, temperature: float, *, sign: int = 1) -> float:
        """Value at ``temperature`` (K); ``sign`` -1 for resistances."""
        if self.reference_temperature is None or self.activation_energy is None:
            return float(self.value)
        inverse = 1.0 / self.reference_temperature - 1.0 / temperature
        return float(self.value) * math.exp(sign * self.activation_energy / BOLTZMANN * inverse)


class CreepMaterial(_Strict):
    """Uniaxial rate = prefactor exp(-Q/RT) (sigma/stress)^exponent, with a viscosity in parallel."""

    kind: Literal["creep"] = "creep"
    description: str = ""
    prefactor: _sourced(units.Rate)  # type: ignore[valid-type]
    stress: _sourced(units.quantity("Pa", "MPa", 1e3, 1e9))  # type: ignore[valid-type]
    exponent: _sourced(units.quantity("", "", 1.0, 20.0))  # type: ignore[valid-type]
    activation_energy: _sourced(units.MolarEnergy)  # type: ignore[valid-type]
    viscosity_floor: _sourced(units.Viscosity)  # type: ignore[valid-type]
    diffusional_rate: _sourced(units.Rate)  # type: ignore[valid-type]

    def coefficient(self, temperature: float) -> float:
        """Rate (1/s) at the reference stress."""
        return float(
            self.prefactor.value * math.exp(-self.activation_energy.value / (GAS_CONSTANT * temperature))
        )


class MetalMaterial(_Strict):
    """Metal anode."""

    kind: Literal["metal"] = "metal"
    description: str = ""
    creep: str
    molar_volume: _sourced(units.MolarVolume)  # type: ignore[valid-type]
    surface_energy: _sourced(units.SurfaceEnergy)  # type: ignore[valid-type]
    contact_angle: _sourced(units.Angle)  # type: ignore[valid-type]
    diffusivity: _sourced(units.Diffusivity, thermal=True)  # type: ignore[valid-type]
    sink_length: _sourced(units.Length)  # type: ignore[valid-type]
    interface_sink_length: _sourced(units.LengthOrInf)  # type: ignore[valid-type]
    surface_sink_length: _sourced(units.Length)  # type: ignore[valid-type]
    vacancy_relaxation: _sourced(units.quantity("", "", -1.0, 1.0))  # type: ignore[valid-type]


class ElectrolyteMaterial(_Strict):
    """Solid electrolyte and the kinetics of the metal on it."""

    kind: Literal["electrolyte"] = "electrolyte"
    description: str = ""
    conductivity: _sourced(units.Conductivity, thermal=True)  # type: ignore[valid-type]
    area_resistance: _sourced(units.AreaResistance, thermal=True)  # type: ignore[valid-type]
    transfer_coefficient: _sourced(units.quantity("", "", 0.01, 0.99))  # type: ignore[valid-type]
    counter_potential: _sourced(units.Voltage)  # type: ignore[valid-type]


class UnknownMaterialError(ValueError):
    """No such file in the library; the message lists what there is."""


class Library:
    """Read access to the data files beside this module."""

    KINDS: ClassVar[dict[str, type[_Strict]]] = {
        "metal": MetalMaterial,
        "electrolyte": ElectrolyteMaterial,
        "creep": CreepMaterial,
    }

    def __init__(self) -> None:
        self._root = resources.files("solver") / "library"

    def names(self, kind: str) -> list[str]:
        """Names of all materials of a kind, sorted."""
        folder = self._root / "creep" if kind == "creep" else self._root
        found = []
        for entry in folder.iterdir():
            if entry.name.endswith(".toml") and self._read(entry)["kind"] == kind:
                found.append(entry.name.removesuffix(".toml"))
        return sorted(found)

    def data(self, kind: str, name: str) -> dict[str, Any]:
        """Raw content of a material file.

        Raises:
            UnknownMaterialError: if there is no material of that kind and name.
        """
        if name not in self.names(kind):
            raise UnknownMaterialError(f"unknown {kind} '{name}'; the library has {', '.join(self.names(kind))}")
        folder = self._root / "creep" if kind == "creep" else self._root
        return self._read(folder / f"{name}.toml")

    @staticmethod
    def _read(entry: Any) -> dict[str, Any]:
        return tomllib.loads(entry.read_text(encoding="utf-8"))
