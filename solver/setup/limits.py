"""Whether a case lies within what the model describes and can be computed, beyond the ranges of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.case.errors import CaseError

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.parameters import ModelParameters
    from solver.setup.scales import Scales

STIFFEST_METAL = 5e8
"""Pa; most stress at which metal may creep as fast as the current takes it away. At a tenth of Young's
modulus (lithium: 5 to 8 GPa) it would deform elastically instead, which the model leaves out."""


def check_metal(loaded: LoadedCase, scales: Scales, parameters: ModelParameters) -> None:
    """Refuse metal that does not creep.

    Raises:
        CaseError: if it needs more than STIFFEST_METAL to follow the current.
    """
    law = parameters.creep
    stresses = [law.reference_stress, 3.0 * law.viscosity_floor]
    stresses += [] if law.saturation is None else [law.saturation.reference_stress]
    needed = max(stresses) * scales.stress
    if needed <= STIFFEST_METAL:
        return
    rate = scales.velocity / scales.length
    raise CaseError(
        loaded.source,
        [
            f"material.creep: {needed / 1e6:.3g} MPa are needed to creep at {rate:.3g} 1/s, as fast as the "
            f"current takes metal away; above {STIFFEST_METAL / 1e6:.0f} MPa metal is elastic, which is not "
            "modelled (prefactor, stress, exponent, activation_energy, viscosity_floor)"
        ],
    )
