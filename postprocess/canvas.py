"""Matplotlib without a display, and figures written to files."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["plt", "save"]
DPI = 130


def save(figure: plt.Figure, path: Path, dpi: int = DPI) -> Path:
    """Write a figure, without what would be cut off at its edges, and forget it; returns the file."""
    if figure.get_layout_engine() is None:
        figure.tight_layout()
    figure.savefig(path, dpi=dpi)
    plt.close(figure)
    return path
