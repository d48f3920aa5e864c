"""Journal entries survive the way through bytes, and damaged ones are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.batch import MeterEvent, batch_of
from metering.entries import EntryError, EventBatch, Feedback, HeadCounts, Revision, Tick, decode_entry, encode_entry
from metering.head_counts import HeadCount
from metering.site import PlannedUse

NOW = np.datetime64("2026-03-01T08:00:00.123", "ms")
POOL = PlannedUse("gym", datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC), "泳池注水", "water")


def batch(rows: int = 3):
    times = NOW + np.arange(rows).astype("timedelta64[ms]")
    return batch_of(("水表-1", "b"), np.arange(rows) % 2, 50, times, np.arange(rows) / 3, 128)


def test_readings_come_back_bit_for_bit():
    sent = batch(1001)
    got = decode_entry(encode_entry(sent))
    assert got.meters == sent.meters
    for name in ("meter", "quantity", "time", "value", "quality"):
        column = getattr(got, name)
        assert column.dtype == getattr(sent, name).dtype
        assert np.array_equal(column, getattr(sent, name))
        assert column.flags.writeable


@pytest.mark.parametrize(
    "entry",
    [
        EventBatch((MeterEvent("a", NOW, "leak", "漏水"),)),
        Tick(NOW),
        Tick(NOW, NOW - np.timedelta64(5, "m")),
        Revision("site", "abc", {"nodes": []}),
        Feedback(NOW, 1, "false", "li", NOW, "id", None, (("burst_flow", "水表-1"), ("zone_balance", "b"))),
        Feedback(NOW, 3, "planned_use", "li", NOW, replaces=2, use=POOL),
        HeadCounts(
            NOW, 4, (HeadCount("三号楼-301", date(2026, 9, 1), 6, None), HeadCount("b", date(2026, 2, 1), 4, 0))
        ),
    ],
)
def test_other_entries_come_back_equal(entry):
    assert decode_entry(encode_entry(entry)) == entry


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 400), st.integers(0, 255), st.booleans())
def test_damage_is_an_entry_error_or_leaves_a_whole_batch(place, byte, cut):
    data = bytearray(encode_entry(batch()))
    if cut:
        data = data[: place % len(data)]
    else:
        data[place % len(data)] = byte
    try:
        got = decode_entry(bytes(data))
    except EntryError:
        return
    assert len(got.value) == len(got.time)
    assert np.isfinite(got.value).all()


def test_a_value_that_is_no_number_is_no_reading():
    with pytest.raises(ValueError, match="finite"):
        batch_of(("a",), [0], 50, NOW, [np.nan])
