"""What heats is told by its step and power factor; what does not heat is never accused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.batch import Quality
from metering.site_document import parse_site
from rules.blocks import Columns, IntervalBlock
from rules.detectors.base import Context
from rules.detectors.suspected_appliance import SuspectedAppliance
from rules.findings import FindingPhase, FindingScope
from rules.samples import WAIT_MS, SampleBlock

START = 1_772_380_800_000
HOUR = 360  # samples of ten seconds


def made(kind: str = "room", **settings: Any) -> SuspectedAppliance:
    site = parse_site(
        {
            "site": {"id": "s", "timezone": "Asia/Shanghai"},
            "nodes": [{"id": "a", "kind": kind}, {"id": "b", "kind": kind}],
            "meters": [{"id": m, "medium": "electricity", "node": m} for m in ("a", "b")],
        }
    )
    settings_of = SuspectedAppliance.Settings(**settings)
    return SuspectedAppliance(Context(Columns(site), None), lambda _node, _subject=None: settings_of)  # type: ignore[arg-type]


class Room:
    """Hours of samples every ten seconds: a base, and loads of (start s, seconds, kW, power factor)."""

    def __init__(self, hours: float, *loads: tuple[float, float, float, float], every: int = 10) -> None:
        second = np.arange(0, int(hours * 3600), every)
        self.time = START + second * 1000
        self.active = 0.12 + 0.02 * np.sin(second / 300)
        self.reactive = np.full(len(second), 0.05)
        for start, length, kw, factor in loads:
            on = np.clip((second + every - start) / every, 0, 1) * np.clip((start + length - second) / every, 0, 1)
            self.active = self.active + kw * on
            self.reactive = self.reactive + kw * np.sqrt(1 / factor**2 - 1) * on

    def block(self, rows: Any = slice(None), *, blind: bool = False) -> SampleBlock:
        value = np.full((len(self.time), 4), np.nan)
        value[:, 0] = self.active
        if not blind:
            value[:, 1] = self.reactive
        time = self.time[rows]
        return SampleBlock(
            np.zeros(len(time), np.int64), time, value[rows], time + WAIT_MS, SuspectedAppliance.quantities
        )


def uses(found: Any) -> list[tuple[float, float]]:
    """Begin and end of each use told, in seconds."""
    return [
        ((f.onset.astype(int) - START) / 1000, (f.ended.astype(int) - START) / 1000)
        for f in found
        if f.scope is FindingScope.OCCURRENCE and f.phase is FindingPhase.CLOSE
    ]


def cases(found: Any) -> list[str]:
    return [f.phase.value for f in found if f.scope is FindingScope.CASE]


@pytest.mark.parametrize(
    ("kw", "seconds"),
    [(0.7, 130), (2.6, 130), (1.0, 600), (1.5, 3 * 3600)],
    ids=["toaster", "kettle", "stove", "heater"],
)
@pytest.mark.parametrize("every", [10, 30, 60])
def test_a_use_is_told_with_begin_and_end(kw: float, seconds: int, every: int) -> None:
    found = made().sample(Room(5, (1805, seconds, kw, 0.995), every=every).block())
    assert uses(found) == [pytest.approx((1805, 1805 + seconds), abs=1.5 * every)]
    assert cases(found) == []
    opened, closed = found
    assert closed.observed == pytest.approx(kw, abs=0.1)
    assert opened.at.astype(int) - START < (1805 + 30 + 2 * every) * 1000 + WAIT_MS


@pytest.mark.parametrize(
    ("kw", "seconds", "factor"),
    [(0.12, 900, 0.75), (1.1, 1800, 0.94), (2.0, 1200, 0.96), (0.4, 7200, 0.99), (0.1, 7200, 1.0), (1.2, 300, 0.9)],
    ids=["fridge", "air conditioner", "washing machine", "gaming computer", "lamp", "vacuum cleaner"],
)
def test_what_does_not_heat_is_not_accused(kw: float, seconds: int, factor: float) -> None:
    loads = [(1800 + i * 9000, seconds, kw, factor) for i in range(4)]
    assert made().sample(Room(12, *loads).block()) == []


def test_a_thermostat_is_one_use_and_a_pause_makes_two() -> None:
    iron = [(1800 + 60 * i, 20, 1.5, 0.995) for i in range(20)]
    later = [(1800 + 1200 + 700 + 60 * i, 20, 1.5, 0.995) for i in range(5)]
    found = made().sample(Room(2, *iron, *later).block())
    assert uses(found) == [pytest.approx((1800, 2960), abs=15), pytest.approx((3700, 3960), abs=15)]
    assert cases(found) == ["open", "update"]


def test_a_flash_is_no_use() -> None:
    assert made().sample(Room(1, (1800, 12, 1.5, 0.995)).block()) == []


def test_beside_other_loads_it_is_seen_all_the_same() -> None:
    loads = [(600, 6000, 1.1, 0.93), (1800, 200, 2.0, 0.995), (3000, 100, 0.15, 0.7)]
    assert uses(made().sample(Room(2, *loads).block())) == [pytest.approx((1800, 2000), abs=15)]


def test_what_keeps_warm_counts_soon_after_a_use_and_not_alone() -> None:
    warm = [(4800 + 60 * i, 30, 0.35, 0.995) for i in range(5)]
    assert len(uses(made().sample(Room(3, (3000, 120, 1.2, 0.995), *warm).block()))) == 2
    assert made().sample(Room(3, *warm).block()) == []


def test_the_room_may_be_allowed_some() -> None:
    loads = [(1800, 200, 0.8, 0.995), (5400, 200, 2.0, 0.995)]
    assert uses(made(allowed_kw=1.0).sample(Room(3, *loads).block())) == [pytest.approx((5400, 5600), abs=15)]
    assert made(allowed_kw=2.5).sample(Room(3, *loads).block()) == []


def test_without_reactive_power_only_what_no_other_thing_draws_is_told() -> None:
    loads = [(1800, 600, 1.2, 0.9), (5400, 200, 2.2, 0.995)]
    found = made().sample(Room(3, *loads).block(blind=True))
    assert uses(found) == [pytest.approx((5400, 5600), abs=15)]
    assert found[0].evidence["uses"][0]["power_factor"] is None
    assert found[0].evidence["confidence"] < 0.7


def test_an_alert_takes_two_uses_and_is_over_after_a_quiet_week() -> None:
    detector = made()
    found = list(detector.sample(Room(4, (1800, 200, 2.0, 0.995), (9000, 200, 2.0, 0.995)).block()))
    assert cases(found) == ["open", "update"]
    case = next(f for f in found if f.scope is FindingScope.CASE)
    assert case.at.astype(int) >= START + 9_000_000
    assert len(case.evidence["uses"]) == 2
    later = Room(1)
    later.time = later.time + 6 * 86_400_000
    assert cases(detector.sample(later.block())) == []
    later.time = later.time + 2 * 86_400_000
    assert cases(detector.sample(later.block())) == ["close"]


def test_uses_far_apart_are_no_case() -> None:
    detector, found = made(), []
    for week in range(3):
        room = Room(1, (1800, 200, 2.0, 0.995))
        room.time = room.time + week * 15 * 86_400_000
        found += detector.sample(room.block())
    assert len(uses(found)) == 3
    assert cases(found) == []


def test_steps_across_a_gap_and_at_the_first_sample_prove_nothing() -> None:
    room = Room(3, (0, 400, 2.0, 0.995), (3600, 3600, 2.0, 0.995))
    rows = np.concatenate([np.arange(0, HOUR - 30), np.arange(HOUR + 30, 3 * HOUR)])
    assert made().sample(room.block(rows)) == []


def test_only_rooms_are_judged() -> None:
    assert made("building").sample(Room(2, (1800, 200, 2.0, 0.995)).block()) == []


def test_cuts_and_restarts_change_nothing() -> None:
    rng = np.random.default_rng(5)
    loads = [(float(s), float(rng.integers(15, 500)), 2.0 * rng.random(), rng.choice([0.9, 0.97, 0.995]))
             for s in np.cumsum(rng.integers(100, 1500, 60))]  # fmt: skip
    room = Room(15, *loads)
    keep = np.flatnonzero(rng.random(len(room.time)) > 0.02)
    whole = list(made().sample(room.block(keep)))
    assert len(uses(whole)) > 5
    detector, parts, start = made(), [], 0
    while start < len(keep):
        stop = start + int(rng.integers(1, 90))
        parts += detector.sample(room.block(keep[start:stop]))
        state = detector.state()
        detector = made()
        detector.restore(state)
        start = stop
    assert parts == whole


# -- meters that are read rarely ----------------------------------------------------------------------------------

DAY = 96
MIDNIGHT = START // 900_000


def steps(days: int, *loads: tuple[int, int, float]) -> np.ndarray[Any, Any]:
    """kWh of each step: a base, and loads of (first step, steps, kW)."""
    use = np.full(days * DAY, 0.03)
    for first, length, kw in loads:
        use[first : first + length] += kw / 4
    return use


def means(use: np.ndarray[Any, Any], first: int, stop: int, quality: int = 0) -> IntervalBlock:
    numbers = MIDNIGHT + np.arange(first, stop)
    return IntervalBlock(
        int(numbers[0]), np.stack([use[first:stop], np.full(stop - first, 0.01)], axis=1),
        np.full((stop - first, 2), quality, np.uint16), ((numbers + 1) * 900_000).astype("M8[ms]"),
        (numbers * 15 + 480) % 1440, int((numbers[0] * 15 + 480) // 1440), np.zeros(stop - first, bool),
        np.zeros(2, bool),
    )  # fmt: skip


def days_of(use: np.ndarray[Any, Any], quality: int = 0) -> list[IntervalBlock]:
    return [means(use, start, start + DAY, quality) for start in range(0, len(use), DAY)]


SLOW = steps(4, (20, 4, 2.2), (DAY + 60, 4, 2.2), (2 * DAY + 40, 1, 2.5), (2 * DAY + 70, 30, 1.2))


def test_where_samples_are_rare_the_means_of_steps_tell_the_largest() -> None:
    detector = made()
    found = [f for block in days_of(SLOW) for f in detector.process(block)]
    begin = [(DAY + 60) * 900, (2 * DAY + 40) * 900]  # the first day nobody knows how often it is read
    assert uses(found) == [(begin[0], begin[0] + 3600), (begin[1], begin[1] + 900)]
    assert cases(found) == ["open", "update"]


def test_spread_use_is_no_step() -> None:
    detector = made()
    assert [f for block in days_of(SLOW, Quality.ESTIMATED) for f in detector.process(block)] == []


def test_where_samples_come_the_means_are_left_alone() -> None:
    detector, found = made(), []
    for day, block in enumerate(days_of(SLOW)):
        found += detector.process(block)
        room = Room(1)
        room.time = room.time + (day * DAY + 40) * 900_000
        found += detector.sample(room.block())
    assert found == []


def test_means_cut_anyhow_show_the_same() -> None:
    detector, parts = made(), []
    for start in range(0, len(SLOW), 12):
        parts += detector.process(means(SLOW, start, start + 12))
        state = detector.state()
        detector = made()
        detector.restore(state)
    whole = made()
    assert parts == [f for block in days_of(SLOW) for f in whole.process(block)]
