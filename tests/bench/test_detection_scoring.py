"""The figures of `bench.detection` themselves: matching, chance, intervals, places, hours, worse copies."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.detection.bootstrap import f1_interval, rate_interval
from bench.detection.chance import Watched, by_chance
from bench.detection.chosen import Chosen
from bench.detection.degrade import DEGRADED, degraded
from bench.detection.doubled import DAY_MS, doubled
from bench.detection.events import HOUR_MS, Alarm, Event, Matched, match
from bench.detection.hours import hours
from bench.detection.jobs import Half, Part
from bench.detection.places import place_of_alert, place_of_label
from bench.detection.points import by_point, point_rows
from bench.detection.published import as_told, marked_days
from bench.detection.scoring import part_of
from bench.detection.sets import DataSet, NoDataError, load
from bench.detection.trivial import TRIVIAL
from metering.batch import batch_of
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site

START = np.datetime64("2026-03-01T16:00:00", "ms")
WATER = BY_NAME["water_volume"].code
FLOW = BY_NAME["flow_rate"].code


def event(name: str, start: int, end: int, place: str = "a", size: float = 1.0) -> Event:
    return Event(name, "leak_constant", place, start, end, size, "L/h")


def site_of(count: int = 3) -> Site:
    """A main and homes below it; the flat of the first home has no meter."""
    nodes = [{"id": "town", "kind": "zone"}, {"id": "flat", "kind": "floor", "parent": "n1"}]
    nodes += [{"id": f"n{i}", "kind": "building", "parent": "town", "use": "dwelling"} for i in range(1, count + 1)]
    meters = [{"id": "main", "medium": "water", "node": "town"}]
    meters += [{"id": f"m{i}", "medium": "water", "node": f"n{i}", "parent": "main"} for i in range(1, count + 1)]
    return parse_site({"site": {"id": "s", "timezone": "Asia/Shanghai"}, "nodes": nodes, "meters": meters})


def data_of(rates: np.ndarray, events: tuple[Event, ...] = ()) -> DataSet:
    """Hourly registers of m1, m2, .. (columns of `rates`, m3/h), and of the main above them."""
    used = np.column_stack([rates.sum(axis=1), rates])
    register = np.concatenate([np.zeros((1, used.shape[1])), used.cumsum(axis=0)])
    step, meter = np.nonzero(np.ones(register.shape, bool))
    names = ("main", *(f"m{i + 1}" for i in range(rates.shape[1])))
    batch = batch_of(names, meter, WATER, START + (step * HOUR_MS).astype("m8[ms]"), register[step, meter])
    return DataSet("made", site_of(rates.shape[1]), batch, events)


def most_matched(events: list[Event], alarms: list[Alarm]) -> int:
    """By trying every order, which no two-pointer argument can spoil."""
    best = 0
    for order in permutations(events):
        free, found = list(alarms), 0
        for e in order:
            hit = next((a for a in free if a.place == e.place and e.start <= a.at <= e.end), None)
            if hit is not None:
                free.remove(hit)
                found += 1
        best = max(best, found)
    return best


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.sampled_from("ab")), max_size=4),
    st.lists(st.tuples(st.integers(0, 18), st.sampled_from("ab")), max_size=6),
)
def test_no_matching_is_larger(spans: list[tuple[int, int, str]], points: list[tuple[int, str]]) -> None:
    events = [event(str(i), start, start + length, place) for i, (start, length, place) in enumerate(spans)]
    alarms = [Alarm(place, at) for at, place in points]
    result = match(events, alarms)
    assert len(result.found) >= most_matched(events, alarms)
    assert len(result.found) + len(result.duplicates) + len(result.false) == len(alarms)
    assert len(result.found) + len(result.missed) == len(events)
    assert all(e.place == a.place and e.start <= a.at <= e.end for e, a in result.found)


def test_a_second_alarm_is_a_duplicate_and_no_false_one() -> None:
    result = match([event("1", 0, 10)], [Alarm("a", 3), Alarm("a", 5), Alarm("a", 11), Alarm("b", 5)])
    assert [a.at for _, a in result.found] == [3]
    assert [a.at for a in result.duplicates] == [5]
    assert {(a.place, a.at) for a in result.false} == {("a", 11), ("b", 5)}
    assert result.precision == pytest.approx(1 / 3)


def test_an_alarm_before_the_event_finds_nothing() -> None:
    assert not match([event("1", 5, 10)], [Alarm("a", 4)], grace_ms=3).found
    assert match([event("1", 5, 10)], [Alarm("a", 13)], grace_ms=3).found


def test_the_delay_is_to_when_it_was_said() -> None:
    result = match([event("1", 0, HOUR_MS)], [Alarm("a", 10, said=2 * HOUR_MS)])
    assert result.delays_h() == [2.0]


def test_chance_is_the_share_of_time_that_events_fill() -> None:
    """One event in a quarter of the time: one die finds it in a quarter of the draws; F1 is then 1."""
    chance = by_chance([event("1", 0, 250)], [Watched("a", 0, 1000)], 1, seed=1, draws=2000)
    assert chance.mean == pytest.approx(0.25, abs=0.03)
    assert chance.p95 == 1.0


def test_chance_spreads_over_the_time_of_all_places() -> None:
    watched = [Watched("a", 0, 1000), Watched("b", 5000, 8000)]
    chance = by_chance([event("1", 0, 1000)], watched, 1, seed=1, draws=2000)
    assert chance.mean == pytest.approx(0.25, abs=0.03)


def test_chance_of_no_alarms_is_none() -> None:
    assert np.isnan(by_chance([event("1", 0, 1)], [Watched("a", 0, 9)], 0, seed=1).mean)


def test_the_interval_holds_the_figure_and_widens_with_fewer_places() -> None:
    def interval(count: int) -> tuple[float, float]:
        events = [event(str(i), 0, 10, str(i)) for i in range(count)]
        matched = match(events, [Alarm(str(i), 5) for i in range(0, count, 2)])
        return f1_interval(matched, [str(i) for i in range(count)], seed=1)

    few, many = interval(6), interval(100)
    assert many[0] < 2 / 3 < many[1]
    assert few[1] - few[0] > many[1] - many[0]


def test_the_interval_of_one_place_is_none() -> None:
    assert np.isnan(f1_interval(Matched(), ["a"], seed=1)[0])


def test_a_false_alarm_at_a_group_of_meters_stays_in_every_sample() -> None:
    events = [event(p, 0, 10, p) for p in "abcd"]
    matched = match(events, [*(Alarm(p, 5) for p in "abcd"), Alarm("group", 5)])
    assert f1_interval(matched, list("abcd"), seed=1) == pytest.approx((8 / 9, 8 / 9))


def test_a_leak_between_is_at_the_parent_and_one_inside_at_the_child() -> None:
    site = site_of()
    assert place_of_label(site, "main") == place_of_label(site, "town") == "town"
    assert place_of_label(site, "m2") == "n2"
    assert place_of_alert(site, "n2") == "n2"
    assert place_of_alert(site, "town") == "town"


def test_a_place_without_a_meter_is_lifted_to_one_with() -> None:
    assert place_of_alert(site_of(), "flat") == "n1"


def test_a_label_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="'m9'"):
        place_of_label(site_of(), "m9")


def test_halves_take_turns_in_the_order_of_names() -> None:
    data = data_of(np.full((48, 4), 0.1))  # m1, m2, m3, m4, main
    even, odd = Chosen(data, Half.EVEN), Chosen(data, Half.ODD)
    assert (even.places, odd.places) == (("n1", "n3", "town"), ("n2", "n4"))
    assert not odd.counts("n1")
    assert odd.counts("a place without meters")


def test_a_part_counts_what_was_found_in_time() -> None:
    events = [event("1", 0, 90 * HOUR_MS, size=6), event("2", 100 * HOUR_MS, 190 * HOUR_MS, size=4)]
    matched = match(events, [Alarm("a", 49 * HOUR_MS), Alarm("a", 180 * HOUR_MS)])
    sizes = {e.id: e.size for e in events}
    large = part_of(Part("large", "leak", 5, within_h=50), sizes, events, matched)
    small = part_of(Part("small", "leak", 0, 5, within_h=50), sizes, events, matched)
    assert (large.events, large.found, large.in_time) == (1, 1, 1)
    assert (small.events, small.found, small.in_time) == (1, 1, 0)


def test_hours_are_differences_of_the_register() -> None:
    rates = np.array([[0.1], [0.3], [0.2], [0.5]])
    known = hours(data_of(rates))
    assert known.of("n1")[:4] == pytest.approx(rates[:, 0])
    assert known.ms(0) == int(START.astype(np.int64)) + HOUR_MS


def test_hours_in_a_gap_are_unknown() -> None:
    data = data_of(np.full((30, 1), 0.1))
    hole = (data.readings.time > START + np.timedelta64(5, "h")) & (
        data.readings.time < START + np.timedelta64(15, "h")
    )
    known = hours(data.with_readings(data.readings.take(~hole)))
    assert np.isnan(known.of("n1")[6:14]).all()
    assert known.of("n1")[16:28] == pytest.approx(0.1)


def test_the_rule_of_48_hours_speaks_once_after_48_hours() -> None:
    rates = np.zeros((200, 1))
    rates[50:150] = 0.006
    found = [a for a in TRIVIAL["steady"].alarms(data_of(rates)) if a.place == "n1"]
    assert [(a.at - int(START.astype(np.int64))) / HOUR_MS for a in found] == [98]


def test_the_daily_balance_sees_what_no_child_counts() -> None:
    """A main that counts 5 % more, give or take; from day 40 on a leak of a sixth of the inflow before the children."""
    dice = np.random.default_rng(1)
    data = data_of(dice.uniform(0.1, 0.3, (60 * 24, 3)))
    is_main = data.readings.meter == 0
    hour = (data.readings.time[is_main] - START) / np.timedelta64(1, "h")
    value = data.readings.value.copy()
    value[is_main] += np.cumsum(dice.uniform(0, 0.06, is_main.sum()))
    healthy = data.with_readings(replace(data.readings, value=value.copy()))
    value[is_main] += 0.1 * np.clip(hour - 40 * 24, 0, None)
    leaking = data.with_readings(replace(data.readings, value=value))
    start = int(START.astype(np.int64)) + 40 * DAY_MS
    assert len(TRIVIAL["balance"].alarms(healthy)) <= 1
    found = match([event("1", start, start + 2 * DAY_MS, "town")], TRIVIAL["balance"].alarms(leaking))
    assert found.recall == 1


def test_a_doubled_week_is_twice_what_it_was_and_the_rest_the_same() -> None:
    data = data_of(np.random.default_rng(2).uniform(0.1, 0.3, (100 * 24, 2)))
    twice = doubled(data, seed=3)
    before, after = hours(data), hours(twice)
    rows = (np.arange(len(before.rate)) + before.first) * HOUR_MS
    for e in twice.events:
        is_in = (rows >= e.start) & (rows < e.end)
        was, is_now = before.of(e.place), after.of(e.place)
        assert is_now[is_in] == pytest.approx(2 * was[is_in])
        assert is_now[~is_in][:-1] == pytest.approx(was[~is_in][:-1])
        assert e.start - int(START.astype(np.int64)) >= 59 * DAY_MS
    assert {e.place for e in twice.events} == {"n1", "n2"}
    assert after.of("town")[:-1] == pytest.approx(after.of("n1")[:-1] + after.of("n2")[:-1])
    assert doubled(data, seed=3).events == twice.events


@pytest.mark.parametrize("how", DEGRADED)
def test_a_worse_copy_is_the_same_with_the_same_seed(how: str) -> None:
    data = data_of(np.full((50 * 24, 2), 0.1))
    once, again, other = (degraded(data, how, seed).readings for seed in (1, 1, 2))
    assert np.array_equal(once.value, again.value)
    assert np.array_equal(once.time, again.time)
    is_same = np.array_equal(once.value, data.readings.value) and np.array_equal(once.time, data.readings.time)
    assert not is_same
    assert how.startswith("10 L") or not (
        np.array_equal(once.value, other.value) and np.array_equal(once.time, other.time)
    )


def test_a_rollover_is_a_fall_from_the_top_and_a_reset_one_from_anywhere() -> None:
    data = data_of(np.full((50 * 24, 1), 0.1))
    for how, top in (("rollover", 99_999), ("reset", 0)):
        worse = degraded(data, how, 1).readings
        mine = worse.value[worse.meter == 1]
        falls = np.flatnonzero(np.diff(mine) < 0)
        assert len(falls) == 1
        assert mine[falls[0]] >= top
        assert mine[falls[0] + 1] == pytest.approx(0)


def test_a_missing_set_says_where_it_was_looked_for(tmp_path: object) -> None:
    with pytest.raises(NoDataError, match=r"nothing\.readings\.csv\.gz is not there.*AQUAVOLT_DATA"):
        load(tmp_path, "nothing")  # type: ignore[arg-type]


def test_points_are_half_hours() -> None:
    """Ten hours; a leak of four, told in its last two and in one hour after it."""
    watched = [Watched("a", 0, 10 * HOUR_MS)]
    told = [Alarm("a", 4 * HOUR_MS, until=7 * HOUR_MS), Alarm("b", 0, until=9 * HOUR_MS)]
    points = by_point([event("1", 2 * HOUR_MS, 6 * HOUR_MS)], told, watched)
    assert points.recall == pytest.approx(1 / 2)
    assert points.specificity == pytest.approx(5 / 6)
    assert points.f1 == pytest.approx(2 * 4 / (2 * 4 + 4 + 2))


def test_an_alert_that_is_open_stands_to_the_end() -> None:
    points = by_point([event("1", 0, 8 * HOUR_MS)], [Alarm("a", 4 * HOUR_MS)], [Watched("a", 0, 8 * HOUR_MS)])
    assert points.recall == pytest.approx(1 / 2)


def early(told: list[Alarm], hours_long: int = 20) -> float:
    """Of a leak from hour 10 to 30 of 100."""
    leak = event("1", 10 * HOUR_MS, (10 + hours_long) * HOUR_MS)
    return by_point([leak], told, [Watched("a", 0, 100 * HOUR_MS)]).early


def test_early_detection_is_that_of_the_source() -> None:
    """Forty half hours and ten: the window is 49 wide, told from its 8th on: 2 / (1 + exp(5 * 8 / 49))."""
    assert early([Alarm("a", 10 * HOUR_MS, until=40 * HOUR_MS)]) == 1
    assert early([Alarm("a", 14 * HOUR_MS, until=40 * HOUR_MS)]) == pytest.approx(2 / (1 + np.exp(40 / 49)))


def test_a_leak_told_and_forgotten_is_not_detected_early() -> None:
    assert early([Alarm("a", 10 * HOUR_MS, until=26 * HOUR_MS)]) == 0
    assert early([]) == 0
    assert early([Alarm("a", 2 * HOUR_MS, until=9 * HOUR_MS)]) == 0


def flows(least: list[float]) -> DataSet:
    """Half-hourly flow of m1 for as many local days, 10 m3/h but for 03:00, where it is the day's least."""
    values = np.full((len(least), 48), 10.0)
    values[:, 6] = least
    time = START + (np.arange(values.size) * (HOUR_MS // 2)).astype("m8[ms]")
    rows = np.zeros(values.size, np.int64)
    return DataSet("made", site_of(1), batch_of(("m1",), rows, FLOW, time, values.ravel()), ())


def test_the_published_rule_marks_days_above_the_least_of_the_last_ten_unmarked() -> None:
    """Day 12 is 30 % up, so are 13 and 14; they never become what is usual. Day 16 is 15 % up."""
    data = flows([1.0] * 12 + [1.3] * 3 + [1.0, 1.15, 1.0])
    first = int(START.astype(np.int64))
    days = [((a.at - first) / DAY_MS, ((a.until or 0) - first) / DAY_MS) for a in marked_days(data, 0.2)]
    assert days == [(12, 15)]
    assert len(marked_days(data, 0.1)) == 2
    assert [(a.at - first) // DAY_MS for a in as_told(marked_days(data, 0.2))] == [12]


def test_the_first_ten_days_are_never_marked() -> None:
    assert not marked_days(flows([1.0, 3.0] * 5), 0.1)


def test_rows_stand_beside_the_published_rule_and_dice_that_are_worse() -> None:
    data = flows([1.0] * 12 + [1.3] * 20)
    leak = event("1", int(START.astype(np.int64)) + 12 * DAY_MS, int(START.astype(np.int64)) + 32 * DAY_MS, "n1")
    told = [Alarm("n1", leak.start, until=leak.end)]
    rows = {row.by: row for row in point_rows(data, [leak], told, list(data.watched.values()), seed=1, draws=40)}
    assert rows["alerts"].points.f1 == rows["alerts"].event_f1 == 1
    assert rows["published night rule, +20%"].points.early == 1
    assert rows["dice, mean"].points.f1 < rows["dice, 95th percentile"].points.f1 <= 1


def test_the_interval_of_a_rate_holds_it_and_is_none_for_one_place() -> None:
    month = 1_000 * 365.25 * 24 * HOUR_MS / 12_000
    watched = [Watched(str(i), 0, int(month)) for i in range(20)]
    low, high = rate_interval([Alarm(str(i), 1) for i in range(5)], watched, seed=1)
    assert 0 < low < 0.25 < high < 1
    assert np.isnan(rate_interval([], watched[:1], seed=1)[0])
