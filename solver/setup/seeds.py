"""The voids that a case starts with, in micrometres: those it lists, or a random population."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshes.seeds import PopulationError, PopulationRule, VoidShape, line_population, patch_population
from solver.case.errors import CaseError
from solver.setup.scales import LENGTH_SCALE

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase

TALLEST_SHARE = 0.98
"""Height of a void over the metal's at which it counts as higher than the metal."""


def void_shapes(loaded: LoadedCase) -> list[VoidShape]:
    """Void seeds in micrometres.

    Raises:
        CaseError: if a random population does not fit.
    """
    case = loaded.case
    if case.voids is None:
        return [
            VoidShape(
                tuple(x / LENGTH_SCALE for x in void.center),
                void.width / LENGTH_SCALE,
                void.roof_height / LENGTH_SCALE,
                void.shape,
                None if void.along is None else "xy".index(void.along),
            )
            for void in case.void
        ]
    population = case.voids
    rule = PopulationRule(
        density=population.density * LENGTH_SCALE,
        mean=population.mean_width / LENGTH_SCALE,
        deviation=population.width_deviation / LENGTH_SCALE,
        smallest=population.smallest_width / LENGTH_SCALE,
        aspect=population.aspect,
        spacing=population.spacing / LENGTH_SCALE,
        shape=population.shape,
        seed=population.seed,
    )
    width = case.geometry.width / LENGTH_SCALE
    try:
        if case.geometry.depth is not None:
            shapes = patch_population((width, case.geometry.depth / LENGTH_SCALE), rule)
        else:
            shapes = line_population(width, rule)
    except PopulationError as error:
        raise CaseError(loaded.source, [f"voids: {error}"]) from None
    tallest = max((s.height for s in shapes), default=0.0) * LENGTH_SCALE
    if tallest >= TALLEST_SHARE * case.geometry.metal_thickness:
        raise CaseError(loaded.source, ["voids: the population has a void taller than the metal"])
    return shapes
