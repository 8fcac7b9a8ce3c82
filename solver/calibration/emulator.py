"""An emulator of one observable: a Gaussian process over the unit cube of the parameters.

Each design point has a mean over the draws of the voids, whose variance over their number is the noise there
(Rasmussen and Williams 2006, ch. 2 and 5, www.gaussianprocess.org/gpml). What the parameters do not explain
besides is a noise that is found with the lengths. Every point is left out once, in closed form (ibid.
eq. 5.10 to 5.12): that says what the emulator is worth where nothing has been run.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import ndtri
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from solver.calibration.priors import FURTHEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

LENGTHS = (0.05, 10.0)
"""Between which the length of an axis is sought: the cube's side is 1, one of 10 does nothing."""
AMPLITUDES = (1e-2, 1e2)
"""Variances over that of the design."""
NOISES = (1e-6, 1.0)
"""The same; from a thousandth of its standard deviation on. With larger amplitudes or less noise the
variances of smooth observables are lost in rounding."""
ROUNDING = 1e-10
RESTARTS = 3
WIDTH = 4.0
"""Standard deviations of a log-normal prior that are as long as the side of the cube."""
FEWEST_FOR_SPREAD = 2
"""Draws of the voids from which their spread is known."""


@dataclass(frozen=True)
class LeftOut:
    """What the emulator says of design points that it has not seen.

    Attributes:
        predicted, deviation: at each point (n), from all others; the deviation has the point's noise in it.
        actual: means of the runs (n).
    """

    predicted: Values
    deviation: Values
    actual: Values

    @property
    def error(self) -> float:
        """Root mean square of the errors over the standard deviation of the values: 1 says nothing."""
        spread = float(np.std(self.actual))
        error = float(np.sqrt(np.mean((self.predicted - self.actual) ** 2)))
        return error / spread if spread > 0.0 else 0.0

    @property
    def within_two(self) -> float:
        """Share of the points that lie within two standard deviations (0.95 if the emulator knows itself)."""
        return float(np.mean(np.abs(self.predicted - self.actual) <= 2.0 * self.deviation))


class Emulator:
    """A Gaussian process fitted to design points.

    Args:
        points: in the unit cube (n, parameters).
        normal: which parameters have a log-normal prior; their axes are stretched to that of the normal
            distribution, on which the tails of the prior are no steps.
        runs: the observable (n, draws); NaN where a run says nothing. Points without any are left out.
        seed: of the search for its lengths.

    Attributes:
        used: which points it has seen (n).
        spread: standard deviation over the draws of the voids of a single one, from all points.
        left_out: of the points used.

    Raises:
        ValueError: if too few points say anything.
    """

    def __init__(self, points: Values, runs: Values, seed: int, normal: Sequence[bool] = ()) -> None:
        self._normal = np.flatnonzero(normal)
        points = self._stretched(points)
        count = np.sum(np.isfinite(runs), axis=1)
        self.used = count > 0
        if int(self.used.sum()) < points.shape[1] + 2:
            raise ValueError(f"{int(self.used.sum())} of {len(points)} points have a value, which is too few")
        known, count = runs[self.used], count[self.used]
        mean = np.nanmean(known, axis=1)
        self.spread = _spread(known, count)
        self._center, self._scale = float(np.mean(mean)), _scale(mean)
        noise = (self.spread / self._scale) ** 2 / count
        smooth = ConstantKernel(1.0, AMPLITUDES) * RBF(np.ones(points.shape[1]), LENGTHS)
        kernel = smooth + WhiteKernel(1e-4, NOISES)
        self._process = GaussianProcessRegressor(
            kernel, alpha=noise + ROUNDING, n_restarts_optimizer=RESTARTS, random_state=seed
        )
        with warnings.catch_warnings():
            # an axis that does nothing has no length: its bound is as good
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._process.fit(points[self.used], (mean - self._center) / self._scale)
        self._keep((mean - self._center) / self._scale, noise + ROUNDING)
        self.left_out = self._leave_out(mean)

    def _keep(self, values: Values, noise: Values) -> None:
        """What predictions need, in arrays: the process checks its input at each step of a chain."""
        kernel = self._process.kernel_
        self._amplitude, self._white = kernel.k1.k1.constant_value, kernel.k2.noise_level
        #: length of each axis over the side of the cube: small where the observable answers to it
        self.lengths = np.atleast_1d(kernel.k1.k2.length_scale)
        self._seen = self._process.X_train_ / self.lengths
        covariance = kernel(self._process.X_train_) + np.diag(noise)
        self._root = np.linalg.inv(np.linalg.cholesky(covariance))
        self._weights = self._root.T @ (self._root @ values)

    def predict(self, points: Values) -> tuple[Values, Values]:
        """Mean and standard deviation at points (m, parameters); the spread over voids is not in it.

        The deviation has in it what the parameters do not explain.
        """
        squared = cdist(self._stretched(points) / self.lengths, self._seen, "sqeuclidean")
        covariance = self._amplitude * np.exp(-0.5 * squared)
        explained = np.sum((covariance @ self._root.T) ** 2, axis=1)
        variance = np.maximum(self._amplitude + self._white - explained, 0.0)
        return self._center + self._scale * (covariance @ self._weights), self._scale * np.sqrt(variance)

    def _stretched(self, points: Values) -> Values:
        if not len(self._normal):
            return points
        stretched = points.copy()
        inside = np.clip(points[:, self._normal], FURTHEST, 1.0 - FURTHEST)
        stretched[:, self._normal] = 0.5 + ndtri(inside) / WIDTH
        return stretched

    def _leave_out(self, mean: Values) -> LeftOut:
        variance = 1.0 / np.sum(self._root**2, axis=0)  # the diagonal of the inverse
        shifts = self._weights * variance
        return LeftOut(mean - self._scale * shifts, self._scale * np.sqrt(variance), np.asarray(mean))


def _scale(values: Values) -> float:
    """Standard deviation, 1 where there is none."""
    deviation = float(np.std(values))
    return deviation if deviation > 0.0 else 1.0


def _spread(known: Values, count: Values) -> float:
    """Standard deviation of one draw, from the points with several; 0 where there is none."""
    several = count >= FEWEST_FOR_SPREAD
    if not np.any(several):
        return 0.0
    variances = np.nanvar(known[several], axis=1, ddof=1)
    weights = count[several] - 1.0
    return float(np.sqrt(np.sum(weights * variances) / np.sum(weights)))
