"""Contact with a memory (docs/model.md 2): where metal and electrolyte have parted, Z is another one.

    Z = Z_0                                  where the metal has never left the electrolyte
    Z = max(Z_0, Z_1 (p_max/p_1)^-m h)       where it has come back
    d ln h/dt = -B (p_c/p_h)^k               healing by creep of asperities (none unless a case asks for it)

Z: area resistance; p_max: largest contact pressure p_c since the metal came back, at least ``lowest``:
contact without pressure would have no finite Z; p_1 = 1 MPa; h: healing factor, 1 when the metal comes back.
Both kinetics take Z as i0 = RT/(F Z): less real area of the same interface.

Source: Doux et al. 2020 (doi:10.1002/aenm.201903253): resistance of Li on Li6PS5Cl against the first pressure
that it has seen, 296 to 1.9 ohm cm2 at 1 to 20 MPa, 11 at 5 MPa after 25 MPa. Z does not go back with the
pressure; hence p_max.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.scales import Scales

REFERENCE_PRESSURE = 1e6
"""Pa; p_1, to which the resistance of a re-made contact belongs."""


@dataclass(frozen=True)
class Healing:
    """Healing by creep: d ln Z/dt = -rate (p_c/stress)^exponent; rate in v0/L, stress in P0."""

    rate: float
    stress: float
    exponent: float

    def change(self, pressure: NDArray[np.float64], time_step: float) -> NDArray[np.float64]:
        """Change of ln Z in a step at constant contact pressure (exact; none under tension)."""
        pressed = np.maximum(pressure, 0.0) / self.stress
        return np.asarray(-self.rate * time_step * pressed**self.exponent)


@dataclass(frozen=True)
class MemoryLaw:
    """Z over that of virgin contact; pressures in P0.

    Attributes:
        ratio: Z_1/Z_0, at ``reference``.
        reference: p_1.
        exponent: m.
        lowest: least p_max that counts: the bound on Z.
        healing: None for none.
    """

    ratio: float
    reference: float
    exponent: float
    lowest: float
    healing: Healing | None = None

    def conductance(
        self,
        virgin: NDArray[np.bool_],
        largest: NDArray[np.float64],
        healed: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.float64]:
        """Z_0/Z, which is 1 at most.

        Args:
            virgin: whether the metal has never left.
            largest: p_max.
            healed: ln h.
        """
        pressed = np.log(np.maximum(largest, self.lowest) / self.reference)
        remade = self.exponent * pressed - healed - np.log(self.ratio)
        return np.where(virgin, 1.0, np.exp(np.minimum(remade, 0.0)))


def from_case(loaded: LoadedCase, scales: Scales) -> MemoryLaw | None:
    """The law of a case, None where the contact has no memory."""
    given, electrolyte = loaded.case.contact_memory, loaded.electrolyte
    if given is None:
        return None
    assert electrolyte.remade_resistance is not None and electrolyte.pressure_exponent is not None
    temperature = loaded.case.operation.temperature
    virgin = electrolyte.area_resistance.at(temperature, sign=-1)
    healing = given.healing
    return MemoryLaw(
        ratio=electrolyte.remade_resistance.at(temperature, sign=-1) / virgin,
        reference=REFERENCE_PRESSURE / scales.stress,
        exponent=electrolyte.pressure_exponent.value,
        lowest=given.lowest_pressure / scales.stress,
        healing=None
        if healing is None
        else Healing(healing.rate * scales.time, healing.stress / scales.stress, healing.exponent),
    )
