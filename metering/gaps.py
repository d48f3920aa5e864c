"""Late readings: a gap that was spread evenly is corrected when a reading from inside it comes after all.

For each gap the registers known in it are kept for a while; a late one bends the straight line, and each cell
changes by how far the line moved at its two boundaries. Outside the gap nothing moves, so totals stay exact.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from metering.batch import Quality
from metering.gridding import Cells
from metering.steps import Steps
from metering.windows import GRID_MS

KEEP_MS = 8 * 24 * 3_600_000
MOST_CHUNKS = 96

_Chunk = TypeVar("_Chunk", Steps, Cells)


@dataclass(slots=True)
class _Gap:
    """`points`: (time ms, continuous register), in order; `cells`: usage and flags of the closed cells it touches."""

    points: list[tuple[int, float]]
    cells: dict[int, tuple[float, int]] = field(default_factory=dict)

    def registers(self) -> dict[int, float]:
        """The line's value at each boundary inside the gap."""
        times, values = zip(*self.points, strict=True)
        first, last = times[0] // GRID_MS + 1, -(-times[-1] // GRID_MS) - 1
        at = np.arange(first, last + 1)
        return dict(zip(at.tolist(), np.interp(at * GRID_MS, times, values).tolist(), strict=True))

    @property
    def touched(self) -> range:
        """Numbers of the cells it overlaps."""
        return range(self.points[0][0] // GRID_MS, -(-self.points[-1][0] // GRID_MS))


class GapBook:
    """The recent gaps of every channel, and the cells they touch (all are flagged ESTIMATED)."""

    def __init__(self) -> None:
        self._steps: list[Steps] = []
        self._cells: list[Cells] = []
        self._bent: dict[tuple[int, int], _Gap] = {}

    def note(self, steps: Steps, cells: Cells) -> None:
        """Remember gaps among new steps, and the usage of cells that gaps touch."""
        estimated = np.uint16(Quality.ESTIMATED)
        is_gap = (steps.flags & estimated > 0) & ~steps.unknown
        touched = (cells.flags & estimated > 0) & np.isfinite(cells.usage)
        if is_gap.any():
            self._steps.append(steps.take(is_gap))
        if touched.any():
            self._cells.append(cells.take(touched))
            for (channel, _), gap in self._bent.items():
                self._fill(gap, channel, self._cells[-1])
        if len(self._steps) > MOST_CHUNKS or len(self._cells) > MOST_CHUNKS:
            self._tidy()

    def _fill(self, gap: _Gap, channel: int, cells: Cells) -> None:
        mine = (cells.channel == channel) & (cells.cell >= gap.touched.start) & (cells.cell < gap.touched.stop)
        for row in np.flatnonzero(mine):
            gap.cells.setdefault(int(cells.cell[row]), (float(cells.usage[row]), int(cells.flags[row])))

    def _tidy(self) -> None:
        """One chunk of each, without what is too old to be corrected."""
        newest = max((int(s.t1.max()) for s in self._steps), default=0)
        if self._steps:
            steps = _joined(Steps, self._steps)
            self._steps = [steps.take(steps.t1 >= newest - KEEP_MS)]
        if self._cells:
            cells = _joined(Cells, self._cells)
            self._cells = [cells.take(cells.cell * GRID_MS >= newest - KEEP_MS)]
        self._bent = {k: g for k, g in self._bent.items() if g.points[-1][0] >= newest - KEEP_MS}

    def _gap_at(self, channel: int, time: int) -> _Gap | None:
        for (owner, _), gap in self._bent.items():
            if owner == channel and gap.points[0][0] < time < gap.points[-1][0]:
                return gap
        for steps in self._steps:
            found = np.flatnonzero((steps.channel == channel) & (steps.t0 < time) & (steps.t1 > time))
            if len(found):
                i = found[0]
                gap = _Gap([(int(steps.t0[i]), float(steps.r0[i])), (int(steps.t1[i]), float(steps.r1[i]))])
                for cells in self._cells:
                    self._fill(gap, channel, cells)
                self._bent[channel, gap.points[0][0]] = gap
                return gap
        return None

    def correct(
        self, channel: int, time: int, register: float
    ) -> tuple[dict[int, tuple[float, int]], dict[int, float]]:
        """Put a late register into its gap: corrected cells, and how far the line moved at each boundary.

        A reading that lies in no gap, or that does not fit between its neighbours, changes nothing.
        """
        gap = self._gap_at(channel, time)
        if gap is None or any(t == time for t, _ in gap.points):
            return {}, {}
        after = next(i for i, (t, _) in enumerate(gap.points) if t > time)
        if not gap.points[after - 1][1] <= register <= gap.points[after][1]:
            return {}, {}
        before = gap.registers()
        insort(gap.points, (time, register))
        moved = {b: value - before[b] for b, value in gap.registers().items()}
        corrected = {}
        for number, (usage, flags) in list(gap.cells.items()):
            change = moved.get(number + 1, 0.0) - moved.get(number, 0.0)
            if change:
                gap.cells[number] = (usage + change, flags | Quality.LATE)
                corrected[number] = gap.cells[number]
        return corrected, moved

    def snapshot(self) -> dict[str, Any]:
        """As arrays and plain JSON."""
        self._tidy()
        return {
            "steps": [{n: getattr(c, n) for n in Steps.__slots__} for c in self._steps],
            "cells": [{n: getattr(c, n) for n in Cells.__slots__} for c in self._cells],
            "bent": [[c, g.points, [[n, u, f] for n, (u, f) in g.cells.items()]] for (c, _), g in self._bent.items()],
        }

    def restore(self, saved: dict[str, Any], moved: dict[int, int]) -> None:
        """Take over a snapshot, channels renumbered; those of meters that are gone are left out."""
        self._steps = [_renumbered(Steps(**c), moved) for c in saved["steps"]]
        self._cells = [_renumbered(Cells(**c), moved) for c in saved["cells"]]
        self._bent = {}
        for channel, points, cells in saved["bent"]:
            if channel in moved:
                line = [(int(t), float(r)) for t, r in points]
                kept = {int(n): (float(u), int(f)) for n, u, f in cells}
                self._bent[moved[channel], line[0][0]] = _Gap(line, kept)


def _joined(kind: type[_Chunk], chunks: list[_Chunk]) -> _Chunk:
    return kind(*(np.concatenate([getattr(c, n) for c in chunks]) for n in kind.__slots__))


def _renumbered(rows: _Chunk, moved: dict[int, int]) -> _Chunk:
    kept = rows.take(np.isin(rows.channel, list(moved)))
    return replace(kept, channel=np.array([moved[int(c)] for c in kept.channel], np.int64))
