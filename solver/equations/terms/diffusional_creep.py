"""Diffusional creep (Nabarro-Herring) in parallel with the power law: grains as large as surfaces are far.

Uniaxial strain rate:

    e = B sigma,   B = c D Omega/(R T d^2),   c = 14

e: strain rate; sigma: stress; D: tracer diffusivity of the solvent; Omega: its molar volume; d: grain size.
Vacancies flow between surfaces that are pressed and surfaces that are not. In the bulk these are grain
boundaries; at the rim of a void its own wall and the contact are nearer, and there

    d = min(max(distance to the nearest void surface or contact, d_min), d_grain)

d_min: length below which a continuum of vacancies means nothing; d_grain: grain size of the bulk. It is 1e-4
1/s at 0.2 MPa and d = 1 um. Source: docs/parameters.md (Nabarro 1948, Herring 1950 for the law and c). It is
an estimate: diffusion along surfaces and grain boundaries (Coble) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ufl
from scipy import constants
from ufl.core.expr import Expr

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.case.loading import LoadedCase
    from solver.setup.scales import Scales

NABARRO_HERRING = 14.0
"""c for equiaxed grains."""


@dataclass(frozen=True)
class Grains:
    """Grain sizes.

    Attributes:
        coefficient: c D Omega P0/(R T L v0), B at d = L.
        smallest: d_min/L.
        largest: d_grain/L.
    """

    coefficient: float
    smallest: float
    largest: float

    def rate(self, distance: Expr, constant: Callable[[float], Expr]) -> Expr:
        """B where a surface is ``distance`` (L) away; ``constant`` makes a number of a form."""
        size = ufl.max_value(ufl.min_value(distance, constant(self.largest)), constant(self.smallest))
        return constant(self.coefficient) / size**2


def from_case(loaded: LoadedCase, scales: Scales) -> Grains | None:
    """Grains of a case; None where its creep law has none."""
    law, metal, temperature = loaded.creep, loaded.metal, loaded.case.operation.temperature
    if law.grain_size is None or law.smallest_grain is None:
        return None
    thermal = constants.R * temperature
    mobility = NABARRO_HERRING * metal.diffusivity.at(temperature) * metal.molar_volume.value / thermal
    return Grains(
        coefficient=mobility * scales.stress / (scales.length * scales.velocity),
        smallest=law.smallest_grain.value / scales.length,
        largest=law.grain_size.value / scales.length,
    )
