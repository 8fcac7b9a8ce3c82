"""Area resistance that varies along the interface (docs/model.md 2): Z(x) = Z f(x), f = 1 off patches.

    ln f(x) = sum over patches of ln(factor) ramp((width/2 - |x - centre|)/edge)

Interfaces of sulphide electrolytes are patchy; a patch of higher Z passes less current. The ramp from 0 to 1
over the length ``edge`` keeps the current continuous, so that the mesh can resolve it. Instead of patches,
f is an expression of the position, or linear between the points of a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator

from solver.core.expressions import interface_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.case.loading import LoadedCase
    from solver.case.schema.interface import Heterogeneity
    from solver.setup.scales import Scales

OHM_M2_PER_OHM_CM2 = 1e-4
_SAMPLES = {1: 4001, 2: 401}
"""Points along each extent, by their number, at which the steepest change of a profile is looked for."""


class ResistanceProfile(Protocol):
    """f along the interface."""

    def factor(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """f (n) at positions ``x`` (um), a row per coordinate: (1 or more, n)."""


@dataclass(frozen=True)
class ResistanceFormula:
    """f as an expression; see :func:`~solver.core.expressions.interface_values`."""

    text: str
    kind: str
    extents: tuple[float, ...]

    def factor(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """f (n) at positions ``x`` (um), a row per coordinate."""
        return interface_values(self.text, self.kind, self.extents, x)


@dataclass(frozen=True)
class ResistanceTable:
    """f linear between points of a grid, beyond its ends as there.

    Attributes:
        axes: positions (um) along x, or along x and y.
        factors: f, y running fastest.
    """

    axes: tuple[tuple[float, ...], ...]
    factors: tuple[float, ...]

    def factor(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """f (n) at positions ``x`` (um), a row per coordinate."""
        axes = [np.array(axis) for axis in self.axes]
        values = np.array(self.factors).reshape([len(axis) for axis in axes])
        inside = [np.clip(row, axis[0], axis[-1]) for row, axis in zip(x, axes, strict=False)]
        return np.asarray(RegularGridInterpolator(axes, values)(np.stack(inside, axis=-1)), dtype=np.float64)


@dataclass(frozen=True)
class Patches:
    """Stretches of another resistance; lengths in um.

    Attributes:
        centres, widths, factors: one value each.
        edge: width over which f goes from 1 to the factor, half of it inside the patch.
    """

    centres: tuple[float, ...]
    widths: tuple[float, ...]
    factors: tuple[float, ...]
    edge: float

    def factor(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """f at positions ``x`` (um), a row per coordinate; where patches overlap, ln f adds up."""
        logarithm = np.zeros_like(x[0])
        for centre, width, factor in zip(self.centres, self.widths, self.factors, strict=True):
            depth = 0.5 * width - np.abs(x[0] - centre)
            logarithm += np.log(factor) * np.clip(0.5 + depth / self.edge, 0.0, 1.0)
        return np.asarray(np.exp(logarithm))


def from_case(loaded: LoadedCase, scales: Scales) -> ResistanceProfile | None:
    """Profile of a case, None where Z is uniform."""
    return profile_of(loaded, scales.length)


def profile_of(loaded: LoadedCase, length: float) -> ResistanceProfile | None:
    """Profile of a case, None where Z is uniform; ``length`` is that of 1 um in m."""
    given, geometry = loaded.case.heterogeneity, loaded.case.geometry
    if given is None:
        return None
    if given.expression is not None:
        depth = () if geometry.depth is None else (geometry.depth / length,)
        return ResistanceFormula(given.expression, geometry.kind, (geometry.width / length, *depth))
    if given.points is not None:
        # a Z of the table is one at the temperature of the electrolyte's own number, and changes with it
        own = loaded.electrolyte.area_resistance.value / OHM_M2_PER_OHM_CM2
        return _table(given.points, own if given.points_give == "ohm cm2" else 1.0)
    return _patches(given, geometry.width / length, length)


def _table(points: Sequence[Sequence[float]], own: float) -> ResistanceTable:
    """Profile through points (um, value); ``own`` is the value where f = 1."""
    table = np.array(points, dtype=np.float64)
    table = table[np.lexsort(table[:, -2::-1].T)]
    axes = [np.unique(column) for column in table[:, :-1].T]
    return ResistanceTable(
        tuple(tuple(map(float, axis)) for axis in axes), tuple(map(float, table[:, -1] / own))
    )


def change_length(profile: ResistanceProfile, extents: Sequence[float]) -> float:
    """Length (um) over which f changes: the edge of patches, else 1/max |d ln f/dx|; inf if it does not.

    Args:
        profile: f.
        extents: of the cell (um).
    """
    if isinstance(profile, Patches):
        return profile.edge
    axes = [np.linspace(0.0, extent, _SAMPLES[len(extents)]) for extent in extents]
    grid = np.meshgrid(*axes, indexing="ij")
    values = np.log(profile.factor(np.stack([part.ravel() for part in grid]))).reshape(grid[0].shape)
    steps = [extent / (_SAMPLES[len(extents)] - 1) for extent in extents]
    rises = [np.max(np.abs(np.diff(values, axis=k))) / step for k, step in enumerate(steps)]
    steepest = float(max(rises))
    return 1.0 / steepest if steepest > 0.0 else math.inf


def _patches(given: Heterogeneity, extent: float, length: float) -> Patches:
    edge = given.edge / length
    if given.patch:
        return Patches(
            tuple(patch.position / length for patch in given.patch),
            tuple(patch.width / length for patch in given.patch),
            tuple(patch.factor for patch in given.patch),
            edge,
        )
    assert given.density is not None and given.mean_width is not None and given.factor is not None
    return random_patches(
        extent,
        density=given.density * length,
        mean=given.mean_width / length,
        deviation=given.width_deviation / length,
        factor=given.factor,
        edge=edge,
        seed=given.seed,
    )


def random_patches(
    extent: float, *, density: float, mean: float, deviation: float, factor: float, edge: float, seed: int
) -> Patches:
    """Patches at uniform places with normal widths (cut at half and twice the mean), one factor.

    Args:
        extent: length of the interface (um).
        density: patches per um; their number is the rounded expectation.
        mean, deviation: of the widths (um).
        factor: Z there over Z elsewhere.
        edge: see :class:`Patches`.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    count = round(extent * density)
    centres = rng.uniform(0.0, extent, size=count)
    widths = np.clip(rng.normal(mean, deviation, size=count), 0.5 * mean, 2.0 * mean)
    return Patches(tuple(map(float, centres)), tuple(map(float, widths)), (factor,) * count, edge)
