"""The watermark where ticks come: what is brought in afterwards is no silence."""

from __future__ import annotations

import numpy as np
import pytest

from metering.batch import ReadingBatch, batch_of
from rules.watermark import Jump, Watermark

START = 1_794_700_800_000  # ms, a full hour
HOUR, STEP = 3_600_000, 900_000


def readings(first_ms: int, last_ms: int, meters: int = 2) -> ReadingBatch:
    """A reading a meter and step, some seconds after the step's end."""
    times = np.arange(first_ms, last_ms, STEP) + 3_000
    rows = np.tile(np.arange(meters, dtype=np.int32), len(times))
    at = np.repeat(times, meters).view("datetime64[ms]")
    return batch_of(tuple(f"m{i}" for i in range(meters)), rows, 50, at, np.ones(len(rows)))


def ticked() -> Watermark:
    found = Watermark()
    found.see_tick(START)
    return found


def test_silence_between_two_ticks_is_a_jump():
    assert ticked().see_tick(START + 20 * HOUR) == [Jump(START, START + 20 * HOUR)]


@pytest.mark.parametrize("hours", [1, 6, 20])
def test_readings_brought_in_between_two_ticks_are_no_silence_however_they_are_cut(hours):
    found = ticked()
    for first in range(0, 20, hours):
        last = min(20, first + hours)
        assert found.see(readings(START + first * HOUR, START + last * HOUR), 2) == []
        assert found.now is not None
        assert found.now <= START + 5 * 60_000  # the clock alone says how late it is
    assert found.see_tick(START + 20 * HOUR) == []
    assert found.now == START + 20 * HOUR


def test_a_hole_in_what_is_brought_in_is_the_silence_that_is_left():
    found = ticked()
    found.see(readings(START, START + 2 * HOUR), 2)
    found.see(readings(START + 9 * HOUR, START + 12 * HOUR), 2)
    (hole,) = found.see_tick(START + 12 * HOUR)
    assert (hole.start - START, hole.end - START) == (2 * HOUR - STEP, 9 * HOUR)


def test_what_was_heard_outlives_a_restart_and_not_the_next_tick():
    found, again = ticked(), Watermark()
    found.see(readings(START, START + 6 * HOUR), 2)
    again.restore(found.state())
    assert again.see_tick(START + 6 * HOUR) == []
    assert again.spoken == []
    assert again.see_tick(START + 12 * HOUR) == [Jump(START + 6 * HOUR, START + 12 * HOUR)]
