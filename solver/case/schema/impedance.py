"""What `livoid eis` needs besides: what contact and metal store, which a quasi-static run leaves out."""

from __future__ import annotations

from pydantic import Field

from solver.case import units
from solver.case.schema.section import Section


class Impedance(Section):
    """Capacitances of the interface, for `livoid eis` alone: a run does not depend on them."""

    double_layer: units.Capacitance | None = Field(
        None, description="capacitance per area of contact; default none: charge transfer has no arc"
    )
    vacant_fraction: units.VacantFraction = Field(
        "1e-8",
        description="vacant lattice sites over all in equilibrium: sets the frequency of the vacancies' arc",
        validate_default=True,
    )
