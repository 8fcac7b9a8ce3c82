"""All verification rows: importing their modules registers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.verification import alloy, creep, currents, manufactured, motion, transport
from solver.verification.check import REGISTERED

if TYPE_CHECKING:
    from solver.verification.check import VerificationRow

assert alloy and creep and currents and manufactured and motion and transport


def all_rows() -> dict[str, VerificationRow]:
    """All rows by name, in the order of docs/verification.md."""
    return dict(sorted(REGISTERED.items(), key=lambda item: (int(item[1].number.split("/")[0]), item[0])))
