"""The shard as a whole, with the real detectors: cuts, restarts, revisions, rebuilding, backtest lines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.batch import ReadingBatch, batch_of
from metering.entries import Revision, Tick
from metering.incident import Category, ChangeKind
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site
from rules.backtest import AlertLines, FindingLines, backtest
from rules.rebuild import rebuild
from rules.settings import RulesSettings, parse_rules
from rules.shard import Shard, ShardEvents
from rules.snapshot import SnapshotError, pack, unpack

T0 = np.datetime64("2026-03-01T16:00:00", "ms")  # a local midnight in Shanghai
DAY_MS = 86_400_000
DAYS = 30
LEAK_FROM, LEAK_UNTIL = 20, 27  # days
FEW = settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))


def town() -> Site:
    document = {
        "site": {"id": "town", "timezone": "Asia/Shanghai"},
        "nodes": [
            {"id": "campus", "kind": "campus"},
            *({"id": f"dorm-{i}", "kind": "building", "parent": "campus", "use": "dormitory"} for i in range(3)),
        ],
        "meters": [
            {"id": "main", "medium": "water", "node": "campus", "poll_s": 900},
            *(
                {"id": f"w{i}", "medium": "water", "node": f"dorm-{i}", "parent": "main", "poll_s": 900}
                for i in range(3)
            ),
        ],
    }
    return parse_site(document)


def town_readings(seed: int = 1, days: int = DAYS) -> ReadingBatch:
    """Three dorms and their main; a leak of 0.4 m3/h between them; a dorm's meter is dead for two days."""
    rng = np.random.default_rng(seed)
    steps = days * 96
    hour = np.arange(steps) % 96 / 4
    shape = 0.1 + np.exp(-(((hour - 7.5) / 2) ** 2)) + np.exp(-(((hour - 21) / 2.5) ** 2))
    use = shape[:, None] * rng.gamma(4, 0.25, (steps, 3)) * np.array([0.3, 0.4, 0.5]) / 4
    leak = np.zeros(steps)
    leak[LEAK_FROM * 96 : LEAK_UNTIL * 96] = 0.4 / 4
    flow = np.column_stack([use.sum(axis=1) + leak, use])
    register = np.vstack([np.zeros(4), flow.cumsum(axis=0)])
    time = T0 + (np.arange(steps + 1) * 900_000).astype("m8[ms]")
    keep = rng.random(register.shape) > 0.01
    keep[0] = True
    keep[10 * 96 : 12 * 96, 2] = False
    step, meter = np.nonzero(keep)
    names = ("main", "w0", "w1", "w2")
    return batch_of(names, meter, BY_NAME["water_volume"].code, time[step], np.round(register[step, meter], 3))


@pytest.fixture(scope="module")
def readings() -> ReadingBatch:
    return town_readings()


@pytest.fixture(scope="module")
def whole(readings) -> dict[str, Any]:
    shard = Shard(town())
    return gathered([shard.process(1, readings), shard.finish()])


def gathered(events: list[ShardEvents]) -> dict[str, Any]:
    """All changes and findings, and the last value of every interval."""
    intervals = {}
    for e in events:
        b = e.intervals
        rows = zip(b.meter.tolist(), b.start.tolist(), b.usage.tolist(), b.quality.tolist(), strict=True)
        intervals |= {(b.meters[m], start): (round(u, 9), q) for m, start, u, q in rows}
    return {
        "changes": [c for e in events for c in e.changes],
        "findings": [f for e in events for f in e.findings],
        "intervals": intervals,
    }


def told(changes) -> list[tuple[str, str, str]]:
    return [(c.kind.value, c.incident.category.value, c.incident.node) for c in changes]


def test_the_leak_is_one_alert_at_its_place(whole):
    leaks = [c for c in whole["changes"] if c.incident.category is Category.LEAK]
    assert {c.incident.id for c in leaks} == {leaks[0].incident.id}
    first, last = leaks[0], leaks[-1]
    assert (first.kind, last.kind) == (ChangeKind.RAISED, ChangeKind.CLEARED)
    assert first.incident.node == "campus"
    assert T0 + np.timedelta64(LEAK_FROM * DAY_MS, "ms") <= first.time
    assert last.incident.loss_rate == pytest.approx(0.4, rel=0.15)
    assert last.time >= T0 + np.timedelta64(LEAK_UNTIL * DAY_MS, "ms")


