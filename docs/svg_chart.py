"""A small chart of values over time as SVG text: no fonts inside, no library, the same bytes for the same values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 860, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 58, 34
WATER, POWER, FAULT, ALERT, QUIET = "#0a7fb0", "#b8780a", "#c42b2b", "#c42b2b", "#5c6b7a"
DAY_S, HOUR_S = 86_400, 3_600
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """Values at times (local seconds since 1970); `is_step`: each value holds until the next time; NaN is a gap."""

    name: str
    time: Floats
    value: Floats
    color: str = WATER
    is_dashed: bool = False
    is_step: bool = True
    width: float = 1.4

    @property
    def is_level(self) -> bool:
        """One value for all time."""
        return len(self.value) == 2 and self.value[0] == self.value[1]


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line with its word."""

    name: str
    at: float
    color: str = ALERT


@dataclass(frozen=True)
class Chart:
    """What is drawn between `start` and `end` (local seconds). `bands`: (from, to, color, opacity, name)."""

    title: str
    unit: str
    start: float
    end: float
    lines: Sequence[Line]
    bands: Sequence[tuple[float, float, str, float, str]] = ()
    marks: Sequence[Mark] = ()
    low: float = 0.0
    high: float = field(default=math.nan)

    def svg(self) -> str:
        """The picture."""
        return "\n".join(self._parts()) + "\n"

    def _parts(self) -> Iterator[str]:
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="12" '
            'font-family="Noto Sans, Noto Sans CJK SC, Microsoft YaHei, PingFang SC, sans-serif" fill="#15212d">'
        )
        yield f"<title>{escape(self.title)}</title>"
        yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        yield f'<text x="{LEFT}" y="18" font-size="14" font-weight="600">{escape(self.title)}</text>'
        yield from self._legend()
        yield from self._bands()
        yield from self._grid()
        for line in self.lines:
            dashes = ' stroke-dasharray="6 4"' if line.is_dashed else ""
            pen = f'stroke="{line.color}" stroke-width="{line.width}"{dashes}'
            yield f'<path d="{self._path(line)}" fill="none" {pen}/>'
        yield from self._marks()
        yield "</svg>"

    def _x(self, time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(time, self.start), self.end) - self.start) / (
            self.end - self.start
        )

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self._top - self.low)

    @property
    def _top(self) -> float:
        if not math.isnan(self.high):
            return self.high
        seen = [
            line.value[:1] if line.is_level else line.value[(line.time >= self.start) & (line.time <= self.end)]
            for line in self.lines
        ]
        return self.low + 1.2 * (float(np.nanmax(np.concatenate(seen))) - self.low)

    def _legend(self) -> Iterator[str]:
        x = float(LEFT)
        for name, color, is_dashed, is_band in self._named():
            dashes = ' stroke-dasharray="6 4"' if is_dashed else ""
            yield (
                f'<rect x="{x:.0f}" y="31" width="22" height="11" fill="{color}" fill-opacity="0.15"/>'
                if is_band
                else f'<path d="M{x:.0f} 37h22" stroke="{color}" stroke-width="2"{dashes}/>'
            )
            yield f'<text x="{x + 27:.0f}" y="41" fill="{QUIET}">{escape(name)}</text>'
            x += 45 + sum(12 if ord(c) > 0x2E80 else 6.4 for c in name)

    def _named(self) -> Iterator[tuple[str, str, bool, bool]]:
        yield from ((line.name, line.color, line.is_dashed, False) for line in self.lines if line.name)
        yield from ((name, color, False, True) for _, _, color, _, name in self.bands if name)

    def _bands(self) -> Iterator[str]:
        for start, end, color, opacity, _ in self.bands:
            x = self._x(start)
            yield (
                f'<rect x="{x:.1f}" y="{TOP}" width="{max(self._x(end) - x, 1.5):.1f}" '
                f'height="{HEIGHT - TOP - BOTTOM}" fill="{color}" fill-opacity="{opacity}"/>'
            )

    def _grid(self) -> Iterator[str]:
        step = _round_step((self._top - self.low) / 5.5)
        value = math.ceil(self.low / step) * step
        while value <= self._top:
            y = self._y(value)
            yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e2e7ed"/>'
            yield f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end" fill="{QUIET}">{value:,.6g}</text>'
            value += step
        yield f'<text x="8" y="{TOP - 8}" fill="{QUIET}">{escape(self.unit)}</text>'
        for at, words in _days(self.start, self.end):
            x = self._x(at)
            yield f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e2e7ed"/>'
            if x < WIDTH - RIGHT - 36:
                yield f'<text x="{x + 3:.1f}" y="{HEIGHT - BOTTOM + 16}" fill="{QUIET}">{words}</text>'

    def _marks(self) -> Iterator[str]:
        for row, mark in enumerate(self.marks):
            x = self._x(mark.at)
            is_right = x < WIDTH - 190
            yield f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{mark.color}" stroke-width="2"/>'
            yield (
                f'<text x="{x + (5 if is_right else -5):.1f}" y="{TOP + 14 + 17 * row}" fill="{mark.color}" '
                f'text-anchor="{"start" if is_right else "end"}" font-weight="600" paint-order="stroke" '
                f'stroke="#ffffff" stroke-width="3">{escape(mark.name)}</text>'
            )

    def _path(self, line: Line) -> str:
        first = max(int(np.searchsorted(line.time, self.start)) - 1, 0)
        shown = slice(first, int(np.searchsorted(line.time, self.end)) + 1)  # one more on both sides
        parts: list[str] = []
        last = math.nan
        for time, value in zip(line.time[shown].tolist(), line.value[shown].tolist(), strict=True):
            if time > self.end:
                is_going_on = not math.isnan(last) and (line.is_step or line.is_level)
                parts += [f"H{self._x(time):.1f}"] if is_going_on else []
            elif math.isnan(value):
                parts += [f"H{self._x(time):.1f}"] if line.is_step and not math.isnan(last) else []
            else:
                x, y = f"{self._x(time):.1f}", f"{self._y(value):.1f}"
                step = f"H{x}V{y}" if line.is_step else f"L{x} {y}"
                parts.append(f"M{x} {y}" if math.isnan(last) else step)
            last = value
        return "".join(parts)


def _round_step(least: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= least)


def _days(start: float, end: float) -> Iterator[tuple[float, str]]:
    """Ticks: days, some of them where there are many; hours where there are few."""
    days = (end - start) / DAY_S
    step = DAY_S * max(math.ceil(days / 12), 1) if days > 3 else 6 * HOUR_S if days > 1.2 else 2 * HOUR_S
    at = math.ceil(start / step) * step
    while at < end:
        moment = np.datetime64(int(at), "s")
        month, day, hour = str(moment)[5:7], str(moment)[8:10], str(moment)[11:16]
        yield at, f"{month}-{day}" if at % DAY_S == 0 else hour
        at += step
