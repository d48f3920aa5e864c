"""Raw samples reach the detectors that want them: once, in order of time, however readings came."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.batch import Quality, ReadingBatch, batch_of
from metering.quantities import BY_NAME
from metering.site_document import parse_site
from rules.backtest import AlertLines, FindingLines
from rules.blocks import Columns
from rules.detectors.registry import DETECTORS
from rules.samples import SLICE_MS, WAIT_MS, SampleFrontier
from rules.shard import Shard

T0 = np.datetime64("2026-03-01T16:00:00", "ms")
T0_MS = int(T0.astype(np.int64))
FEW = settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
POWER, REACTIVE, VOLTAGE = "active_power", "reactive_power", "voltage_l1"


def dorm() -> Any:
    rooms = [{"id": f"room-{i}", "kind": "room", "use": "dormitory"} for i in range(3)]
    meters = [{"id": f"E{i}", "medium": "electricity", "node": f"room-{i}"} for i in range(3)]
    return parse_site({"site": {"id": "dorm", "timezone": "Asia/Shanghai"}, "nodes": rooms, "meters": meters})


def batch(rows: list[tuple[int, str, float, float]], quality: int = 0) -> ReadingBatch:
    """Rows of (meter, quantity, seconds after T0, value)."""
    return batch_of(
        ("E0", "E1", "E2"),
        np.array([r[0] for r in rows], np.int32),
        np.array([BY_NAME[r[1]].code for r in rows], np.uint8),
        T0 + (np.array([r[2] for r in rows]) * 1000).astype("m8[ms]"),
        np.array([r[3] for r in rows], np.float64),
        quality,
    )


def taken(frontier: SampleFrontier, seconds: float) -> list[tuple[Any, ...]]:
    block = frontier.take(T0_MS + round(seconds * 1000))
    if block is None:
        return []
    times = ((block.time - T0_MS) / 1000).tolist()
    return list(zip(block.column.tolist(), times, block.value.tolist(), strict=True))


@pytest.fixture
def frontier() -> SampleFrontier:
    return SampleFrontier(Columns(dorm()), {REACTIVE, POWER})


def test_a_row_has_all_that_a_meter_said_at_one_time(frontier):
    frontier.add(batch([(1, REACTIVE, 10, 0.2), (0, POWER, 10, 1.0), (1, POWER, 10, 2.0), (1, POWER, 5, 3.0)]), None)
    rows = taken(frontier, 600)
    assert [(c, t) for c, t, _ in rows] == [(0, 10), (1, 5), (1, 10)]
    assert np.array_equal([v for _, _, v in rows], [[1, np.nan], [3, np.nan], [2, 0.2]], equal_nan=True)


def test_what_no_detector_wants_is_not_kept(frontier):
    frontier.add(batch([(0, VOLTAGE, 10, 230.0), (0, "active_energy_import", 10, 5.0)]), None)
    assert taken(frontier, 600) == []
    assert len(frontier.state()["time"]) == 0


def test_a_minute_is_judged_after_its_wait_and_not_before(frontier):
    frontier.add(batch([(0, POWER, 59, 1.0), (0, POWER, 60, 2.0)]), None)
    due = (SLICE_MS + WAIT_MS) / 1000
    assert taken(frontier, due - 0.001) == []
    assert [t for _, t, _ in taken(frontier, due)] == [59]
    assert [t for _, t, _ in taken(frontier, due + 60)] == [60]


def test_late_ones_within_the_wait_are_sorted_in_and_later_ones_left_out(frontier):
    frontier.add(batch([(0, POWER, 50, 2.0)]), None)
    assert taken(frontier, 100) == []
    frontier.add(batch([(0, POWER, 20, 1.0)]), None)
    assert [t for _, t, _ in taken(frontier, 180)] == [20, 50]
    frontier.add(batch([(0, POWER, 30, 1.0)]), None)
    assert taken(frontier, 600) == []


def test_of_two_with_one_key_the_later_entry_wins(frontier):
    frontier.add(batch([(0, POWER, 10, 1.0)]), None)
    frontier.add(batch([(0, POWER, 10, 2.0), (0, POWER, 10, 3.0)]), None)
    assert [v[0] for _, _, v in taken(frontier, 600)] == [3.0]


def test_what_is_held_or_far_ahead_is_left_out(frontier):
    frontier.add(batch([(2, POWER, 10, 1.0)], Quality.HELD), T0_MS)
    frontier.add(batch([(2, POWER, 86_400 * 365, 1.0)]), T0_MS)
    assert len(frontier.state()["time"]) == 0


def test_a_state_of_other_quantities_is_refused(frontier):
    with pytest.raises(ValueError, match="samples of"):
        SampleFrontier(Columns(dorm()), {VOLTAGE}).restore(frontier.state())


# -- through the shard --------------------------------------------------------------------------------------------


class Seen:
    """A detector that writes down every sample it is given."""

    rule = "seen"
    warm_up_days = 0
    quantities: ClassVar[tuple[str, ...]] = (POWER, VOLTAGE)
    Settings = DETECTORS["suspected_appliance"].Settings

    def __init__(self, *_: Any) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def process(self, _block: Any) -> list[Any]:
        return []

    def sample(self, block: Any) -> list[Any]:
        assert block.quantities == self.quantities
        rows = (block.column, block.time, np.nan_to_num(block.value[:, 0]), block.judged_at)
        self.rows += list(zip(*(r.tolist() for r in rows), strict=True))
        return []

    def observe(self, *_: Any) -> list[Any]:
        return []

    hear = observe

    def state(self) -> dict[str, Any]:
        return {"rows": [list(r) for r in self.rows]}

    def restore(self, state: dict[str, Any]) -> None:
        self.rows = [tuple(r) for r in state["rows"]]


def evening() -> ReadingBatch:
    """Six hours of three rooms every 20 s; the second has a kettle on three times, the third a motor."""
    rows: list[tuple[int, str, float, float]] = []
    for second in range(0, 6 * 3600, 20):
        kettle = 2.0 if second % 7200 < 180 else 0.0
        motor = 1.2 if second % 3600 < 600 else 0.0
        for meter, active, reactive in ((0, 0.1, 0.05), (1, 0.1 + kettle, 0.05), (2, 0.1 + motor, 0.05 + motor / 2)):
            rows += [(meter, POWER, second + meter, active), (meter, REACTIVE, second + meter, reactive)]
            if second % 900 == 0:
                rows.append((meter, "active_energy_import", second + meter, 100 + second / 36000))
    return batch(rows)


@pytest.fixture(scope="module")
def readings() -> ReadingBatch:
    return evening()


def judged(shard: Shard, parts: Any) -> tuple[list[Any], list[Any]]:
    events = [shard.process(i, part) for i, part in enumerate(parts, 1)]
    events.append(shard.finish())
    return [f for e in events for f in e.findings], [c for e in events for c in e.changes]


@FEW
@given(data=st.data())
def test_cuts_and_restarts_change_nothing(data, readings, cut_at):
    expected = judged(Shard(dorm()), [readings])
    assert expected[0]
    assert expected[1]
    shard, events = Shard(dorm()), []
    places = data.draw(st.lists(st.integers(1, len(readings)), min_size=1, max_size=12))
    for seq, part in enumerate(cut_at(readings, places), 1):
        events.append(shard.process(seq, part))
        shard = Shard.restore(shard.snapshot(), dorm())
    events.append(shard.finish())
    assert ([f for e in events for f in e.findings], [c for e in events for c in e.changes]) == expected


@FEW
@given(st.randoms(use_true_random=False))
def test_every_sample_once_whatever_came_late_or_twice(random):
    """Shuffled within the wait, some of it twice: what the detector sees is the same."""
    readings = evening()
    time = readings.time.astype(np.int64)
    delay = np.array([random.randrange(WAIT_MS - 1000) for _ in range(len(time))])
    shuffled = readings.take(np.argsort(time + delay, kind="stable"))
    again = np.sort(np.array([random.randrange(len(time)) for _ in range(200)]))
    seen = []
    for parts in ([readings], [shuffled.take(np.arange(i, min(i + 500, len(time)))) for i in range(0, len(time), 500)],
                  [readings, readings.take(again)]):  # fmt: skip
        shard = _with_seen()
        judged(shard, parts)
        seen.append(sorted(shard._detectors["seen"].rows))
    assert len(seen[0]) > 3000
    assert seen[0] == seen[1] == seen[2]


def _with_seen() -> Shard:
    shard = Shard(dorm(), detectors={})
    shard._detectors = {"seen": Seen()}
    shard._samples = SampleFrontier(Columns(dorm()), Seen.quantities)
    return shard


def test_a_use_is_a_finding_and_only_the_second_makes_an_alert(readings):
    found, alerts = FindingLines(), AlertLines()
    shard = Shard(dorm())
    for event in (shard.process(1, readings), shard.finish()):
        found.add(event.findings)
        alerts.add(event.changes)
    lines = [line for line in found.lines() if line["rule"] == "suspected_appliance"]
    assert [line["subject"] for line in lines] == ["E1", "E1"]  # at the very start nothing is known of before
    minutes = [(np.datetime64(line["start"][:19]) - T0) / np.timedelta64(60_000, "ms") for line in lines]
    assert minutes == pytest.approx([120, 240], abs=0.5)
    (alert,) = alerts.incidents()
    assert (alert.node, alert.category.value, alert.rule) == ("room-1", "appliance", "suspected_appliance")
    assert alert.detected_at >= T0 + np.timedelta64(240, "m")