@FEW
@given(data=st.data())
def test_cuts_change_nothing(data, readings, whole, cut_at):
    places = data.draw(st.lists(st.integers(1, len(readings)), max_size=60))
    shard = Shard(town())
    parts = [shard.process(i, b) for i, b in enumerate(cut_at(readings, places), 1)]
    assert gathered([*parts, shard.finish()]) == whole


def test_step_by_step_as_live_is_the_same(readings, whole, cut_at):
    shard = Shard(town())
    rows = np.flatnonzero(np.diff(readings.time.astype(np.int64)) > 0) + 1
    parts = [shard.process(i, b) for i, b in enumerate(cut_at(readings, rows.tolist()), 1)]
    assert gathered([*parts, shard.finish()]) == whole


@FEW
@given(data=st.data())
def test_restart_from_a_snapshot_at_any_cut_goes_on_as_if_nothing_was(data, readings, whole, cut_at):
    places = data.draw(st.lists(st.integers(1, len(readings)), min_size=1, max_size=12))
    shard = Shard(town())
    events = []
    for seq, batch in enumerate(cut_at(readings, places), 1):
        events.append(shard.process(seq, batch))
        shard = Shard.restore(shard.snapshot(), town())
        assert shard.applied_seq == seq
    events.append(shard.finish())
    assert gathered(events) == whole


def test_a_restart_every_few_hours_around_the_leak(readings, whole, cut_at):
    rows = np.searchsorted(readings.time, T0 + np.arange(int(19.8 * 24), 22 * 24, 3) * np.timedelta64(3_600_000, "ms"))
    shard = Shard(town())
    events = []
    for seq, batch in enumerate(cut_at(readings, rows.tolist()), 1):
        events.append(shard.process(seq, batch))
        shard = Shard.restore(shard.snapshot(), town())
    assert gathered([*events, shard.finish()]) == whole


def test_a_restart_around_a_register_reset(readings, cut_at):
    """Between the reading that shows the reset and the moment it is judged there may be a restart."""
    value = readings.value.copy()
    reset = (readings.meter == 3) & (readings.time >= T0 + np.timedelta64(9 * DAY_MS, "ms"))
    value[reset] -= value[reset][0]
    columns = {name: getattr(readings, name) for name in ReadingBatch.__slots__} | {"value": value}
    batch = until(ReadingBatch(**columns), 11)
    whole_run = gathered([Shard(town()).process(1, batch)])
    faults = [(c.kind.value, c.incident.subject) for c in whole_run["changes"] if "data" in c.incident.category]
    assert faults[0] == ("raised", "w2")
    first = int(np.flatnonzero(reset)[0])
    for place in range(first - 3, first + 12):
        shard, events = Shard(town()), []
        for seq, part in enumerate(cut_at(batch, [place, place + 1]), 1):
            events.append(shard.process(seq, part))
            shard = Shard.restore(shard.snapshot(), town())
        assert gathered(events) == whole_run, place


def test_a_snapshot_of_other_rules_meters_or_code_is_refused(readings, cut_at):
    shard = Shard(town())
    shard.process(1, next(iter(cut_at(readings, [2000]))))
    blob = shard.snapshot()
    with pytest.raises(SnapshotError, match="rules"):
        Shard.restore(blob, town(), parse_rules({"incidents": {"echo_share": 0.1}}))
    other = parse_site({"site": {"id": "o", "timezone": "UTC"}, "meters": [{"id": "x", "medium": "water"}]})
    with pytest.raises(SnapshotError, match="site"):
        Shard.restore(blob, other)
    state = unpack(blob)
    with pytest.raises(SnapshotError, match="code"):
        Shard.restore(pack({**state, "code": "older"}), town())
    del state["frontier"]["days"]
    with pytest.raises(SnapshotError, match="does not fit"):
        Shard.restore(pack(state), town())


def test_another_revision_asks_for_a_rebuild():
    shard = Shard(town())
    same = Revision("rules", shard.rules_revision, {})
    assert shard.process(1, same).rebuild is None
    other = Revision("rules", "other", {})
    assert shard.process(2, other).rebuild is other
    assert shard.applied_seq == 2


