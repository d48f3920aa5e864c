"""How far event time has come: the newest reading time or tick, robust against single meters with a wrong clock.

A reading moves the watermark at once if it is at most `FAR_MS` ahead of it. Farther jumps need several meters that
agree, as after a silence of the whole site; one meter whose clock is years ahead never gets there. Where ticks come,
nothing runs more than `TICK_SLACK_MS` ahead of the last one; readings that are (imported, or brought in after a stop)
only show that somebody spoke, so that the next tick finds no silence there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import ReadingBatch
from metering.distinct import distinct

FAR_MS = 48 * 3_600_000
TICK_SLACK_MS = 5 * 60_000
_ENOUGH_ALONE = 8  # readings of one meter that count as a start where no other meter speaks
_SHORTEST_GAP_MS = 15 * 60_000  # shorter silences never matter: a step is 15 min
_SPOKEN_SLOTS = 40_000  # steps beyond the last tick that are remembered: more than a year

Int64 = npt.NDArray[np.int64]
Index = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Jump:
    """Nobody spoke, and no tick came, between these two moments (ms since 1970)."""

    start: int
    end: int


@dataclass(slots=True)
class Watermark:
    """Event time in ms since 1970; `start` is the first reading's time. Both None until readings agree."""

    now: int | None = None
    start: int | None = None
    tick: int | None = None
    far: dict[str, int] = field(default_factory=dict)  # meter: its first reading beyond the watermark's reach
    alone: int = 0
    spoken: list[int] = field(default_factory=list)  # steps with readings beyond the last tick, ascending

    def see(self, batch: ReadingBatch, live: int) -> list[Jump]:
        """Take a batch's times; `live` is how many meters usually speak. The steps by which time moved on."""
        if not len(batch):
            return []
        times = batch.time.view(np.int64)
        newest = int(times.max())
        if self.now is not None:
            if newest <= self.now:
                return []
            if newest - self.now <= FAR_MS and self.tick is None:
                return self._walk(distinct(times[times > self.now]))
        order = np.argsort(times, kind="stable")
        return self._see_sorted(times[order], batch.meter[order], batch.meters, live)

    def see_tick(self, time: int) -> list[Jump]:
        """The clock itself: always believed."""
        before, self.now, self.tick = self.now, max(time, self.now or time), max(time, self.tick or time)
        self.start = self.start if self.start is not None else time
        self.far.clear()
        if before is None or time <= before:
            return []
        edges = [before, *(s for s in self.spoken if before < s < time), time]
        self.spoken = [s for s in self.spoken if s > time]
        if len(edges) == 2:  # noqa: PLR2004 - nobody spoke beyond the last tick
            return [Jump(before, time)]
        return [Jump(a, b) for a, b in pairwise(edges) if b - a > _SHORTEST_GAP_MS]

    def _see_sorted(self, times: Int64, meter: Index, meters: tuple[str, ...], live: int) -> list[Jump]:
        if self.tick is not None:
            is_near = times <= self.tick + TICK_SLACK_MS
            if not is_near.all():
                steps = times[~is_near] // _SHORTEST_GAP_MS * _SHORTEST_GAP_MS
                self.spoken = sorted({*self.spoken, *np.unique(steps).tolist()})[:_SPOKEN_SLOTS]
            return self._walk(distinct(times[is_near]))
        jumps: list[Jump] = []
        if self.now is None:
            used = self._begin(times, meter, meters, live)
            times, meter = times[used:], meter[used:]
        while len(times) and self.now is not None:
            near = self._reach(times)
            if near:
                jumps += self._walk(distinct(times[:near]))
                self.far.clear()
            times, meter = times[near:], meter[near:]
            used = self._confirm(times, meter, meters, live)
            if not used:
                break
            jumps.append(Jump(self.now, int(times[used - 1])))
            self.now = int(times[used - 1])
            self.far.clear()
            times, meter = times[used:], meter[used:]
        return jumps

    def _walk(self, times: Int64) -> list[Jump]:
        """Move along sorted distinct times, all within reach of each other."""
        assert self.now is not None  # noqa: S101 - callers see to it
        times = times[times > self.now]
        if not len(times):
            return []
        edges = np.concatenate([[self.now], times])
        self.now = int(times[-1])
        gaps = np.diff(edges)
        return [Jump(int(edges[i]), int(edges[i + 1])) for i in np.flatnonzero(gaps > _SHORTEST_GAP_MS)]

    def _reach(self, times: Int64) -> int:
        """How many of the sorted times are reached without a far jump."""
        assert self.now is not None  # noqa: S101 - callers see to it
        before = np.maximum(np.concatenate([[self.now], times[:-1]]), self.now)
        jumps = np.flatnonzero(times - before > FAR_MS)
        return int(jumps[0]) if len(jumps) else len(times)

    def _confirm(self, times: Int64, meter: Index, meters: tuple[str, ...], live: int) -> int:
        """Rows up to the one with which enough meters agree that time has jumped; 0 if they do not."""
        quorum = 1 if live <= 1 else max(2, -(-live // 4))
        _, firsts = np.unique(meter, return_index=True)
        for row in np.sort(firsts).tolist():
            self.far.setdefault(meters[int(meter[row])], int(times[row]))
            if len(self.far) >= quorum:
                return int(row) + 1
        return 0

    def _begin(self, times: Int64, meter: Index, meters: tuple[str, ...], live: int) -> int:
        """Find where time starts: two meters that agree, or one that keeps speaking. Rows used up."""
        for row, time in enumerate(times.tolist()):
            name = meters[int(meter[row])]
            others = [t for m, t in self.far.items() if m != name and abs(t - time) <= FAR_MS]
            self.far.setdefault(name, time)
            self.alone = self.alone + 1 if len(self.far) == 1 else 0
            if others or live <= 1 or self.alone >= _ENOUGH_ALONE:
                self.now, self.start = time, min([*others, self.far[name] if not others else time])
                self.far.clear()
                return row + 1
        return 0

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "now": self.now, "start": self.start, "tick": self.tick, "far": dict(self.far), "alone": self.alone,
            "spoken": list(self.spoken),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.now, self.start, self.tick = state["now"], state["start"], state["tick"]
        self.far, self.alone, self.spoken = dict(state["far"]), state["alone"], list(state["spoken"])
