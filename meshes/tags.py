"""Names and integer tags of the parts of a cell; the only place where the numbers stand."""

from __future__ import annotations

from enum import IntEnum


class Region(IntEnum):
    """Volumes (cell tags)."""

    METAL = 1
    ELECTROLYTE = 2


class Boundary(IntEnum):
    """Surfaces (facet tags). ``CONTACT`` is interior (metal on electrolyte), the others exterior."""

    CONTACT = 11
    VOID = 12
    FLOOR = 13
    TOP = 14
    SIDE_X = 15
    SIDE_Y = 16
    BOTTOM = 17
    ELECTROLYTE_SIDE = 18


def name_table() -> dict[str, dict[str, int]]:
    """Return ``{"regions": {name: tag}, "boundaries": {name: tag}}`` in lower case."""
    return {
        "regions": {r.name.lower(): int(r) for r in Region},
        "boundaries": {b.name.lower(): int(b) for b in Boundary},
    }