def test_late_readings_correct_intervals_and_judge_nothing_again(readings):
    gap = (readings.meter == 1) & (readings.time > T0 + np.timedelta64(40 * 3_600_000, "ms"))
    gap &= readings.time < T0 + np.timedelta64(44 * 3_600_000, "ms")
    early = readings.time < T0 + np.timedelta64(3 * DAY_MS, "ms")
    shard = Shard(town())
    shard.process(1, readings.take(early & ~gap))
    judged = shard.judged_until
    events = shard.process(2, readings.take(gap))
    assert len(events.intervals)
    assert set(events.intervals.start.tolist()) <= set((T0 + (np.arange(150, 190) * 900_000).astype("m8[ms]")).tolist())
    assert (events.changes, events.findings, shard.judged_until) == ((), (), judged)


def test_ticks_alone_start_and_move_a_shard():
    shard = Shard(town())
    for i in range(60 * 5):
        shard.process(i + 1, Tick(T0 + np.timedelta64(i * 60_000, "ms")))
    assert shard.judged_until is not None
    assert T0 < shard.judged_until < T0 + np.timedelta64(5 * 3_600_000, "ms")


def test_silence_of_the_whole_site_while_the_clock_goes_on_is_one_alert(readings):
    """No reading of anybody for six hours, but ticks: the collector was there."""
    shard = Shard(town())
    shard.process(1, until(readings, 15))
    end = T0 + np.timedelta64(15 * DAY_MS, "ms")
    ticks = [Tick(end + np.timedelta64(i * 60_000, "ms")) for i in range(6 * 60)]
    changes = [c for i, tick in enumerate(ticks) for c in shard.process(i + 2, tick).changes]
    shown = [c for c in changes if c.kind is ChangeKind.RAISED and c.incident.inhibited_by is None]
    assert told(shown) == [("raised", "data_quality", "campus")]
    assert shown[0].incident.evidence["place_reason"]["code"] == "site_silent"


def test_silence_while_the_collector_was_down_is_no_alert(readings):
    shard = Shard(town())
    shard.process(1, until(readings, 15))
    end = T0 + np.timedelta64(15 * DAY_MS, "ms")
    shard.process(2, Tick(end))
    events = shard.process(3, Tick(end + np.timedelta64(9 * 3_600_000, "ms"), down_since=end))
    assert events.changes == ()
    assert shard.judged_until > end


# -- backtest ----------------------------------------------------------------------------------------------------------

LINE_KEYS = {
    "rule", "category", "medium", "subject", "node", "severity", "detected_at", "onset_at", "closed_at", "observed",
    "expected", "unit", "loss_rate", "loss_total", "evidence",
}  # fmt: skip


def lines_of(readings: ReadingBatch, cut_at, places) -> tuple[list[Any], list[Any], list[Any]]:
    alerts, findings, progress = AlertLines(), FindingLines(), []
    parts = cut_at(readings, places)
    for events in backtest(town(), RulesSettings(), parts, progress=lambda n, t: progress.append((n, t))):
        alerts.add(events.changes)
        findings.add(events.findings)
    return list(alerts.lines()), list(findings.lines()), progress


def test_backtest_lines_have_the_agreed_members_and_are_json(readings, cut_at):
    alerts, findings, progress = lines_of(readings, cut_at, [3000, 6000])
    assert [n for n, _ in progress] == [3000, 6000, len(readings)]
    assert alerts
    for line in alerts:
        assert set(line) == LINE_KEYS
        assert json.loads(json.dumps(line, allow_nan=False)) == line
        assert line["onset_at"] <= line["detected_at"] <= (line["closed_at"] or "9")
    leak = next(x for x in alerts if x["category"] == "leak")
    assert (leak["node"], leak["closed_at"] is not None) == ("campus", True)
    for line in findings:
        assert set(line) == {"rule", "category", "subject", "node", "start", "end", "size", "unit"}
        json.dumps(line, allow_nan=False)


def test_backtest_lines_do_not_depend_on_batches(readings, cut_at):
    assert lines_of(readings, cut_at, [17, 5000])[:2] == lines_of(readings, cut_at, [])[:2]


# -- rebuild -----------------------------------------------------------------------------------------------------------


def until(readings: ReadingBatch, day: float) -> ReadingBatch:
    return readings.take(readings.time < T0 + np.timedelta64(round(day * DAY_MS), "ms"))


