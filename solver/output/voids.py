"""Rows of what a run writes of its voids: the present ones, all that ever were, and their changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solver.output.rows import EventRow, LineageRow, VoidRow

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from meshes.topology import Event
    from solver.interface.population import Population


def void_rows(
    population: Population, profile: Profile, output: int, seconds: float, capacity: float
) -> list[VoidRow]:
    """One row per present void, in the order of the labels.

    Args:
        population: voids with their labels.
        profile: shapes of the same voids.
        output, seconds, capacity: number of the output, its time and the charge passed (mAh/cm2).
    """
    return [
        VoidRow(
            output=output,
            time_s=seconds,
            capacity_mAh_cm2=capacity,
            void=label,
            parents=_joined(population.lives[label].parents),
            x_um=void.centre[0],
            y_um=void.centre[1],
            z_um=void.centre[2],
            left_um=void.extent[0],
            right_um=void.extent[1],
            width_um=void.width,
            height_um=void.height,
            measure_um=void.measure,
        )
        for label, void in zip(population.labels, profile.void_rows(), strict=True)
    ]


def lineage_rows(population: Population) -> list[LineageRow]:
    """One row per void that ever was."""
    return [
        LineageRow(
            void=life.label,
            parents=_joined(life.parents),
            origin=life.origin,
            begin_s=life.begin[0],
            begin_mAh_cm2=life.begin[1],
            fate=life.fate,
            end_s=life.end[0] if life.end else None,
            end_mAh_cm2=life.end[1] if life.end else None,
            children=_joined(life.children),
        )
        for life in population.lives.values()
    ]


def event_row(event: Event, seconds: float, capacity: float) -> EventRow:
    """The row of an event at a time (s) and charge passed (mAh/cm2)."""
    return EventRow(
        time_s=seconds,
        capacity_mAh_cm2=capacity,
        kind=event.kind,
        position_um=event.position,
        size_um=event.size,
        ended=_joined(event.ended),
        made=_joined(event.made),
        detail=event.detail,
    )


def _joined(labels: Sequence[int]) -> str:
    """Labels as one table entry: ``3+7``."""
    return "+".join(str(label) for label in labels)
