"""A drill's curve as SVG coordinates, drawn on the server: it prints, and needs no script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from api.alerts.series import Floats
from api.web.drills.curve import DrillCurve, Moment
from api.web.formats import Formats

WIDTH, HEIGHT = 400, 214
LEFT, RIGHT, TOP, BOTTOM = 6, 394, 58, 194
_ROWS, _ROW, _APART = 4, 14, 16  # marks that stand close are put one below the other
_TICKS_X, _TICKS_Y = 4, 3
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_QUARTER_MS = 900_000.0
_Place = Callable[[npt.ArrayLike], Floats]


@dataclass(frozen=True, slots=True)
class Mark:
    """A step: its number on the line of time, the clock of the copy, and people's."""

    number: int
    name: str
    x: float
    y: float
    event_at: np.datetime64
    at: datetime


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid and what stands at it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Paths of both curves, the marks, the grid."""

    usual: str
    simulated: str
    marks: tuple[Mark, ...]
    across: tuple[Tick, ...]
    down: tuple[Tick, ...]


def picture_of(curve: DrillCurve, medium: str, formats: Formats) -> Picture | None:
    """None where nothing is known of the meter."""
    known = np.concatenate([curve.usual, curve.simulated])
    if np.isnan(known).all():
        return None
    step = _nice(max(float(np.nanmax(known)), 1e-6) / _TICKS_Y)
    top = step * np.ceil(float(np.nanmax(known)) / step + 1e-9)
    start, end = (float(t) for t in curve.edges[[0, -1]].astype(np.int64))

    def x(ms: npt.ArrayLike) -> Floats:
        return np.asarray(LEFT + (np.clip(ms, start, end) - start) / (end - start) * (RIGHT - LEFT), np.float64)

    def y(value: npt.ArrayLike) -> Floats:
        return np.asarray(BOTTOM - np.asarray(value) / top * (BOTTOM - TOP), np.float64)

    xs = x(curve.edges.astype(np.int64))
    levels = [float(value) for value in np.arange(0, top + step / 2, step)]
    across = tuple(Tick(float(y(value)), formats.rate(value, medium)) for value in levels)
    usual, simulated = _stairs(xs, y(curve.usual)), _stairs(xs, y(curve.simulated))
    return Picture(usual, simulated, _marks(curve.moments, x), across, _hours(start, end, x, formats))


def _nice(least: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(power * next(n for n in _NICE if n * power >= least * (1 - 1e-9)))


def _stairs(xs: Floats, ys: Floats) -> str:
    """A level a window, open where nothing is known."""
    pieces, is_open = [], False
    for i, level in enumerate(ys):
        if np.isnan(level):
            is_open = False
            continue
        pieces.append(f"{'L' if is_open else 'M'}{xs[i]:.1f},{level:.1f}H{xs[i + 1]:.1f}")
        is_open = True
    return "".join(pieces)


def _marks(moments: tuple[Moment, ...], x: _Place) -> tuple[Mark, ...]:
    place: list[float] = [float(x(m.event_ms)) for m in moments]
    found, last = [], [-np.inf] * _ROWS
    for number, (moment, at) in enumerate(zip(moments, place, strict=True), start=1):
        row = next((r for r in range(_ROWS) if at - last[r] >= _APART), int(np.argmin(last)))
        last[row] = at
        event_at = np.datetime64(int(moment.event_ms), "ms")
        found.append(Mark(number, moment.name, round(at, 1), 8 + row * _ROW, event_at, moment.at))
    return tuple(found)


def _hours(start: float, end: float, x: _Place, formats: Formats) -> tuple[Tick, ...]:
    at = np.round(np.linspace(start, end, _TICKS_X + 1)[1:-1] / _QUARTER_MS) * _QUARTER_MS
    return tuple(Tick(float(x(ms)), formats.moment(np.datetime64(int(ms), "ms"))) for ms in at)