def test_a_rebuild_keeps_the_alerts_that_still_stand(readings):
    part = until(readings, 24)
    live = Shard(town())
    live.process(1, part)
    standing = live.open_incidents
    assert [i.node for i in standing] == ["campus"]
    taken = []
    now = part.time[-1]
    new = rebuild(town(), RulesSettings(), [part], standing, seq=7, at=now, intervals=taken.append)
    assert told(new.changes) == [("updated", "leak", "campus")]
    assert new.changes[0].incident.id == standing[0].id
    assert new.shard.applied_seq == 7
    assert sum(map(len, taken)) > 4 * 90 * 23
    rest = readings.take(readings.time > now)
    assert [c.kind for c in live.process(2, rest).changes] == [c.kind for c in new.shard.process(8, rest).changes]


def test_a_rebuild_under_other_rules_takes_over_ids_and_withdraws(readings):
    part = until(readings, 24)
    live = Shard(town())
    live.process(1, part)
    (leak,) = live.open_incidents
    old = replace(leak, id="old-id")
    gone = replace(leak, id="gone-id", category=Category.CONSUMPTION)
    new = rebuild(town(), RulesSettings(), [part], [old, gone], seq=7, at=part.time[-1])
    assert [(c.kind.value, c.incident.id) for c in new.changes] == [("updated", "old-id"), ("cleared", "gone-id")]
    assert new.changes[1].incident.evidence["cleared_because"] == "rules_changed"
    assert [i.id for i in new.shard.open_incidents] == ["old-id"]
    rest = readings.take(readings.time > part.time[-1])
    assert new.shard.process(8, rest).changes[-1].incident.id == "old-id"


def test_a_rebuild_tells_of_what_is_new_and_of_what_has_cleared(readings):
    part = until(readings, 24)
    live = Shard(town())
    live.process(1, part)
    fresh = rebuild(town(), RulesSettings(), [part], [], seq=7, at=part.time[-1])
    assert told(fresh.changes) == [("raised", "leak", "campus")]
    later = rebuild(town(), RulesSettings(), [readings], live.open_incidents, seq=9, at=readings.time[-1])
    assert told(later.changes) == [("cleared", "leak", "campus")]
    assert later.changes[0].incident.closed_at < readings.time[-1]


def test_what_came_and_went_since_the_earlier_state_is_kept(readings):
    """The rules were away for more than the journal keeps: an alert of that time is history, but it was one."""
    now = readings.time[-1]
    seen = rebuild(town(), RulesSettings(), [readings], [], seq=9, at=now, since=until(readings, 24).time[-1])
    assert (seen.passed, seen.changes) == ((), ()), "it began before, and the earlier state told of it"
    missed = rebuild(town(), RulesSettings(), [readings], [], seq=9, at=now, since=until(readings, 10).time[-1])
    (leak,) = (i for i in missed.passed if i.category is Category.LEAK)
    assert leak.node == "campus"
    assert leak.detected_at < leak.closed_at < now
    assert rebuild(town(), RulesSettings(), [readings], [], seq=9, at=now).passed == ()


# -- rules of the user's own -------------------------------------------------------------------------------------------


def test_a_rule_of_the_users_own_is_judged_like_any_other(readings, cut_at):
    """Whole, by days from snapshots, or as a backtest: the same alert."""
    rule = {"id": "night", "when": "mean(flow, 3 h) > 0.45 and hour >= 3 and hour < 5", "for": "1 h"}
    rules = parse_rules({"threshold": {"rules": [rule | {"meters": ["main"], "category": "supply"}]}}, town())
    whole = gathered([Shard(town(), rules).process(1, readings)])
    said = [f for f in whole["findings"] if f.rule == "threshold:night"]
    assert said
    shard, events = Shard(town(), rules), []
    rows = np.searchsorted(readings.time, T0 + np.arange(20 * 24, 23 * 24, 2) * np.timedelta64(3_600_000, "ms"))
    for seq, part in enumerate(cut_at(readings, rows.tolist()), 1):
        events.append(shard.process(seq, part))
        shard = Shard.restore(shard.snapshot(), town(), rules)
    assert gathered(events) == whole
    lines = AlertLines()
    for e in backtest(town(), rules, [readings]):
        lines.add(e.changes)
    own = [line for line in lines.lines() if line["rule"] == "threshold:night"]
    assert [line["category"] for line in own] == ["supply"] * len([f for f in said if f.phase == "open"])
