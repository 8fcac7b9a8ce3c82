"""Quantities that a command or a function is given beside the case, with their units and limits."""

from __future__ import annotations

import math

from solver.case.errors import CaseError
from solver.case.units import parse_quantity


def quantity(
    name: str, text: str, unit: str, above: float = 0.0, below: float = math.inf, what: str = "a value"
) -> float:
    """A quantity between two ends, neither of which it may be.

    Args:
        name: of the option or the argument, for messages.
        text: number with a unit.
        unit: of the result and of both ends.
        above, below: the ends.
        what: it is, for messages.

    Raises:
        CaseError: if the text is none.
    """
    try:
        value = parse_quantity(text, unit)
    except ValueError as error:
        raise CaseError(name, [str(error)]) from None
    if not above < value < below:
        upper = "" if math.isinf(below) else f" and below {below:g}"
        raise CaseError(name, [f"'{text}': must be {what} above {above:g}{upper}"])
    return value
