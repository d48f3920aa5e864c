"""What a zone's balance is usually: residual = pattern by hour + slope x children's flow + noise by hour.

The slope takes up the meters' gain errors and the branches without a meter whose use goes with the rest; the
pattern takes up what does not. A leak flows day and night, so it is looked for where the noise is least: each
hour weighs 1 / noise², which on most networks is the night, and a gain that drifts hardly shows there.

Method: weighted robust regression (Huber, Robust Statistics, 1981), refreshed once a local day on past days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metering.batch import Float64
from rules.detectors.day_log import median, spread

_HUBER = 1.5
_ROUNDS = 4
_CLIP = 2.0


@dataclass
class ZoneModel:
    """Learned by zone. `slope` and `inflow` by zone, `pattern` and `noise` 24 local hours x zones; m3/h or kW.

    scale   by zone: one sigma of a day's figure (see `day_figure`); NaN until there is enough to learn from
    """

    slope: Float64
    inflow: Float64
    pattern: Float64
    noise: Float64
    scale: Float64

    @classmethod
    def of(cls, zones: int) -> ZoneModel:
        """Nothing learned."""
        return cls(
            np.zeros(zones),
            np.full(zones, np.nan),
            np.zeros((24, zones)),
            np.full((24, zones), np.nan),
            np.full(zones, np.nan),
        )

    def excess(self, inflow: Float64, outflow: Float64, hour: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Float64:
        """Residual above the expected, hours x zones, for hours of the local day `hour`."""
        return inflow - self.expected_inflow(outflow, hour)

    def expected_inflow(self, outflow: Float64, hour: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Float64:
        """What should flow in when the children take `outflow`."""
        return np.asarray(outflow * (1 + self.slope) + self.pattern[hour], np.float64)


def learn(inflow: Float64, outflow: Float64, floor: Float64) -> ZoneModel:
    """A model of past days: days x 24 x zones each; NaN is left out. `floor`: least noise of an hour, by zone."""
    residual = inflow - outflow
    noise = np.ones(inflow.shape[1:])
    slope = np.zeros(inflow.shape[2])
    weight = np.ones_like(residual)
    for _ in range(_ROUNDS):
        level, slope = _line(outflow, residual, weight)
        error = residual - level - slope * outflow
        noise = _noise_by_hour(error - median(error), floor)
        weight = np.minimum(1.0, _HUBER * noise / np.maximum(np.abs(error), 1e-12)) / noise**2
    rest = residual - slope * outflow
    pattern = median(rest)
    noise = _noise_by_hour(rest - pattern, floor)
    figures = day_figure(np.moveaxis(rest - pattern, 1, 0), noise[:, None, :])
    scale = spread(figures, median(figures))
    return ZoneModel(slope, np.nanmean(inflow, axis=(0, 1)), pattern, noise, scale)


def _line(x: Float64, y: Float64, weight: Float64) -> tuple[Float64, Float64]:
    """Weighted straight line over days and hours, by zone: level and slope."""
    w = np.where(np.isnan(x + y), 0.0, weight)
    total = np.maximum(w.sum(axis=(0, 1)), 1e-12)
    mean_x = np.where(w > 0, w * x, 0.0).sum(axis=(0, 1)) / total
    mean_y = np.where(w > 0, w * y, 0.0).sum(axis=(0, 1)) / total
    dx = np.where(w > 0, x - mean_x, 0.0)
    dy = np.where(w > 0, y - mean_y, 0.0)
    slope = (w * dx * dy).sum(axis=(0, 1)) / np.maximum((w * dx * dx).sum(axis=(0, 1)), 1e-12)
    return mean_y - slope * mean_x, slope


def _noise_by_hour(error: Float64, floor: Float64) -> Float64:
    """Robust sigma by local hour, each hour smoothed with its neighbours."""
    square = spread(error, np.zeros(error.shape[1:])) ** 2
    square = (np.roll(square, 1, axis=0) + 2 * square + np.roll(square, -1, axis=0)) / 4
    return np.maximum(np.sqrt(square), floor)


def day_figure(excess: Float64, noise: Float64) -> Float64:
    """One figure of many hours (first axis): their mean weighted 1 / noise², outliers drawn in; NaN left out.

    A leak lifts all hours alike; a hydrant opened for an hour lifts one and is drawn in to two sigma.
    """
    weight = np.where(np.isnan(excess), 0.0, 1 / np.broadcast_to(noise, excess.shape) ** 2)
    centre = _weighted_median(excess, weight)
    near = np.clip(excess, centre - _CLIP * noise, centre + _CLIP * noise)
    total = weight.sum(axis=0)
    figure = np.where(weight > 0, weight * near, 0.0).sum(axis=0) / np.where(total > 0, total, np.nan)
    return np.asarray(figure, np.float64)


def _weighted_median(values: Float64, weight: Float64) -> Float64:
    order = np.argsort(values, axis=0)  # NaN last, with weight 0
    values = np.take_along_axis(values, order, axis=0)
    reached = np.cumsum(np.take_along_axis(weight, order, axis=0), axis=0)
    row = (reached >= reached[-1] / 2).argmax(axis=0)
    return np.asarray(np.take_along_axis(values, row[None], axis=0)[0], np.float64)
