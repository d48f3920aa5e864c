"""What the rules say reaches the records: each change once, whole, with audit and outbox."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alerts.values import RULES, Action, Actor, AlertState, DeliveryState, NotifyReason, Outcome
from metering.batch import to_datetime
from metering.incident import ChangeKind, Severity


def actions(records, alert="leak-1"):
    return [entry.action for entry in records.audit_of(alert)]


def told(records, alert="leak-1"):
    return [(d.reason, d.state) for d in records.deliveries_of(alert)]


def test_a_raised_incident_becomes_an_alert_with_every_figure(records, rules):
    (alert,) = records.apply([rules.raised()], 7)
    assert alert == records.get_alert("leak-1")
    assert (alert.state, alert.acknowledged, alert.version) == (AlertState.ACTIVE, False, 0)
    assert (alert.rule, alert.category, alert.medium) == ("minimum_night_flow", "leak", "water")
    assert (alert.subject, alert.node, alert.severity) == ("W-D2-MAIN", "dorm-2", Severity.WARNING)
    assert (alert.observed, alert.expected, alert.unit) == (0.61, 0.19, "m3/h")
    assert (alert.loss_rate, alert.loss_total, alert.rules_revision) == (0.42, 31.2, "r1")
    assert alert.detected_at.isoformat() == "2026-11-20T00:00:00+00:00"
    assert alert.onset_at.isoformat() == "2026-11-18T22:00:00+00:00"
    assert alert.closed_at is None
    assert alert.evidence == {"place_reason": "the floors' own meters show nothing of it"}
    (entry,) = records.audit_of("leak-1")
    assert (entry.action, entry.actor, entry.detail["rules_revision"]) == (Action.RAISED, RULES.name, "r1")
    assert entry.event_at == alert.detected_at
    assert told(records) == [(NotifyReason.RAISED, DeliveryState.PENDING)]
    assert records.applied_seq() == 7


def test_an_entry_is_applied_once(records, rules):
    records.apply([rules.raised()], 7)
    assert records.apply([rules.raised(), rules.raised("leak-2")], 7) == ()
    assert records.apply([rules.cleared()], 6) == ()
    assert records.get_alert("leak-1").is_active
    assert actions(records) == [Action.RAISED]
    assert len(records.recent_deliveries()) == 1


def test_a_fault_half_way_leaves_nothing_of_the_entry(records, rules):
    class WouldBreak(dict):
        def items(self):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        records.apply([rules.raised(), rules.raised("leak-2", evidence=WouldBreak())], 7)
    assert records.applied_seq() == 0
    assert records.find_alerts().items == ()
    assert records.recent_deliveries() == ()
    records.save_snapshot(9, "c", "r", b"")
    assert len(records.apply([rules.raised()], 7)) == 1  # the failed entry may still come again


def test_figures_that_make_no_sense_are_missing_not_zero(records, rules):
    evidence = {
        "worst": np.float64("nan"), "series": np.array([1.5, np.inf]), "count": np.int32(3), "sure": np.bool_(True),
        "from": np.datetime64("2026-11-20T01:00", "ms"), "never": np.datetime64("NaT"), "kind": Severity.INFO,
        "times": np.array(["2026-11-20T01:00"], "datetime64[ms]"), 5: ("a", None),
    }  # fmt: skip
    (alert,) = records.apply([rules.raised(observed=float("nan"), loss_rate=float("inf"), evidence=evidence)], 1)
    assert (alert.observed, alert.loss_rate) == (None, None)
    assert records.get_alert("leak-1").evidence == {
        "worst": None, "series": [1.5, None], "count": 3, "sure": True, "from": "2026-11-20T01:00:00.000Z",
        "never": None, "kind": "info", "times": ["2026-11-20T01:00:00.000Z"], "5": ["a", None],
    }  # fmt: skip


def test_an_inhibited_incident_is_told_to_nobody_until_it_is_released(records, rules):
    records.apply([rules.raised("parent"), rules.raised(inhibited_by="parent")], 1)
    assert records.get_alert("leak-1").inhibited_by == "parent"
    records.apply([rules.change(ChangeKind.ESCALATED, severity=Severity.CRITICAL, inhibited_by="parent")], 2)
    assert told(records) == []
    records.apply([rules.change(ChangeKind.RELEASED, severity=Severity.CRITICAL)], 3)
    assert told(records) == [(NotifyReason.RAISED, DeliveryState.PENDING)]
    assert actions(records) == [Action.RAISED, Action.ESCALATED, Action.RELEASED]


def test_an_incident_may_be_explained_by_one_of_an_earlier_or_later_entry(records, rules):
    records.apply([rules.raised("parent")], 1)
    records.apply([rules.raised("child", inhibited_by="parent"), rules.raised("early", inhibited_by="later")], 2)
    assert [records.get_alert(i).inhibited_by for i in ("child", "early")] == ["parent", "later"]


def test_what_has_not_gone_out_is_withdrawn_when_the_incident_is_inhibited(records, rules):
    records.apply([rules.raised()], 1)
    records.apply([rules.change(ChangeKind.INHIBITED, inhibited_by="parent")], 2)
    assert told(records) == [(NotifyReason.RAISED, DeliveryState.WITHDRAWN)]
    records.apply([rules.change(ChangeKind.RELEASED)], 3)
    assert sorted(told(records)) == [
        (NotifyReason.RAISED, DeliveryState.PENDING),
        (NotifyReason.RAISED, DeliveryState.WITHDRAWN),
    ]


def test_an_escalation_is_told_unless_the_same_entry_raised_it(records, rules):
    worse = {"severity": Severity.CRITICAL}
    records.apply([rules.raised(), rules.change(ChangeKind.ESCALATED, **worse)], 1)
    assert told(records) == [(NotifyReason.RAISED, DeliveryState.PENDING)]
    assert records.get_alert("leak-1").severity is Severity.CRITICAL
    records.apply([rules.change(ChangeKind.ESCALATED, **worse)], 2)
    assert [reason for reason, _ in told(records)].count(NotifyReason.ESCALATED) == 1


def test_cleared_is_told_only_where_the_policy_says_so(open_records, rules):
    records = open_records()
    records.apply([rules.raised()], 1)
    records.apply([rules.cleared()], 2)
    assert [reason for reason, _ in told(records)] == [NotifyReason.RAISED]
    eager = open_records(reasons=frozenset(NotifyReason))
    eager.apply([rules.raised("leak-2"), rules.cleared("leak-2")], 3)
    assert {reason for reason, _ in told(eager, "leak-2")} == {NotifyReason.RAISED, NotifyReason.CLEARED}


def test_each_channel_has_a_notification_of_its_own(open_records, rules):
    records = open_records("hook", "mail")
    records.apply([rules.raised()], 1)
    deliveries = records.deliveries_of("leak-1")
    assert {d.channel for d in deliveries} == {"hook", "mail"}
    assert len({d.id for d in deliveries}) == 2


def test_clearing_leaves_what_people_did(records, rules):
    records.apply([rules.raised()], 1)
    records.acknowledge("leak-1", Actor("li"))
    records.apply([rules.cleared(hours=5)], 2)
    alert = records.get_alert("leak-1")
    assert (alert.state, alert.acknowledged, alert.acknowledged_by) == (AlertState.CLEARED, True, "li")
    assert alert.closed_at.isoformat() == "2026-11-20T05:00:00+00:00"
    records.apply([rules.raised("leak-2", detected_at=rules.start + np.timedelta64(9, "h"))], 3)
    again = records.get_alert("leak-2")
    assert (again.state, again.acknowledged) == (AlertState.ACTIVE, False)
    assert not records.get_alert("leak-1").is_active


def test_a_late_correction_does_not_open_a_cleared_alert(records, rules):
    records.apply([rules.raised()], 1)
    records.apply([rules.cleared()], 2)
    end = rules.start + np.timedelta64(5, "h")
    records.apply([rules.change(ChangeKind.UPDATED, hours=9, loss_total=40.0, closed_at=end)], 3)
    alert = records.get_alert("leak-1")
    assert (alert.state, alert.loss_total) == (AlertState.CLEARED, 40.0)


def test_figures_alone_reach_the_audit_every_six_hours(records, rules):
    records.apply([rules.raised()], 1)
    for quarter in range(1, 4 * 13):
        records.apply([rules.change(ChangeKind.UPDATED, hours=quarter / 4, loss_total=float(quarter))], 1 + quarter)
    assert actions(records) == [Action.RAISED, Action.UPDATED, Action.UPDATED]
    assert records.get_alert("leak-1").loss_total == 51.0


def test_a_move_is_written_at_once(records, rules):
    records.apply([rules.raised(node="campus")], 1)
    records.apply([rules.change(ChangeKind.MOVED, hours=0.25)], 2)
    assert actions(records) == [Action.RAISED, Action.MOVED]
    assert [e.detail["node"] for e in records.audit_of("leak-1")] == ["campus", "dorm-2"]


def test_history_brought_in_is_told_afterwards_and_only_what_is_still_open(records, rules):
    records.apply([rules.raised(), rules.raised("over"), rules.raised("echo", inhibited_by="leak-1")], 1, is_muted=True)
    records.apply([rules.cleared("over")], 2, is_muted=True)
    assert records.recent_deliveries() == ()
    assert records.notify_open() == 1
    assert records.notify_open() == 0
    assert [(d.alert_id, d.reason) for d in records.recent_deliveries()] == [("leak-1", NotifyReason.RAISED)]


def test_the_audit_trail_cannot_be_changed_or_deleted(records, rules):
    records.apply([rules.raised()], 1)
    for statement in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="only ever added to"), records.database.writing() as session:
            session.execute(text(statement))
    assert actions(records) == [Action.RAISED]


def test_an_entry_without_changes_moves_the_position_with_the_next_write(open_records, rules):
    records = open_records()
    assert records.apply((), 4) == ()
    assert records.applied_seq() == 0
    records.save_snapshot(9, "code", "rules", b"state")
    assert records.applied_seq() == 4
    records.apply([rules.raised()], 5)
    assert open_records().applied_seq() == 5


def test_three_snapshots_are_kept_and_the_latest_is_given(records):
    for seq in (10, 30, 20, 40, 50):
        records.save_snapshot(seq, "c1", "r1", bytes([seq]))
    records.save_snapshot(50, "c2", "r2", b"again")
    latest = records.latest_snapshot()
    assert (latest.seq, latest.code_revision, latest.rules_revision, latest.blob) == (50, "c2", "r2", b"again")
    with records.database.reading() as session:
        assert session.execute(text("SELECT seq FROM snapshots ORDER BY seq")).scalars().all() == [30, 40, 50]


def test_there_is_no_snapshot_at_first(records):
    assert records.latest_snapshot() is None
    assert records.applied_seq() == 0


class TestReconcile:
    """A rebuilt state and the open alerts."""

    def test_same_id_goes_on_new_is_raised_gone_is_cleared(self, records, rules, clock):
        records.apply([rules.raised("same"), rules.raised("gone", node="hall")], 1)
        records.acknowledge("same", Actor("li"))
        records.reconcile([rules.incident("same", loss_total=50.0), rules.incident("new", node="canteen")], 9, clock())
        same, gone, new = (records.get_alert(i) for i in ("same", "gone", "new"))
        assert (same.is_active, same.acknowledged, same.loss_total) == (True, True, 50.0)
        assert (gone.state, gone.closed_at) == (AlertState.CLEARED, clock())
        assert records.audit_of("gone")[-1].text.startswith("no longer seen")
        assert new.is_active
        assert [reason for reason, _ in told(records, "new")] == [NotifyReason.RAISED]
        assert len(told(records, "same")) == len(told(records, "gone")) == 1
        assert records.applied_seq() == 9

    def test_the_same_key_under_another_id_stays_the_alert_people_know(self, records, rules, clock):
        records.apply([rules.raised("old-id")], 1)
        records.acknowledge("old-id", Actor("li"))
        (alert,) = records.reconcile([rules.incident("new-id")], 9, clock())
        assert (alert.id, alert.acknowledged, alert.is_active) == ("old-id", True, True)
        records.apply([rules.cleared("new-id")], 10)
        assert not records.get_alert("old-id").is_active
        (again,) = records.apply([rules.raised("old-id")], 11)
        assert again.id != "old-id"
        assert again.is_active
        assert len(records.find_alerts().items) == 2

    def test_twice_is_once(self, records, rules, clock):
        records.apply([rules.raised("old")], 1)
        wanted = [rules.incident("new"), rules.incident("second", node="hall")]
        records.reconcile(wanted, 9, clock())
        before = (records.find_alerts().items, records.recent_deliveries(), actions(records, "old"))
        records.reconcile(wanted, 9, clock())
        assert (records.find_alerts().items, records.recent_deliveries(), actions(records, "old")) == before

    def test_what_passed_unseen_is_history_and_told_to_nobody(self, records, rules, clock):
        passed = rules.cleared("brief", hours=3).incident
        for _ in range(2):
            records.reconcile([], 9, clock(), passed=[passed])
        brief = records.get_alert("brief")
        assert (brief.state, brief.detected_at) == (AlertState.CLEARED, to_datetime(passed.detected_at))
        assert [entry.action for entry in records.audit_of("brief")] == [Action.RAISED, Action.CLEARED]
        assert told(records, "brief") == []

    def test_a_cleared_incident_that_is_open_again_is_opened(self, records, rules, clock):
        records.apply([rules.raised(), rules.cleared(), rules.raised("other")], 1)
        records.resolve("leak-1", Actor("li"), Outcome.REPAIRED)
        records.reconcile([rules.incident()], 9, clock())
        assert records.get_alert("leak-1").is_active
        assert not records.get_alert("other").is_active


def test_one_that_comes_back_needs_somebody_again(records, rules):
    records.apply([rules.raised()], 1)
    mine = records.resolve("leak-1", Actor("plumber"), Outcome.REPAIRED)
    records.apply([rules.cleared()], 2)
    back = rules.change(ChangeKind.REOPENED, hours=20, evidence={"earlier": [{"loss_total": 31.2}]})
    (again,) = records.apply([back], 3)
    assert (again.id, again.state, again.closed_at) == ("leak-1", AlertState.ACTIVE, None)
    assert (again.acknowledged, again.outcome, again.resolved_by) == (False, None, None)
    assert again.version == mine.version + 1, "a page that still shows it as repaired must not write over it"
    assert actions(records)[-3:] == [Action.RESOLVED, Action.CLEARED, Action.REOPENED]
    assert {reason for reason, _ in told(records)} == {NotifyReason.RAISED, NotifyReason.REOPENED}
