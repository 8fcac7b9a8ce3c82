"""Units in heads of columns, as instruments and people write them: ``Ewe/V``, ``time (h)``, ``width_um``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from solver.case.units import convert

_BRACKETS = re.compile(r"(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]]*(?:\([^()]*\))?[^()\[\]]*)[)\]]\s*")
_OWN_POWERS = re.compile(r"(?<=[A-Za-z])(?=[0-9])")


def unit_candidates(head: str) -> Iterator[tuple[str, str]]:
    """(name, unit) as which a head may be read, the likelier first: brackets, a slash, livoid's own ending.

    After a slash there may be another one (``control/V/mA``, ``j/mA/cm2``), so that each is a candidate.
    """
    match = _BRACKETS.fullmatch(head)
    if match is not None:
        yield match["name"], match["unit"].strip()
    for sign, unit_of in (("/", str.strip), ("_", _own_unit)):
        parts = head.split(sign)
        for k in range(1, len(parts)):
            yield sign.join(parts[:k]).strip(), unit_of(sign.join(parts[k:]))


def _own_unit(text: str) -> str:
    """The unit of an ending as livoid's tables have them: ``mAh_cm2`` is mAh/cm2."""
    first, *rest = text.split("_")
    return "/".join([first, *(_OWN_POWERS.sub("^", part) for part in rest)])


def unit_in(head: str, wanted: Sequence[str]) -> str | None:
    """The unit in a head that is one of the dimensions of ``wanted``; None where there is none."""
    for _, unit in unit_candidates(head):
        if fitting(unit, wanted) is not None:
            return unit
    return None


def any_unit_in(head: str) -> str | None:
    """What stands in a head in the place of a unit, whether it is one or not."""
    return next((unit for _, unit in unit_candidates(head) if unit), None)


def fitting(unit: str, wanted: Sequence[str]) -> str | None:
    """The first of the units in ``wanted`` that ``unit`` converts to; None where there is none."""
    for target in wanted:
        try:
            convert(1.0, unit, target)
        except ValueError:
            continue
        if unit or not target:
            return target
    return None
