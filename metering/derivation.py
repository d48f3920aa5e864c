"""From readings to intervals, streaming: state in, readings in any order, closed and corrected intervals out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Mask, ReadingBatch, Times
from metering.channels import UNSEEN, ChannelTable
from metering.disputes import in_arrival, in_time, with_accepted
from metering.gaps import GapBook
from metering.gridding import Cells, close_cells
from metering.intervals import IntervalBatch
from metering.register_event import RegisterEvent
from metering.screening import screen
from metering.site import Site
from metering.steps import Rows
from metering.windows import GRID_MS

_MOST_CELLS = 4_000_000  # of the channels x readings matrix; more is cut by time


@dataclass(frozen=True, slots=True)
class Derived:
    """What a push gave.

    intervals  new and corrected ones, ordered by (channel, start)
    closed_at  datetime64[ms] by interval: time of the reading that closed it
    corrected  bool by interval: replaces an earlier value, because of a late reading; never judged again
    events     odd steps of registers, in order of time
    latest     newest reading time in what was pushed; None for an empty push
    """

    intervals: IntervalBatch
    closed_at: Times
    corrected: Mask
    events: tuple[RegisterEvent, ...]
    latest: np.datetime64 | None


class IntervalDerivation:
    """Usage on the 15 min grid of every counter of a site, and of every rate of a meter without a counter.

    A register is taken as a straight line between two readings, so sums are exact; a rate is held until the next
    reading. Same readings, same intervals, however they are cut into pushes.
    """

    def __init__(self, site: Site) -> None:
        self._table = ChannelTable(site)
        self._gaps = GapBook()

    def push(self, batch: ReadingBatch) -> Derived:
        """Take readings in any order; those of meters that the site does not have are passed over."""
        rows, events = self._rows(batch)
        cells, late_cells = [], []
        for part in self._parts(rows):
            is_late = part.time <= self._table.state["last_time"][part.channel]
            if is_late.any():
                late = part.take(is_late)
                events += with_accepted(late, self._table)
                late_cells += self._correct(late)
                part = part.take(~is_late)  # noqa: PLW2901 - the rest of the same part
            part = self._begin(part)  # noqa: PLW2901
            if len(part):
                steps, noted = screen(part, self._table)
                events += noted
                if len(steps):
                    closed = close_cells(steps, self._table.state)
                    self._gaps.note(steps, closed)
                    cells.append(closed)
        latest = batch.time.max() if len(batch) else None
        return self._derived(cells, late_cells, tuple(events), latest)

    def _rows(self, batch: ReadingBatch) -> tuple[Rows, list[RegisterEvent]]:
        """The batch by channel and time, and what contradicts itself; of two readings of one time the later stays."""
        rows = self._arrived(batch)
        if len(rows) < 2:  # noqa: PLR2004 - nothing to compare
            return rows, []
        is_next = rows.channel[1:] == rows.channel[:-1]
        if (np.diff(rows.time)[is_next] > 0).all():
            return rows, []
        events = in_arrival(rows, self._table)
        rows = rows.take(np.lexsort((rows.time, rows.channel)))  # stable: rows of one key keep their order
        events += in_time(rows, self._table)
        is_last = np.ones(len(rows), bool)
        is_last[:-1] = (rows.channel[1:] != rows.channel[:-1]) | (rows.time[1:] != rows.time[:-1])
        return rows.take(is_last), events

    def _arrived(self, batch: ReadingBatch) -> Rows:
        """The rows of channels that count, by channel, in the order of their arrival."""
        meter = self._table.rows_of(batch.meters)[batch.meter] if len(batch) else np.zeros(0, np.int64)
        known = meter >= 0
        channel = np.full(len(batch), -1, np.int64)
        channel[known] = self._table.channels_of(meter[known], batch.quantity[known])
        for c in np.flatnonzero(self._table.is_rate):
            if self._table.has_register(int(self._table.state["meter"][c])):
                channel[channel == c] = -1
        kept = np.flatnonzero(channel >= 0)
        kept = kept[np.argsort(channel[kept], kind="stable")]
        return Rows(channel[kept], batch.time.view(np.int64)[kept], batch.value[kept], batch.quality[kept])

    def _parts(self, rows: Rows) -> list[Rows]:
        """The rows, cut by time where their channels x readings matrix would be too large."""
        if not len(rows):
            return []
        counts = np.bincount(rows.channel)
        if int((counts > 0).sum()) * int(counts.max()) <= _MOST_CELLS or rows.time.min() == rows.time.max():
            return [rows]
        middle = (int(rows.time.min()) + int(rows.time.max())) // 2
        early = rows.time <= middle
        return [*self._parts(rows.take(early)), *self._parts(rows.take(~early))]

    def _begin(self, rows: Rows) -> Rows:
        """Channels seen for the first time start at their first reading; the rest of the rows is given back."""
        state = self._table.state
        is_first = np.zeros(len(rows), bool)
        fresh = state["last_time"][rows.channel] == UNSEEN
        if not fresh.any():
            return rows
        is_first[1:] = rows.channel[1:] != rows.channel[:-1]
        is_first[0] = True
        is_first &= fresh
        first = rows.take(is_first)
        on_grid = first.time % GRID_MS == 0
        state["last_time"][first.channel], state["last_raw"][first.channel] = first.time, first.value
        start = np.where(self._table.is_rate[first.channel], 0.0, first.value)
        state["boundary"][first.channel] = np.where(on_grid, start, np.nan)
        state["cell"][first.channel] = first.time // GRID_MS
        return rows.take(~is_first)

    def _correct(self, late: Rows) -> list[tuple[int, int, float, int]]:
        """(channel, cell, usage, flags) of the cells that late readings correct."""
        state, corrected = self._table.state, {}
        for channel, time, value in zip(late.channel.tolist(), late.time.tolist(), late.value.tolist(), strict=True):
            if self._table.is_rate[channel]:
                continue
            register = value + float(state["offset"][channel])
            cells, moved = self._gaps.correct(channel, time, register)
            last = int(state["cell"][channel])
            state["boundary"][channel] += moved.get(last, 0.0)
            corrected.update({(channel, number): kept for number, kept in cells.items()})
        return [(c, number, usage, flags) for (c, number), (usage, flags) in sorted(corrected.items())]

    def _derived(
        self,
        parts: list[Cells],
        late: list[tuple[int, int, float, int]],
        events: tuple[RegisterEvent, ...],
        latest: np.datetime64 | None,
    ) -> Derived:
        if late:
            channel, cell, usage, flags = (np.array(c) for c in zip(*late, strict=True))
            at = np.full(len(late), 0 if latest is None else latest.astype(np.int64))
            parts = [Cells(channel, cell, usage, flags.astype(np.uint16), at), *parts]
        if not parts:
            return Derived(_intervals_of(self._table, None), _no_times(), np.zeros(0, bool), events, latest)
        cells = Cells(*(np.concatenate([getattr(p, n) for p in parts]) for n in Cells.__slots__))
        corrected = np.arange(len(cells)) < len(late)
        order = np.lexsort((~corrected, cells.cell, cells.channel))
        order = order[np.isfinite(cells.usage[order])]
        cells = cells.take(order)
        return Derived(
            _intervals_of(self._table, cells), cells.closed_at.view("datetime64[ms]"), corrected[order], events, latest
        )

    def registers(self) -> dict[tuple[str, int], float]:
        """The newest raw register by meter and quantity code."""
        table = self._table
        seen = np.flatnonzero(~table.is_rate & (table.state["last_time"][: table.count] != UNSEEN))
        meter, code, raw = (table.state[name][seen].tolist() for name in ("meter", "quantity", "last_raw"))
        return {(table.ids[m], c): value for m, c, value in zip(meter, code, raw, strict=True)}

    def state(self) -> dict[str, Any]:
        """All that is remembered: arrays and JSON-able values."""
        return {"channels": self._table.snapshot(), "gaps": self._gaps.snapshot()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Continue from a state, also of a site file that has since changed."""
        self._gaps.restore(saved["gaps"], self._table.restore(saved["channels"]))


def _no_times() -> Times:
    return np.zeros(0, "datetime64[ms]")


def _intervals_of(table: ChannelTable, cells: Cells | None) -> IntervalBatch:
    if cells is None:
        none: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        cells = Cells(none, none, none.astype(np.float64), none.astype(np.uint16), none)
    return IntervalBatch(
        table.ids,
        table.state["meter"][cells.channel].astype(np.int32) if len(cells) else np.zeros(0, np.int32),
        table.output_code(cells.channel) if len(cells) else np.zeros(0, np.uint8),
        (cells.cell * GRID_MS).view("datetime64[ms]"),
        cells.usage,
        cells.flags,
    )
