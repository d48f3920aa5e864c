"""When an excess began: the likeliest moment of a step in noisy hours."""

from __future__ import annotations

import numpy as np

from metering.batch import Float64


def onset_hour(excess: Float64, noise: Float64, size: float) -> int:
    """Index of the hour at which a step of `size` most likely began (one zone's hours, oldest first).

    The log likelihood ratio of step against none, summed from each hour to the end, is largest there
    (Hinkley, Biometrika 1970). Hours without a value count for neither.
    """
    ratio = np.where(np.isnan(excess), 0.0, (size * excess - size**2 / 2) / noise**2)
    bounded = np.clip(ratio, -2.0, 2.0)
    from_here = np.cumsum(bounded[::-1])[::-1]
    return int(np.argmax(from_here))
