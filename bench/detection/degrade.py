"""The same readings as a worse installation would send them, seeded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bench.detection.sets import DataSet
from metering.batch import Mask, ReadingBatch
from metering.quantities import BY_CODE

PULSE = {"m3": 0.010, "kWh": 1.0}
LEAST_DIGITS = 5
"""Of a register, before the point; a meter that counts more than that in the set's time has more."""
Random = np.random.Generator
POLLS, LEAST_AT_ONCE = 4, 24


def lost(batch: ReadingBatch, dice: Random) -> ReadingBatch:
    """5 % of the readings never arrive."""
    return batch.take(dice.random(len(batch)) >= 0.05)


def pulses(batch: ReadingBatch, _dice: Random) -> ReadingBatch:
    """Registers count in 10 L, or in whole kWh."""
    value = batch.value.copy()
    for code in np.unique(batch.quantity):
        quantity = BY_CODE[int(code)]
        if quantity.is_cumulative:
            rows = batch.quantity == code
            size = PULSE.get(quantity.unit, 1.0)
            value[rows] = np.floor(value[rows] / size + 1e-6) * size
    return replace(batch, value=value)


def clock_jumps(batch: ReadingBatch, dice: Random) -> ReadingBatch:
    """Each meter's clock is 20 to 50 min wrong for a while, forward or back; readings arrive when they did.

    Three days, or a tenth of the set's time where that is less.
    """
    time = batch.time.copy()
    length = min(np.timedelta64(3, "D").astype("m8[ms]"), (batch.time.max() - batch.time.min()) // 10)
    for rows in _meters(batch):
        start = dice.choice(time[rows])
        shift = np.timedelta64(int(dice.integers(20, 50) * dice.choice([-1, 1])), "m")
        time[rows & (batch.time >= start) & (batch.time < start + length)] += shift
    return replace(batch, time=time)


def reset(batch: ReadingBatch, dice: Random) -> ReadingBatch:
    """Each register begins again at zero once, in the middle half of its time."""
    value = batch.value.copy()
    for rows in _registers(batch):
        after = rows[_somewhere(rows, dice) :]
        value[after] -= value[after[0]]
    return replace(batch, value=value)


def rollover(batch: ReadingBatch, dice: Random) -> ReadingBatch:
    """Each register runs over once, in the middle half of its time."""
    value = batch.value.copy()
    for rows in _registers(batch):
        turn = value[rows[_somewhere(rows, dice)]]
        digits = max(LEAST_DIGITS, math.ceil(math.log10(np.ptp(value[rows]) + 1)))
        value[rows] = np.round((value[rows] - turn) % 10**digits, 6)
    return replace(batch, value=value)


DEGRADED: dict[str, Callable[[ReadingBatch, Random], ReadingBatch]] = {
    "5 % lost": lost,
    "10 L or 1 kWh pulses": pulses,
    "clock jumps": clock_jumps,
    "reset": reset,
    "rollover": rollover,
}


def degraded(data: DataSet, how: str, seed: int) -> DataSet:
    """The set as `how` (a key of `DEGRADED`) makes it."""
    worse = data.with_readings(DEGRADED[how](data.readings, np.random.default_rng(seed)))
    # Wrong clocks put readings out of order: they are handed on as a live system gets them, a few polls at a time.
    at_once = max(POLLS * len(data.site.meters), LEAST_AT_ONCE)
    return replace(worse, at_once=at_once) if DEGRADED[how] is clock_jumps else worse


def is_same(one: ReadingBatch, other: ReadingBatch) -> bool:
    """Whether nothing was changed: only registers have pulses, are reset or run over."""
    return np.array_equal(one.time, other.time) and np.array_equal(one.value, other.value)


def _meters(batch: ReadingBatch) -> Iterator[Mask]:
    for row in range(len(batch.meters)):
        yield batch.meter == row


def _registers(batch: ReadingBatch) -> Iterator[npt.NDArray[np.intp]]:
    codes = [c for c, q in BY_CODE.items() if q.is_cumulative]
    is_register = np.isin(batch.quantity, codes)
    for mine in _meters(batch):
        rows = np.flatnonzero(mine & is_register)
        if len(rows) > 8:
            yield rows


def _somewhere(rows: npt.NDArray[np.intp], dice: Random) -> int:
    return int(dice.integers(len(rows) // 4, 3 * len(rows) // 4))
