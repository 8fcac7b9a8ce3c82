"""The scales of a case: units in which its equations are solved, so that its numbers are of order one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import constants

from solver.setup import protocol

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase

FARADAY = constants.physical_constants["Faraday constant"][0]
LENGTH_SCALE = 1e-6
"""m: meshes and pictures are in micrometres."""
COULOMB_PER_MAH_CM2 = 36000.0
"""C/m2 in 1 mAh/cm2."""


@dataclass(frozen=True)
class Scales:
    """Units in which the equations are solved.

    Attributes:
        length: m.
        velocity: Omega i0 / F, m/s.
        stress: stack pressure, Pa.
        current: i0, A/m2 (the applied current).
        potential: RT/F, V.
    """

    length: float
    velocity: float
    stress: float
    current: float
    potential: float

    @property
    def resistance(self) -> float:
        """Area resistance (ohm m2) in one RT/(F i0)."""
        return self.potential / self.current

    @property
    def time(self) -> float:
        """Seconds in one unit of time."""
        return self.length / self.velocity


def thermal_voltage(temperature: float) -> float:
    """RT/F (V) at a temperature (K)."""
    return float(constants.R * temperature / FARADAY)


def case_scales(loaded: LoadedCase) -> Scales:
    """Scales of a case: its largest current, or what its largest overpotential drives through Z."""
    operation = loaded.case.operation
    potential = thermal_voltage(operation.temperature)
    current, overpotential = protocol.reference(operation)
    if current is None:
        depth = loaded.case.geometry.modelled_depth
        resistance = loaded.electrolyte.area_resistance.at(operation.temperature, sign=-1)
        resistance += depth / loaded.electrolyte.conductivity.at(operation.temperature)
        assert overpotential is not None
        current = overpotential / resistance
    velocity = loaded.metal.molar_volume.value * current / FARADAY
    return Scales(LENGTH_SCALE, velocity, operation.pressure, current, potential)
