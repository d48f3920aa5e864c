"""From readings to steps: ordinary channels all at once, the others reading by reading (`suspicion`).

A channel is ordinary in a batch when its register rises by a plausible amount at every reading. That is the
case nearly always, so it is done on a channels x readings matrix; one odd reading sends the whole channel
through the careful path, which applies the same limits one reading at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from metering.batch import Quality
from metering.channels import RECENT, UNSEEN, ChannelTable
from metering.distinct import starts_of
from metering.plausible import gap_flags, hours, limit
from metering.register_event import RegisterEvent
from metering.steps import Float64, Int64, Rows, Steps, join
from metering.suspicion import CarefulReader

# Of a reading's quality only these say something of the usage too.
CARRIED = np.uint16(Quality.CLOCK_WRONG | Quality.SIMULATED | Quality.LATE)


def screen(rows: Rows, table: ChannelTable) -> tuple[Steps, list[RegisterEvent]]:
    """Steps of readings that are newer than all before of their channel, ordered by (channel, time).

    Channels must have been seen before. The table's state moves on to the newest accepted reading.
    """
    matrix = _Matrix(rows, table)
    ordinary = matrix.is_ordinary()
    parts = [matrix.accept(ordinary)]
    events: list[RegisterEvent] = []
    for i in np.flatnonzero(~ordinary):
        reader = CarefulReader(table, int(matrix.channel[i]))
        picked = rows.take(slice_of(matrix, int(i)))
        parts.append(reader.read(picked))
        events += reader.events
    return join(parts), sorted(events, key=lambda e: (e.time, e.meter))


def slice_of(matrix: _Matrix, i: int) -> npt.NDArray[np.intp]:
    """Row numbers of the i-th channel."""
    return np.arange(matrix.start[i], matrix.start[i] + matrix.length[i])


class _Matrix:
    """Readings as channels x readings, right-padded; column 0 is the last accepted reading of before."""

    def __init__(self, rows: Rows, table: ChannelTable) -> None:
        self.table = table
        self.start = starts_of(rows.channel)
        self.channel = rows.channel[self.start]
        self.length = np.diff(self.start, append=len(rows))
        nth = np.arange(len(rows)) - np.repeat(self.start, self.length)
        line = np.repeat(np.arange(len(self.channel)), self.length)
        width = int(self.length.max()) + 1
        shape = (len(self.channel), width)
        state = table.state
        self.time = np.broadcast_to(state["last_time"][self.channel][:, None], shape).copy()
        self.value = np.broadcast_to(state["last_raw"][self.channel][:, None], shape).copy()
        self.flags = np.zeros(shape, np.uint16)
        self.there = np.zeros(shape, bool)
        self.time[line, nth + 1], self.value[line, nth + 1] = rows.time, rows.value
        self.flags[line, nth + 1], self.there[line, nth + 1] = rows.flags & CARRIED, True
        self.distance = np.diff(self.time, axis=1)

    def _integrate_rates(self) -> None:
        """A rate holds until the next reading; its integral is the register. Across a gap it is not known."""
        is_rate = self.table.is_rate[self.channel]
        if not is_rate.any():
            return
        counted = self.value[is_rate, :-1] * self.distance[is_rate] / 3_600_000.0
        counted[~self.there[is_rate, 1:]] = 0.0
        self.delta[is_rate] = counted

    def is_ordinary(self) -> npt.NDArray[np.bool_]:
        """Which channels rise plausibly throughout; also works out each step's usage and pace."""
        state, channel = self.table.state, self.channel
        there = self.there[:, 1:]
        self.delta = np.where(there, np.diff(self.value, axis=1), 0.0)
        self._integrate_rates()
        rate = np.where(there, self.delta / hours(self.distance), 0.0)
        before = np.concatenate([state["seen_rate"][channel][:, None], rate], axis=1)
        self.seen = np.maximum.accumulate(before, axis=1)
        count = state["accepted"][channel][:, None] + np.arange(self.distance.shape[1])
        most = limit(self.table, channel[:, None], self.distance, self.seen[:, :-1], count)
        fine = ((self.delta >= 0) & (self.delta <= most)) | ~there
        ordinary = fine.all(axis=1) & (state["held_time"][channel] == UNSEEN)
        ordinary |= self.table.is_rate[channel]
        for i in np.flatnonzero(ordinary & np.isin(channel, list(self.table.lives))):
            ordinary[i] = not self._changes_life(int(i))
        return np.asarray(ordinary, bool)

    def _changes_life(self, i: int) -> bool:
        first, last = self.time[i, 0], self.time[i].max()
        starts = [int(life.start.timestamp() * 1000) for life in self.table.lives[int(self.channel[i])]]
        return any(first < s <= last for s in starts)

    def accept(self, lines: npt.NDArray[np.bool_]) -> Steps:
        """The ordinary channels' steps; the table moves on."""
        state = self.table.state
        channel = self.channel[lines]
        there = self.there[lines, 1:]
        time, distance = self.time[lines], self.distance[lines]
        past = np.stack([state[f"distance_{k}"][channel] for k in range(RECENT)], axis=1)
        flags = self.flags[lines, 1:] | gap_flags(np.concatenate([past, distance], axis=1))
        register = self._registers(lines, channel)
        is_rate = self.table.is_rate[channel]
        unknown = is_rate[:, None] & (flags & np.uint16(Quality.ESTIMATED) > 0)
        self._advance(lines, channel, np.concatenate([past, distance], axis=1), register)
        line, nth = np.nonzero(there)
        return Steps(
            channel[line],
            time[line, nth],
            register[line, nth],
            time[line, nth + 1],
            register[line, nth + 1],
            flags[line, nth],
            unknown[line, nth],
        )

    def _registers(self, lines: npt.NDArray[np.bool_], channel: Int64) -> Float64:
        """Continuous registers; a rate's register is the sum of what it counted."""
        offset = self.table.state["offset"][channel][:, None]
        register = self.value[lines] + offset
        is_rate = self.table.is_rate[channel]
        if is_rate.any():
            summed = np.cumsum(self.delta[lines][is_rate], axis=1)
            register[is_rate] = np.concatenate([np.zeros((len(summed), 1)), summed], axis=1) + offset[is_rate]
        return np.asarray(register, np.float64)

    def _advance(self, lines: npt.NDArray[np.bool_], channel: Int64, distances: Int64, register: Float64) -> None:
        state, length = self.table.state, self.length[lines]
        picked = np.arange(len(channel))
        state["last_time"][channel] = self.time[lines][picked, length]
        state["last_raw"][channel] = self.value[lines][picked, length]
        is_rate = self.table.is_rate[channel]
        state["offset"][channel[is_rate]] = register[picked, length][is_rate]
        state["seen_rate"][channel] = self.seen[lines][picked, length]
        state["accepted"][channel] += length
        rose = np.where(self.delta[lines] > 0, self.time[lines, 1:], UNSEEN).max(axis=1)
        state["moved"][channel] = np.maximum(state["moved"][channel], rose)
        for k in range(RECENT):
            state[f"distance_{k}"][channel] = distances[picked, length + k]
