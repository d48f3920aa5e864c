"""Readings as they should not be, through the shard: no crash, no false leak, and the alert that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from metering.batch import ReadingBatch, batch_of, concatenate
from metering.entries import Tick
from metering.incident import ChangeKind
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site
from rules.shard import Shard

T0 = np.datetime64("2026-03-01T16:00:00", "ms")  # a local midnight in Shanghai
DAY = np.timedelta64(86_400_000, "ms")
DAYS, BAD = 20, 14  # what is wrong begins on that day
WATER = BY_NAME["water_volume"].code
NAMES = ("main", "w0", "w1", "w2")


def site(names: Sequence[str] = NAMES) -> Site:
    above = {"parent": "main"} if "main" in names else {}
    nodes = [{"id": "campus", "kind": "campus"}] + [
        {"id": f"at-{n}", "kind": "building", "parent": "campus", "use": "dormitory"} for n in names if n != "main"
    ]
    meters: list[dict[str, Any]] = [
        {"id": n, "medium": "water", "poll_s": 900}
        | ({"node": "campus"} if n == "main" else {"node": f"at-{n}"} | above)
        for n in names
    ]
    return parse_site({"site": {"id": "s", "timezone": "Asia/Shanghai"}, "nodes": nodes, "meters": meters})


@pytest.fixture(scope="module")
def healthy() -> ReadingBatch:
    """Three dorms and their main, in the order of time."""
    rng = np.random.default_rng(7)
    steps = DAYS * 96
    hour = np.arange(steps) % 96 / 4
    shape = 0.05 + np.exp(-(((hour - 7.5) / 2) ** 2)) + np.exp(-(((hour - 21) / 2.5) ** 2))
    use = shape[:, None] * rng.gamma(4, 0.25, (steps, 3)) * np.array([0.3, 0.4, 0.5]) / 4
    register = np.vstack([np.zeros(4), np.column_stack([use.sum(axis=1), use]).cumsum(axis=0)]) + 500
    time = T0 + np.arange(steps + 1) * (DAY // 96)
    return batch_of(NAMES, np.tile(np.arange(4), steps + 1), WATER, np.repeat(time, 4), np.round(register, 3).ravel())


def days_of(batch: ReadingBatch) -> Any:
    return (batch.time - T0) / DAY


def picked(batch: ReadingBatch, first: float = BAD, end: float = DAYS + 1, meter: int = 2) -> Any:
    """The rows of w1 from one day to another."""
    return (batch.meter == meter) & (days_of(batch) >= first) & (days_of(batch) < end)


def changed(batch: ReadingBatch, **columns: Any) -> ReadingBatch:
    return ReadingBatch(**({n: getattr(batch, n) for n in ReadingBatch.__slots__} | columns))


def by_arrival(batch: ReadingBatch, as_dated: ReadingBatch) -> Iterator[ReadingBatch]:
    """Entries of an hour, as they came; `as_dated` has the same rows with the times that stand in them."""
    hour = np.floor(days_of(batch) * 24).astype(int)
    for h in np.unique(hour):
        yield as_dated.take(hour == h)


def alerts(entries: Sequence[ReadingBatch], of: Site | None = None) -> list[tuple[str, str, set[str]]]:
    """Category and subject of each alert shown, and all conditions that it named while it was open."""
    shard = Shard(of or site())
    events = [shard.process(i, entry) for i, entry in enumerate(entries, 1)]
    changes = [c for e in [*events, shard.finish()] for c in e.changes]
    said: dict[str, tuple[str, str, set[str]]] = {}
    for change in changes:
        incident = change.incident
        if change.kind is ChangeKind.RAISED and incident.inhibited_by is None:
            said[incident.id] = (incident.category.value, incident.subject, set())
        if incident.id in said:
            found = incident.evidence["findings"]
            said[incident.id][2].update(str(f["details"].get("condition")) for f in found)
    Shard.restore(shard.snapshot(), of or site())
    return list(said.values())


def conditions(entries: Sequence[ReadingBatch], of: Site | None = None) -> set[str]:
    """What the data-quality alerts of w1 say; there must be no other alert."""
    shown = alerts(entries, of)
    assert {(category, subject) for category, subject, _ in shown} <= {("data_quality", "w1")}
    return set().union(*(said for *_, said in shown))


def test_the_healthy_town_is_quiet(healthy):
    assert alerts([healthy]) == []


Damage = Callable[[ReadingBatch], Sequence[ReadingBatch]]


def twice(batch: ReadingBatch) -> Sequence[ReadingBatch]:
    return [batch.take(np.sort(np.tile(np.arange(len(batch)), 2)))]


def again_later(batch: ReadingBatch) -> Sequence[ReadingBatch]:
    """A gateway that sends the last six hours again with every entry."""
    hour = days_of(batch) * 24
    return [batch.take((hour >= h - 6) & (hour < h + 3)) for h in range(0, DAYS * 24 + 3, 3)]


def in_any_order(batch: ReadingBatch) -> Sequence[ReadingBatch]:
    """Within an entry of half a day."""
    rng, half = np.random.default_rng(1), np.floor(days_of(batch) * 2).astype(int)
    return [batch.take(rng.permutation(np.flatnonzero(half == h))) for h in np.unique(half)]


@pytest.mark.parametrize("damage", [twice, again_later])
def test_what_comes_twice_says_nothing(healthy, damage: Damage):
    assert alerts(damage(healthy)) == []


def test_what_comes_in_any_order_raises_no_leak(healthy):
    assert {category for category, *_ in alerts(in_any_order(healthy))} <= {"data_quality"}


@pytest.mark.parametrize("other", [0.5, -5.0, 1e9])
def test_two_readings_of_one_time_that_differ(healthy, other):
    rows = np.concatenate([np.arange(len(healthy)), np.flatnonzero(picked(healthy, BAD, BAD + 2))])
    value = healthy.value[rows].copy()
    value[len(healthy) :] += other
    batch = changed(healthy.take(rows), value=value)
    assert "conflict" in conditions([batch.take(np.argsort(batch.time, kind="stable"))])


@pytest.mark.parametrize("hours", [-30, -3, 3])
def test_a_clock_that_goes_back(healthy, hours):
    time = healthy.time.copy()
    time[picked(healthy, BAD, BAD + 1)] += np.timedelta64(hours * 3_600_000, "ms")
    shown = alerts(list(by_arrival(healthy, changed(healthy, time=time))))
    assert {category for category, *_ in shown} == {"data_quality"}
    assert "clock_back" in set().union(*(said for _, subject, said in shown if subject == "w1"))


def test_a_clock_that_trembles(healthy):
    time, rows = healthy.time.copy(), picked(healthy)
    time[rows] -= np.random.default_rng(2).integers(0, 3_600_000, rows.sum()).astype("m8[ms]")
    assert "clock_back" in conditions(list(by_arrival(healthy, changed(healthy, time=time))))


def test_a_clock_a_year_ahead_for_a_day(healthy):
    time = healthy.time.copy()
    time[picked(healthy, BAD, BAD + 1)] += 365 * DAY
    assert conditions(list(by_arrival(healthy, changed(healthy, time=time)))) & {"clock_back", "offline"}


@pytest.mark.parametrize("by", [1e9, -1e9])
def test_a_register_that_jumps_and_stays(healthy, by):
    value = healthy.value.copy()
    value[picked(healthy)] += by
    assert "undeclared_replacement" in conditions([changed(healthy, value=value)])


def test_single_readings_far_off_are_dropped(healthy):
    value, rows = healthy.value.copy(), np.flatnonzero(picked(healthy))
    value[rows[::7]] += 1e9
    assert alerts([changed(healthy, value=value)]) == []


def test_a_register_of_which_most_readings_are_wrong(healthy):
    value, rows = healthy.value.copy(), np.flatnonzero(picked(healthy))
    value[rows] += np.random.default_rng(3).uniform(-1e9, 1e9, len(rows))
    assert conditions([changed(healthy, value=value)]) & {"held", "undeclared_replacement"}


@pytest.mark.parametrize("value", [1e300, -1e300])
def test_numbers_beyond_all_measure(healthy, value):
    values, rows = healthy.value.copy(), np.flatnonzero(picked(healthy))
    values[rows[::5]] = value
    values[rows[1::11]] = -value
    conditions([changed(healthy, value=values)])


def test_a_register_in_another_unit_by_billions_is_never_a_leak(healthy):
    value = healthy.value.copy()
    value[picked(healthy)] *= 1e9
    assert "undeclared_replacement" in conditions([changed(healthy, value=value)])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_never_gets_into_an_entry(value):
    with pytest.raises(ValueError, match="finite"):
        batch_of(("w1",), [0], WATER, [T0], [value])


@pytest.mark.parametrize("meter", [0, 2])
def test_one_meter_goes_over_to_a_reading_a_day(healthy, meter):
    is_whole_day = np.abs(days_of(healthy) - np.round(days_of(healthy))) < 1e-6
    batch = healthy.take(~picked(healthy, meter=meter) | is_whole_day)
    shown = alerts([batch])
    assert {(category, subject) for category, subject, _ in shown} == {("data_quality", NAMES[meter])}
    assert len(shown) <= 2, "then the habit is known"


def test_all_meters_go_over_to_a_reading_a_day_and_back(healthy):
    is_whole_day = np.abs(days_of(healthy) - np.round(days_of(healthy))) < 1e-6
    is_fine = (days_of(healthy) < 8) | (days_of(healthy) > BAD)
    batch = healthy.take(is_fine | is_whole_day)
    assert {category for category, *_ in alerts([batch])} <= {"data_quality"}


def test_a_meter_without_history_is_not_judged(healthy):
    """It comes new, and uses ten times what its likes do."""
    new = healthy.take(picked(healthy, BAD, DAYS, meter=3))
    new = changed(new, value=10 * (new.value - new.value[0]))
    names = ("w0", "w1", "w2")
    others = healthy.take((healthy.meter > 0) & (healthy.meter < 3))
    batch = concatenate([others, new])
    shown = alerts([batch.take(np.argsort(batch.time, kind="stable"))], site(names))
    assert shown == [("data_quality", "w2", {"offline"})], "only that it was not heard before it came"


def test_a_site_with_one_meter(healthy):
    only = healthy.take(healthy.meter == 2)
    assert alerts([only], site(("w1",))) == []
    stuck = changed(only, value=np.where(days_of(only) >= BAD, only.value[BAD * 96], only.value))
    assert conditions([stuck], site(("w1",))) == {"stuck"}


def test_a_site_without_readings(healthy):
    assert alerts([]) == []
    shard = Shard(site())
    changes = [c for i in range(30) for c in shard.process(i + 1, Tick(T0 + i * (DAY // 24))).changes]
    assert {c.incident.category.value for c in changes} == {"data_quality"}
    strangers = changed(healthy, meters=("a", "b", "c", "d"))
    assert {category for category, *_ in alerts([strangers])} == {"data_quality"}, "nothing is heard of our own meters"
