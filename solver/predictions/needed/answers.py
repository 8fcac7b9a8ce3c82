"""The distribution of an answer over samples, and the answer in words: "1.6 MPa (1.2 to 2.3, 90 %)".

Samples may lie beyond the range that was searched: such a one is 0 or inf, has its place in the order, and is
shown as "< 0.1" or "> 50". Nothing is assumed of the shape of the distribution: quantiles are read off the
ordered samples, sample :math:`k` of weight :math:`w_k` standing at the share
:math:`(w_1 + ... + w_{k-1} + w_k / 2)` of the whole weight, linearly in the logarithm of pressure in
between. The 90 % interval goes from the quantile 0.05 to 0.95.

What the samples have to be for that: the range of :math:`n` independent draws holds :math:`(n-1)/(n+1)` of
their distribution on average, so that fewer than 19 say nothing about 90 %. Of fewer, the answer shows the
range and calls it that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.predictions.needed.search import Bounds, Found

INTERVAL = 0.9
"""Share of the distribution that the interval holds."""
ENOUGH = 19
"""Independent samples whose range holds that share on average: (n - 1) / (n + 1) = 0.9."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the table of answers."""


@dataclass(frozen=True)
class Answer:
    """The pressure needed in one setting.

    Attributes:
        quantiles: MPa at :data:`QUANTILES`; 0 or inf beyond the range that was searched, NaN without samples.
        interval: MPa, lower and upper end: the quantiles 0.05 and 0.95, or the range of few samples.
        enough: whether the samples are enough for that share; else the interval is their range.
        samples: with an answer.
        effective: as many samples of equal weight say as much (Kish: square of the sum of the weights
            over the sum of their squares).
        failed: samples without an answer, whose runs failed.
        not_monotone: samples of which a smaller pressure holds than one that breaks.
    """

    quantiles: tuple[float, ...]
    interval: tuple[float, float]
    enough: bool
    samples: int
    effective: float
    failed: int
    not_monotone: int

    @property
    def median(self) -> float:
        """MPa; 0 or inf beyond the range, NaN without samples."""
        return self.quantiles[QUANTILES.index(0.5)]


def answer(found: Sequence[Found], weights: Sequence[float]) -> Answer:
    """The distribution of what the searches of one setting have found.

    Args:
        found: one for each sample.
        weights: of the samples, positive, of any sum.
    """
    good = [k for k, each in enumerate(found) if each.kind != "failed"]
    values = [found[k].pressure for k in good]
    shares = [weights[k] for k in good]
    wrong = sum(not each.monotone for each in found)
    if not good:
        nothing = (math.nan,) * len(QUANTILES)
        return Answer(nothing, (math.nan, math.nan), False, 0, 0.0, len(found), wrong)
    effective = sum(shares) ** 2 / sum(share**2 for share in shares)
    quantiles = tuple(weighted_quantile(values, shares, level) for level in QUANTILES)
    # rounding of the sums must not make 19 equal samples 18.999
    enough = effective > ENOUGH - 0.5
    interval = (quantiles[0], quantiles[-1]) if enough else (min(values), max(values))
    return Answer(quantiles, interval, enough, len(good), effective, len(found) - len(good), wrong)


def weighted_quantile(values: Sequence[float], weights: Sequence[float], level: float) -> float:
    """Quantile of weighted positive samples, log-linear between them, the nearer one beside 0 or inf.

    Args:
        values: 0 and inf among them.
        weights: positive.
        level: between 0 and 1.
    """
    order = np.argsort(values, kind="stable")
    ordered, share = np.asarray(values, float)[order], np.asarray(weights, float)[order] / sum(weights)
    places = np.cumsum(share) - 0.5 * share
    k = int(np.searchsorted(places, level))
    if k == 0 or k == len(places):
        return float(ordered[min(k, len(places) - 1)])
    low, high = float(ordered[k - 1]), float(ordered[k])
    part = float((level - places[k - 1]) / (places[k] - places[k - 1]))
    if low > 0.0 and high < math.inf:
        return float(low * (high / low) ** part)
    return high if part >= 0.5 else low


def pressure_text(pressure: float, bounds: Bounds) -> str:
    """A pressure in MPa as an answer has it, "< 0.1" and "> 50" beyond the bounds."""
    if pressure == 0.0:
        return f"< {bounds.lowest:g}"
    return f"> {bounds.highest:g}" if pressure == math.inf else f"{float(f'{pressure:.2g}'):g}"


def sentence(found: Answer, bounds: Bounds) -> str:
    """The answer in one line."""
    if found.samples == 0:
        return f"no answer: the runs of all {found.failed} samples failed"
    text = f"{pressure_text(found.median, bounds)} MPa"
    if found.samples > 1:
        ends = [pressure_text(end, bounds) for end in found.interval]
        share = f"{INTERVAL * 100:g} %" if found.enough else f"range of {found.samples} samples"
        text += f" ({' to '.join(ends)}, {share})"
    notes = []
    if found.not_monotone:
        notes.append(
            f"not monotone in {found.not_monotone} of {found.samples + found.failed} samples: "
            "a smaller pressure holds there where a larger one breaks"
        )
    if found.failed:
        notes.append(
            f"{found.failed} of {found.samples + found.failed} samples without an answer (failed runs)"
        )
    return "; ".join([text, *notes])
