"""Which steps leave, when, and with what in them: the same however readings are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.batch import ReadingBatch
from metering.entries import Tick
from metering.intervals import IntervalBatch
from metering.site import Site
from metering.site_document import parse_site
from rules.blocks import Columns
from rules.detectors.settings import DetectorSettings
from rules.frontier import Frontier
from rules.settings import RulesSettings
from rules.shard import Shard

T0 = np.datetime64("2026-03-01T16:00:00", "ms")  # a local midnight in Shanghai
HOUR = np.timedelta64(3_600_000, "ms")
MINUTE = np.timedelta64(60_000, "ms")
WATER = ("W", "W1", "W2", "W11", "W12")
QUIET = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))


def site_of(meters: int, zone: str = "Asia/Shanghai", **more: Any) -> Site:
    document = {
        "site": {"id": "s", "timezone": zone},
        "nodes": [{"id": "campus", "kind": "campus"}],
        "meters": [{"id": f"m{i}", "medium": "water", "node": "campus", **more} for i in range(meters)],
    }
    return parse_site(document)


def shard_of(site: Site, recorder: type[Any]) -> tuple[Shard, Any]:
    shard = Shard(site, RulesSettings(detectors={"recorder": DetectorSettings()}), {"recorder": recorder})
    return shard, shard._detectors["recorder"]


def run(site: Site, recorder: type[Any], entries: Any) -> Any:
    shard, seen = shard_of(site, recorder)
    for seq, entry in enumerate(entries, 1):
        shard.process(seq, entry)
    shard.finish()
    return seen


def test_a_step_is_judged_once_all_meters_have_closed_it(recorder, make_readings):
    site = site_of(3, poll_s=900)
    batch = make_readings(["m0", "m1", "m2"], "water_volume", T0, 12, offset_s=[0, 5, 20])
    seen = run(site, recorder, [batch]).seen
    assert len(seen) == 11
    assert seen[0][0] == T0.astype(np.int64) // 900_000
    assert seen[0][1] == (pytest.approx(0.25), None, None), "the first quarter hour of two meters is not whole"
    fourth = seen[4]
    assert fourth[1] == (pytest.approx(0.25), pytest.approx(0.5), pytest.approx(0.75))
    assert fourth[3] == str(T0 + 75 * MINUTE + np.timedelta64(20_000, "ms"))
    assert fourth[4] == 60


def test_a_silent_meter_is_waited_for_until_the_deadline_and_then_missing(recorder, make_readings, joined):
    site = site_of(2, poll_s=900)
    batch = joined(
        make_readings(["m0"], "water_volume", T0, 24), make_readings(["m1"], "water_volume", T0, 9, rates=[2.0])
    )
    seen = run(site, recorder, [batch]).seen
    by_step = {s[0] - seen[0][0]: s for s in seen}
    assert by_step[7][1] == (pytest.approx(0.25), pytest.approx(0.5))
    assert by_step[8][1] == (pytest.approx(0.25), None)
    assert by_step[8][3] == str(T0 + 9 * 15 * MINUTE + 30 * MINUTE)


def test_the_wait_follows_the_slowest_meter_from_the_next_midnight_on(recorder, make_readings, joined):
    site = site_of(2, poll_s=900)
    hourly = make_readings(["m1"], "water_volume", T0, 24 * 3, every_s=3600)
    cut_off = hourly.take(hourly.time <= T0 + 60 * HOUR)
    batch = joined(make_readings(["m0"], "water_volume", T0, 96 * 3), cut_off)
    seen = run(site, recorder, [batch]).seen
    first_day = [s for s in seen if s[5] == seen[0][5]]
    # On the first day the site file's 15 min count: 30 min of waiting lose all but the two quarters before the hour.
    assert [s[1][1] is None for s in first_day[:4]] == [True, False, False, False]
    later = [s for s in seen if s[5] == seen[0][5] + 1]
    assert all(s[1][1] == pytest.approx(0.25) for s in later)
    missing = [s for s in seen if s[5] == seen[0][5] + 2 and s[1][1] is None]
    end = np.datetime64((missing[0][0] + 1) * 900_000, "ms")
    assert missing[0][3] == str(end + 2 * HOUR)


def test_a_meter_that_died_days_ago_is_not_waited_for(recorder, make_readings, joined):
    site = site_of(2, poll_s=900)
    batch = joined(make_readings(["m0"], "water_volume", T0, 96 * 5), make_readings(["m1"], "water_volume", T0, 30))
    seen = run(site, recorder, [batch]).seen
    last = seen[-1]
    assert last[3] == str(np.datetime64((last[0] + 1) * 900_000, "ms"))
    assert last[1][1] is None
    moments = [s[3] for s in seen]
    assert moments == sorted(moments), "no step is judged before the one before it"


def test_a_reading_that_comes_after_the_deadline_is_not_judged(recorder, make_readings, joined):
    site = site_of(2, poll_s=900)
    other = make_readings(["m1"], "water_volume", T0, 40)
    silent = (other.time > T0 + HOUR) & (other.time < T0 + 4 * HOUR)
    batch = joined(make_readings(["m0"], "water_volume", T0, 40), other.take(~silent))
    seen = run(site, recorder, [batch]).seen
    missing = [i for i, s in enumerate(seen) if s[1][1] is None]
    # Silent from 01:00 to 04:00; the reading at 04:00 closes 03:15 on within 30 min of waiting: 03:15, 03:30, 03:45.
    assert missing == list(range(4, 13))


def test_blocks_never_cross_a_local_midnight(recorder, make_readings):
    site = site_of(1)
    seen = run(site, recorder, [make_readings(["m0"], "water_volume", T0 - 2 * HOUR, 96 + 20)])
    assert len(seen.seen) == 96 + 19
    assert all(len(days) == 1 for days in seen.block_days)
    for row in seen.seen:
        local = row[0] * 15 + 8 * 60
        assert (row[5], row[4]) == (local // 1440, local % 1440)


@pytest.mark.parametrize(("start", "steps"), [("2026-03-28T23:00", 92), ("2026-10-24T22:00", 100)])
def test_days_of_23_and_25_hours_are_whole(recorder, make_readings, start, steps):
    site = site_of(1, "Europe/Rome")
    batch = make_readings(["m0"], "water_volume", np.datetime64(start, "ms"), steps + 4)
    seen = run(site, recorder, [batch]).seen
    assert sum(s[5] == seen[0][5] for s in seen) == steps


def test_silence_of_the_whole_site_in_a_file_is_ours(recorder, make_readings, joined):
    site = site_of(2, poll_s=900)
    names = ["m0", "m1"]
    batch = joined(
        make_readings(names, "water_volume", T0, 41), make_readings(names, "water_volume", T0 + 20 * HOUR, 20)
    )
    seen = run(site, recorder, [batch]).seen
    ours = [s[0] - seen[0][0] for s in seen if s[6]]
    assert ours == list(range(40, 80))


def test_silence_while_the_clock_goes_on_is_not_ours(recorder, make_readings):
    site = site_of(2, poll_s=900)
    entries = [make_readings(["m0", "m1"], "water_volume", T0, 9)]
    entries += [Tick(T0 + 2 * HOUR + i * MINUTE) for i in range(1, 200)]
    seen = run(site, recorder, entries).seen
    assert not any(s[6] for s in seen)
    assert seen[-1][1] == (None, None)
    assert seen[-1][0] - seen[0][0] >= 8 + 8


def test_time_when_the_collector_was_down_is_ours(recorder, make_readings):
    site = site_of(1, poll_s=900)
    entries = [
        make_readings(["m0"], "water_volume", T0, 9),
        Tick(T0 + 2 * HOUR),
        Tick(T0 + 4 * HOUR, down_since=T0 + 2 * HOUR),
        Tick(T0 + 5 * HOUR),
    ]
    seen = run(site, recorder, entries).seen
    assert [s[6] for s in seen[:17]] == [False] * 8 + [True] * 8 + [False]


def test_a_collector_that_was_away_for_no_time_leaves_no_gap(recorder, make_readings):
    """Its first tick again, in the middle of a step: the gap of no length made that whole step ours."""
    site = site_of(1, poll_s=900)
    again = T0 + 2 * HOUR + 5 * MINUTE
    entries = [
        make_readings(["m0"], "water_volume", T0, 9),
        Tick(again),
        Tick(again, down_since=again),
        *(Tick(again + i * 30 * MINUTE) for i in range(1, 7)),
    ]
    assert not any(s[6] for s in run(site, recorder, entries).seen)


def test_one_meter_with_a_mad_clock_holds_nobody_up(recorder, make_readings):
    site = site_of(3, poll_s=900)
    names = ["m0", "m1"]
    years = np.timedelta64(5 * 365 * 24 * 3600 * 1000, "ms")
    entries: list[ReadingBatch] = []
    for i in range(96):
        at = T0 + i * 15 * MINUTE
        entries.append(make_readings(["m2"], "water_volume", at + years, 1))
        entries.append(make_readings(names, "water_volume", at, 1))
    seen = run(site, recorder, entries).seen
    assert len(seen) > 90
    assert all(None not in s[1][:2] for s in seen)


def test_a_mad_clock_at_the_very_start_does_not_set_the_time(recorder, make_readings):
    site = site_of(3, poll_s=900)
    entries = [make_readings(["m2"], "water_volume", np.datetime64("2000-01-01", "ms"), 3)]
    entries += [make_readings(["m0", "m1"], "water_volume", T0, 20)]
    seen = run(site, recorder, entries).seen
    assert seen[0][0] == T0.astype(np.int64) // 900_000


def test_months_without_a_word_are_passed_over(recorder, make_readings, joined):
    site = site_of(2, poll_s=900)
    names = ["m0", "m1"]
    later = T0 + np.timedelta64(365 * 24 * 3_600_000, "ms")
    batch = joined(make_readings(names, "water_volume", T0, 100), make_readings(names, "water_volume", later, 100))
    seen = run(site, recorder, [batch]).seen
    assert len(seen) < 8 * 96
    assert seen[-1][1] == (pytest.approx(0.25), pytest.approx(0.5))


def test_who_is_not_waited_for_still_counts_if_it_speaks_at_the_same_moment(recorder, make_readings, joined, cut_at):
    """m1 comes back after five days: its reading stands in the file right after the one that closes the step."""
    site = site_of(2, poll_s=900)
    late = {"offset_s": [7]}
    back = make_readings(["m1"], "water_volume", T0 + 120 * HOUR, 20, rates=[2.0], **late)
    early = make_readings(["m1"], "water_volume", T0, 30, rates=[2.0], **late)
    batch = joined(make_readings(["m0"], "water_volume", T0, 500, **late), early, back)
    whole = run(site, recorder, [batch]).seen
    single = run(site, recorder, cut_at(batch, range(len(batch)))).seen
    assert single == whole
    returned = int((T0 + 120 * HOUR).astype(np.int64)) // 900_000 + 1
    assert [s[1][1] for s in whole if s[0] == returned] == [pytest.approx(0.5)]


def test_a_correction_in_time_counts_and_does_not_make_its_cell_late():
    frontier = Frontier(Columns(site_of(2, poll_s=900)))
    step = int(T0.astype(np.int64)) // 900_000
    end = T0 + 15 * MINUTE
    frontier.start(int(T0.astype(np.int64)))

    def add(usage: float, closed: np.datetime64, *, corrected: bool) -> None:
        one = IntervalBatch(
            ("m0",),
            np.zeros(1, np.int32),
            np.array([50], np.uint8),
            np.array([T0]),
            np.array([usage]),
            np.zeros(1, "u2"),
        )
        frontier.add(one, np.array([closed]), np.array([corrected]))

    add(1.0, end, corrected=False)
    add(0.7, end + 2 * HOUR, corrected=True)
    later = int((end + 4 * HOUR).astype(np.int64))
    assert frontier.needs_day(later)
    frontier.begin_day()
    block = frontier.take(later, np.zeros(2, bool))
    assert (block.first_step, block.usage[0, 0]) == (step, 0.7)
    assert np.isnan(block.usage[0, 1])


def test_a_restart_between_any_two_entries_loses_nothing(recorder, make_readings):
    site = site_of(2, poll_s=900)
    rules = RulesSettings(detectors={"recorder": DetectorSettings()})
    names = ["m0", "m1"]
    entries = [make_readings(names, "water_volume", T0 + i * 15 * MINUTE, 1) for i in range(9)]
    entries += [Tick(T0 + 2 * HOUR), Tick(T0 + 4 * HOUR, down_since=T0 + 2 * HOUR)]
    entries += [Tick(T0 + 4 * HOUR + i * 10 * MINUTE) for i in range(1, 12)]
    whole = run(site, recorder, entries).seen
    shard, rows = shard_of(site, recorder)[0], []
    for seq, entry in enumerate(entries, 1):
        shard = Shard.restore(shard.snapshot(), site, rules, {"recorder": recorder})
        shard.process(seq, entry)
        rows += [row for row in shard._detectors["recorder"].seen if row]
    assert rows == whole[: len(rows)]
    assert sum(row[6] for row in rows) == 8


def test_a_register_event_seen_before_a_restart_is_told_after_it(recorder, make_readings, cut_at):
    site = site_of(2, poll_s=900, register_digits=3, max_flow_m3_per_h=50)
    rules = RulesSettings(detectors={"recorder": DetectorSettings()})
    batch = make_readings(["m0", "m1"], "water_volume", T0, 20, rates=[1.0, 1.0])
    rolled = ReadingBatch(
        *((batch.value + 998.0) % 1000 if n == "value" else getattr(batch, n) for n in ReadingBatch.__slots__)
    )
    whole = run(site, recorder, [rolled]).events
    assert [e[:2] for e in whole] == [("m0", "rollover"), ("m1", "rollover")]
    shard, told = shard_of(site, recorder)[0], []
    for seq, entry in enumerate(cut_at(rolled, range(len(rolled))), 1):
        shard = Shard.restore(shard.snapshot(), site, rules, {"recorder": recorder})
        shard.process(seq, entry)
        told += shard._detectors["recorder"].events
    assert told == whole


@QUIET
@given(data=st.data())
def test_cuts_change_nothing(data, recorder, make_readings, joined, cut_at):
    """Irregular meters with gaps, two of them slow, over three days: cut anywhere, the same steps leave."""
    site = site_of(4, poll_s=900)
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    parts = []
    for i, every in enumerate((300, 900, 3600, 900)):
        whole = make_readings([f"m{i}"], "water_volume", T0, 3 * 86400 // every, every_s=every, offset_s=[7 * i])
        kept = rng.random(len(whole)) > 0.1
        lost = rng.integers(0, len(whole), 2)
        kept[lost.min() : lost.max()] &= rng.random() > 0.5
        parts.append(whole.take(kept))
    batch = joined(*parts)
    whole_run = run(site, recorder, [batch])
    places = data.draw(st.lists(st.integers(1, len(batch)), max_size=40))
    cut_run = run(site, recorder, cut_at(batch, places))
    moments = [s[3] for s in whole_run.seen]
    assert moments == sorted(moments)
    assert cut_run.seen == whole_run.seen
    assert cut_run.events == whole_run.events


def test_one_reading_at_a_time_is_the_same_as_the_whole_file(recorder, make_readings, joined, cut_at):
    site = site_of(3, poll_s=900)
    parts = [make_readings([f"m{i}"], "water_volume", T0, 200, offset_s=[3 * i]) for i in range(3)]
    gone = (parts[1].time > T0 + 10 * HOUR) & (parts[1].time < T0 + 17 * HOUR)
    reset = parts[2].value.copy()
    reset[120:] -= reset[119]
    parts[1] = parts[1].take(~gone)
    parts[2] = ReadingBatch(*(reset if n == "value" else getattr(parts[2], n) for n in ReadingBatch.__slots__))
    batch = joined(*parts)
    whole_run = run(site, recorder, [batch])
    assert whole_run.events, "the reset is seen"
    single = run(site, recorder, cut_at(batch, range(len(batch))))
    assert single.seen == whole_run.seen
    assert single.events == whole_run.events
