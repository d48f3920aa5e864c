"""Small pictures drawn on the server: sparklines and bars as SVG coordinates, so that a list needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A curve in a box of `width` x `height`; `flagged_x` is where the flagged stretch begins, None outside."""

    width: int
    height: int
    path: str
    area: str
    flagged_x: float | None
    flagged_width: float


def sparkline(
    values: npt.NDArray[np.float64], flagged: tuple[float, float] | None, *, width: int = 120, height: int = 32
) -> Sparkline | None:
    """The curve of the values, gaps left open; `flagged` are shares (0 to 1) of the width. None without two values."""
    if (~np.isnan(values)).sum() < 2:  # noqa: PLR2004
        return None
    low, high = min(0.0, float(np.nanmin(values))), float(np.nanmax(values))
    scale = (height - 4) / (high - low) if high > low else 0.0
    step = width / max(1, len(values) - 1)
    pieces = [
        [(round(i * step, 1), round(height - 2 - (values[i] - low) * scale, 1)) for i in run] for run in _runs(values)
    ]
    path = " ".join("M" + "L".join(f"{x},{y}" for x, y in piece) for piece in pieces)
    area = " ".join(
        f"M{piece[0][0]},{height}L" + "L".join(f"{x},{y}" for x, y in piece) + f"L{piece[-1][0]},{height}Z"
        for piece in pieces
    )
    first, last = flagged or (1.0, 1.0)
    first, last = max(0.0, min(1.0, first)), max(0.0, min(1.0, last))
    return Sparkline(
        width, height, path, area, round(first * width, 1) if last > first else None, round((last - first) * width, 1)
    )


def _runs(values: npt.NDArray[np.float64]) -> list[npt.NDArray[np.intp]]:
    """Indices of the stretches without a gap."""
    present = np.flatnonzero(~np.isnan(values))
    return np.split(present, np.flatnonzero(np.diff(present) > 1) + 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a small chart: place and size in the box, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    value: float | None


def bars(values: Sequence[float | None], *, width: int = 84, height: int = 24) -> list[Bar]:
    """One bar a value, the greatest as high as the box; what is missing has no height."""
    top = max((v for v in values if v is not None), default=0.0)
    slot = width / max(1, len(values))
    found = []
    for i, value in enumerate(values):
        share = max(0.0, value) / top if value is not None and top > 0 else 0.0
        tall = max(1.0, round(share * height, 1)) if value is not None else 0.0
        found.append(Bar(round(i * slot, 1), round(height - tall, 1), round(slot * 0.72, 1), tall, value))
    return found
