"""Figure of ``livoid eis``: Nyquist and Bode diagrams from ``impedance.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from postprocess.canvas import plt, save

if TYPE_CHECKING:
    from pathlib import Path

LEFT_OUT = 1e-3
"""Shares below this part of the largest real part are no line of their own."""


def draw_impedance(folder: Path, title: str) -> Path:
    """Draw ``impedance.png`` beside ``impedance.csv``; returns the picture."""
    table = pd.read_csv(folder / "impedance.csv")
    frequency, real, imaginary = (table.iloc[:, k].to_numpy() for k in range(3))
    largest = abs(real).max()
    figure, (nyquist, bode, shares) = plt.subplots(1, 3, figsize=(11.5, 3.6))
    nyquist.plot(real, -imaginary, "o-", ms=3)
    nyquist.set_aspect("equal", adjustable="datalim")
    nyquist.set_xlabel("Re Z (ohm cm2)")
    nyquist.set_ylabel("-Im Z (ohm cm2)")
    bode.loglog(frequency, (real**2 + imaginary**2) ** 0.5, "C0-", label="|Z|")
    bode.loglog(frequency, (-imaginary).clip(1e-6 * largest), "C1--", label="-Im Z")
    bode.set_xlabel("Frequency (Hz)")
    bode.set_ylabel("Impedance (ohm cm2)")
    bode.legend(fontsize=8, frameon=False)
    for name in (c.removesuffix("_real_ohm_cm2") for c in table.columns[3::2]):
        values = table[f"{name}_real_ohm_cm2"]
        if values.abs().max() > LEFT_OUT * largest:
            shares.semilogx(frequency, values, label=name.replace("_", " "))
    shares.set_xlabel("Frequency (Hz)")
    shares.set_ylabel("Share of Re Z (ohm cm2)")
    shares.legend(fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=8, parse_math=False)
    return save(figure, folder / "impedance.png")
