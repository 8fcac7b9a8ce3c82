"""Void seeds: their shapes, and random populations of them.

A shape is the roof of a void as a curve above the electrolyte surface y = 0, or as the body of revolution of
that curve. It is described by its full width ``width`` and its ``height``; a circular cap takes its height
from the contact angle instead. Populations respect a smallest spacing and are reproducible from a seed of
random numbers. Lengths are in the unit of the caller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

ShapeName = Literal["ellipse", "cap"]

_CURVE_POINTS = 4001
_ATTEMPTS = 20000
_LEAST_SHARE = 1e-3
"""Share of a distribution of widths that must lie above its cut: of less, what is drawn is another one."""


@dataclass(frozen=True)
class VoidShape:
    """One void seed.

    Attributes:
        center: lateral position of the middle of the void (x, or (x, y) in three dimensions; of a cylinder in
            three dimensions the coordinate across its axis).
        width: full width at the electrolyte surface.
        height: height of the roof above the electrolyte surface.
        shape: ``"ellipse"`` (half ellipse, half ellipsoid) or ``"cap"`` (circular arc).
        along: axis of a cylinder that runs through a cell of three dimensions (0: x, 1: y), None for a body
            of revolution.
    """

    center: tuple[float, ...]
    width: float
    height: float
    shape: ShapeName = "ellipse"
    along: int | None = None

    @property
    def half_width(self) -> float:
        """Half of the width at the electrolyte surface."""
        return 0.5 * self.width

    def section_area(self) -> float:
        """Area of the full plane section (exact)."""
        if self.shape == "ellipse":
            return 0.5 * math.pi * self.half_width * self.height
        radius, half_angle = cap_radius(self.half_width, self.height)
        return radius**2 * (half_angle - math.sin(half_angle) * math.cos(half_angle))

    def volume(self) -> float:
        """Volume of the whole body of revolution: half an ellipsoid, or a spherical cap (exact)."""
        if self.shape == "ellipse":
            return 2.0 / 3.0 * math.pi * self.half_width**2 * self.height
        return math.pi * self.height / 6.0 * (3.0 * self.half_width**2 + self.height**2)

    def heights(self, away: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the roof of the body of revolution at distances (n,) from its axis; 0 beyond its rim."""
        if self.shape == "ellipse":
            share = np.maximum(1.0 - (away / self.half_width) ** 2, 0.0)
            return np.asarray(self.height * np.sqrt(share))
        radius, half_angle = cap_radius(self.half_width, self.height)
        above = np.sqrt(np.maximum(radius**2 - away**2, 0.0)) - radius * math.cos(half_angle)
        return np.where(away < self.half_width, np.maximum(above, 0.0), 0.0)

    @property
    def overhangs(self) -> bool:
        """Whether the roof leans over the electrolyte outside the void: a cap of more than half a sphere."""
        return self.shape == "cap" and self.height > self.half_width

    def on_sphere(
        self, inward: NDArray[np.float64], power: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points of a cap for points ``inward`` (n,) of the rim of its footprint.

        From the rim on they are as far along the arc; what the arc is longer than the footprint's radius
        comes with ``power`` of the distance.

        Returns:
            Distances from the axis and heights.
        """
        radius, half_angle = cap_radius(self.half_width, self.height)
        surplus = radius * half_angle - self.half_width
        arc = inward + surplus * (inward / self.half_width) ** power
        angle = half_angle - arc / radius
        return radius * np.sin(angle), radius * (np.cos(angle) - math.cos(half_angle))

    def roof(self) -> NDArray[np.float64]:
        """Return a fine polyline of shape (m, 2) from the left end to the right end."""
        if self.shape == "ellipse":
            angle = np.linspace(math.pi, 0.0, _CURVE_POINTS)
            x, y = self.half_width * np.cos(angle), self.height * np.sin(angle)
        else:
            radius, half_angle = cap_radius(self.half_width, self.height)
            angle = np.linspace(-half_angle, half_angle, _CURVE_POINTS)
            x = radius * np.sin(angle)
            y = radius * (np.cos(angle) - math.cos(half_angle))
        y[[0, -1]] = 0.0
        return np.column_stack([self.center[0] + x, y])


def cap_radius(half_width: float, height: float) -> tuple[float, float]:
    """Return radius and half opening angle of the circular arc through ``half_width`` and ``height``."""
    radius = (half_width**2 + height**2) / (2.0 * height)
    return radius, math.atan2(half_width, radius - height)


def cap_height(half_width: float, contact_angle: float) -> float:
    """Height of a circular cap whose metal meets the electrolyte at ``contact_angle``.

    Args:
        half_width: half of the width at the electrolyte surface.
        contact_angle: angle in radians measured inside the metal, in (0, pi).

    Raises:
        ValueError: if the angle lies outside (0, pi).
    """
    if not 0.0 < contact_angle < math.pi:
        raise ValueError(f"contact angle must lie in (0, 180) deg, got {math.degrees(contact_angle)}")
    half_angle = math.pi - contact_angle
    return half_width * (1.0 - math.cos(half_angle)) / math.sin(half_angle)


class PopulationError(ValueError):
    """The population does not fit into the cell."""


@dataclass(frozen=True)
class PopulationRule:
    """Statistics of a population; lengths in one unit, ``density`` in its inverse.

    Attributes:
        density: mean number of voids per length of interface.
        mean, deviation: mean and standard deviation of the width.
        smallest: smallest width.
        aspect: height over width.
        spacing: smallest contact between two voids, and between a void and a side.
        shape: shape of the seeds.
        seed: of the random numbers.
    """

    density: float
    mean: float
    deviation: float
    smallest: float
    aspect: float
    spacing: float
    shape: ShapeName
    seed: int

    def void(self, center: tuple[float, ...], width: float) -> VoidShape:
        """Seed of a width at a place."""
        return VoidShape(center, width, self.aspect * width, self.shape)


def draw_widths(rng: np.random.Generator, count: int, rule: PopulationRule) -> NDArray[np.float64]:
    """Widths from a log-normal distribution with the given mean and standard deviation.

    A log-normal keeps both moments with positive widths, which a normal one with a deviation of more
    than half the mean does not. Widths below the smallest are drawn again.
    """
    if rule.deviation == 0.0:
        return np.full(count, rule.mean)
    variance = np.log1p((rule.deviation / rule.mean) ** 2)
    location, scale = np.log(rule.mean) - 0.5 * variance, np.sqrt(variance)
    share = float(ndtr((location - np.log(rule.smallest)) / scale))
    if share < _LEAST_SHARE:
        raise PopulationError(
            f"smallest_width is too large for this distribution of widths: a share of {share:.2g} is wider"
        )
    widths = rng.lognormal(location, scale, size=count)
    for _ in range(_ATTEMPTS):
        small = widths < rule.smallest
        if not small.any():
            return widths
        widths[small] = rng.lognormal(location, scale, size=int(small.sum()))
    raise PopulationError("smallest_width is too large for this distribution of widths")


def line_population(extent: float, rule: PopulationRule) -> list[VoidShape]:
    """Voids along a line of length ``extent``.

    The number is the rounded expectation. The free length is divided by uniform order statistics, the
    distribution of random sequential positions without overlap, so nothing is rejected and dense
    populations are drawn as easily as sparse ones.

    Raises:
        PopulationError: if the voids and their spacing are longer than the line.
    """
    rng = np.random.default_rng(rule.seed)
    count = round(extent * rule.density)
    widths = draw_widths(rng, count, rule)
    free = extent - widths.sum() - (count + 1) * rule.spacing
    if free < 0.0:
        raise PopulationError(
            f"{count} voids of total width {widths.sum():.4g} with spacing {rule.spacing:.4g} "
            f"do not fit into {extent:.4g}"
        )
    cuts = np.sort(rng.uniform(0.0, free, size=count))
    before = np.concatenate([[0.0], np.cumsum(widths)[:-1]])
    left = cuts + rule.spacing * np.arange(1, count + 1) + before
    return [rule.void((float(x + 0.5 * w),), float(w)) for x, w in zip(left, widths, strict=True)]


def patch_population(extents: tuple[float, float], rule: PopulationRule) -> list[VoidShape]:
    """Voids on a rectangle by random sequential addition, largest first.

    ``density`` is a number per length: a straight line over the surface meets that many voids, so the
    number per area is density / mean width (stereology: N_L = N_A times mean width).

    Raises:
        PopulationError: if a void finds no place in many attempts.
    """
    rng = np.random.default_rng(rule.seed)
    count = round(extents[0] * extents[1] * rule.density / rule.mean)
    widths = np.sort(draw_widths(rng, count, rule))[::-1]
    # discs around the voids, each with half a spacing
    covered = 0.25 * math.pi * float(np.sum((widths + rule.spacing) ** 2))
    if covered > extents[0] * extents[1]:
        raise PopulationError(f"{count} voids with spacing {rule.spacing:.4g} do not fit into the cell")
    placed, centres = 0, np.empty((count, 2))
    for width in widths:
        margin = 0.5 * width + rule.spacing
        if margin >= 0.5 * min(extents):
            raise PopulationError(f"a void of width {width:.4g} does not fit into the cell")
        for _ in range(_ATTEMPTS):
            centre = np.array([rng.uniform(margin, e - margin) for e in extents])
            away = np.linalg.norm(centres[:placed] - centre, axis=1)
            if np.all(away - 0.5 * (width + widths[:placed]) >= rule.spacing):
                centres[placed] = centre
                placed += 1
                break
        else:
            raise PopulationError(f"no place for void {placed + 1} of {count}")
    return [rule.void((float(x), float(y)), float(w)) for (x, y), w in zip(centres, widths, strict=True)]
