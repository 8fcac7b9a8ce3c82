"""Shapes of void seeds: the roof of a void as a curve above the electrolyte surface y = 0.

A shape is described by its full width ``width`` and its ``height``; a circular cap takes its height
from the contact angle instead. Lengths are in the unit of the caller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ShapeName = Literal["ellipse", "cap"]

_CURVE_POINTS = 4001


@dataclass(frozen=True)
class VoidShape:
    """One void seed.

    Attributes:
        center: lateral position of the middle of the void (x, or (x, y) in three dimensions).
        width: full width at the electrolyte surface.
        height: height of the roof above the electrolyte surface.
        shape: ``"ellipse"`` (half ellipse, half ellipsoid) or ``"cap"`` (circular arc).
    """

    center: tuple[float, ...]
    width: float
    height: float
    shape: ShapeName = "ellipse"

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
