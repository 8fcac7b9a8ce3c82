"""The capacitances of a case (``[impedance]``), dimensionless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.equations.linear_response import Storage

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.scales import Scales


def storage(loaded: LoadedCase, scales: Scales) -> Storage:
    """Capacitances of a case."""
    given = loaded.case.impedance
    unit = scales.current * scales.time / scales.potential
    return Storage(given.vacant_fraction, 0.0 if given.double_layer is None else given.double_layer / unit)
