"""Readings of a past stretch, as a poll at every full step would have taken them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from metering.batch import Quality, ReadingBatch, batch_of, concatenate
from metering.quantities import MAIN_REGISTER
from simulators.campus.electrical import Electrical
from simulators.campus.layout import Layout
from simulators.campus.randomness import Int64, stream_number, uniform
from simulators.campus.registers import Registers
from simulators.campus.sampling import Watch, samples
from simulators.campus.wiring import line_of

STEP = np.timedelta64(15, "m")
CHUNK_MS = 6 * 3_600_000
LOST_ROUND = 0.0015  # of a line's rounds are lost for all its units: the gateway was busy or restarting


class History:
    """Takes readings from the registers; what is late or lost is drawn by meter and moment, whatever the stretch."""

    def __init__(
        self, seed: int, layout: Layout, registers: Registers, electrical: Electrical, watched: Sequence[Watch]
    ) -> None:
        self._seed, self._registers, self._electrical, self._watched = seed, registers, electrical, watched
        self._meters = tuple(m.id for m in layout.meters)
        self._rows = np.arange(len(self._meters))
        self._quantity = np.array([MAIN_REGISTER[m.medium].code for m in layout.meters], np.uint8)
        self._delay_ms = np.array([m.instrument.delay_s * 1000 for m in layout.meters])
        self._missing = np.array([m.instrument.size.missing for m in layout.meters])
        self._line = np.array([line_of(layout, row) for row in range(len(layout.meters))])

    def batches(self, start: np.datetime64, end: np.datetime64, step: np.timedelta64) -> Iterator[ReadingBatch]:
        """As `Campus.history`."""
        first, last = _ms(start), _ms(end)
        step_ms = int(step.astype("timedelta64[ms]").astype(np.int64))
        if step_ms < 10_000:  # noqa: PLR2004 - the delay after a full step must stay inside the step
            raise ValueError(f"a step of history is at least 10 s, not {step_ms} ms")
        if first < self._registers.epoch_ms:
            raise ValueError(
                f"the campus begins at {np.datetime64(self._registers.epoch_ms, 'ms')} UTC, not at {start}"
            )
        slot = first // step_ms * step_ms
        # A reading comes after its slot, so the slot before the start may still give one inside.
        slot = max(slot, -(-self._registers.epoch_ms // step_ms) * step_ms)
        while slot < last:
            bound = min(last, (slot // CHUNK_MS + 1) * CHUNK_MS)
            slots = np.arange(slot, bound, step_ms, dtype=np.int64)
            slot = int(slots[-1]) + step_ms
            batch = self._joined(self._take(slots, first, last), int(slots[0]), slot, first, last)
            if len(batch):
                yield batch

    def _joined(self, batch: ReadingBatch, begin: int, end: int, first: int, last: int) -> ReadingBatch:
        """The batch with the samples of the steps from `begin` up to `end` whose times lie in [first, last)."""
        parts = [batch]
        for watch in self._watched:
            if (taken := samples(watch, self._electrical, self._delay_ms, begin, end)) is None:
                continue
            kept = (taken.time >= first) & (taken.time < last) & self._registers.answers(taken.rows, taken.time)
            at, rows = taken.time[kept].view("datetime64[ms]"), taken.rows[kept]
            quality = int(Quality.SIMULATED)
            parts.append(batch_of(self._meters, rows, taken.quantity[kept], at, taken.value[kept], quality))
        if len(parts) == 1:
            return batch
        whole = concatenate(parts)
        return whole.take(np.argsort(whole.time, kind="stable"))

    def _take(self, slots: Int64, first: int, last: int) -> ReadingBatch:
        rows = np.repeat(self._rows, len(slots))
        slot = np.tile(slots, len(self._rows))
        delay = self._delay_ms[rows] * uniform(self._seed, stream_number("delay"), rows, slot)
        times = slot + delay.astype(np.int64)
        lost = uniform(self._seed, stream_number("lost"), rows, slot) < self._missing[rows]
        lost |= uniform(self._seed, stream_number("lost-round"), self._line[rows], slot) < LOST_ROUND
        kept = ~lost & (times >= first) & (times < last) & self._registers.answers(rows, times)
        rows, times = rows[kept], times[kept]
        order = np.lexsort((rows, times))
        rows, times = rows[order], times[order]
        values = self._registers.read(rows, times)
        at = times.view("datetime64[ms]")
        return batch_of(self._meters, rows, self._quantity[rows], at, values, int(Quality.SIMULATED))


def _ms(moment: np.datetime64) -> int:
    return int(moment.astype("datetime64[ms]").astype(np.int64))
