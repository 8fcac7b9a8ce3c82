"""Figures as they are handed to a user, in a notebook or a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def handed_over(figure: Figure) -> Figure:
    """The figure, for its user to show or to save.

    A notebook shows what a cell returns, and besides all figures that are open: this one would be there
    twice.
    """
    if "inline" in matplotlib.get_backend():
        plt.close(figure)
    return figure
