"""Figures of the desk, against numbers that were worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.desk_models import BreachRow, EpisodeRow
from alerts.models import AlertRow, AuditRow, OutboxAlertRow, OutboxRow
from alerts.orders.models import OrderRow
from alerts.rows import ms_of
from alerts.statistics.counted import Wanted
from alerts.statistics.discovery import UsualDiscovery
from alerts.statistics.figures import Figures, Statistics
from alerts.statistics.losses import Valuing
from alerts.statistics.scorecards import Scorecards
from alerts.users.roles import Role
from alerts.users.users import users_of
from alerts.values import Actor
from metering.site_document import parse_site

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HOUR = 3600
SITE = parse_site(
    {
        "site": {"id": "s", "timezone": "Asia/Shanghai"},
        "calendar": {
            "terms": [{"name": "autumn", "first": "2026-08-31", "last": "2027-01-17"}],
            "vacations": [{"name": "summer", "first": "2026-07-06", "last": "2026-08-30"}],
        },
        "nodes": [
            {"id": "campus", "kind": "campus"},
            {"id": "east", "kind": "zone", "parent": "campus"},
            {"id": "d1", "kind": "building", "parent": "east"},
            {"id": "d1-f1", "kind": "floor", "parent": "d1"},
            {"id": "d1-f2", "kind": "floor", "parent": "d1"},
            {"id": "d2", "kind": "building", "parent": "east"},
        ],
        "meters": [],
    }
)
VALUING = Valuing({"water": 4.0, "electricity": 0.5}, UsualDiscovery("bill", 5), SITE.zone)


def at(text: str) -> int:
    """Milliseconds of a local time."""
    return ms_of(datetime.fromisoformat(text).replace(tzinfo=SITE.zone))


class Book:
    """Puts rows straight into the records."""

    def __init__(self, records: Any) -> None:
        self.records = records

    def alert(self, name: str, raised: str, **changed: Any) -> None:
        """A leak on d1-f1, two hours old when found; with `hours` it is taken after one and over after so many."""
        detected, hours = at(raised), changed.pop("hours", None)
        row: dict[str, Any] = {
            "id": name, "incident": name, "is_active": hours is None, "rule": "zone_balance", "category": "leak",
            "medium": "water", "subject": "m", "node": "d1-f1", "severity": "warning", "detected_ms": detected,
            "onset_ms": detected - 2 * HOUR * 1000, "raised_ms": detected, "unit": "m3/h", "loss_rate": 1.0,
            "loss_total": 10.0, "evidence": {}, "rules_revision": "r", "updated_ms": detected,
        }  # fmt: skip
        if hours is not None:
            row |= {"closed_ms": detected + int(hours * HOUR * 1000), "is_acknowledged": True,
                    "acknowledged_by": "li", "acknowledged_ms": detected + HOUR * 1000}  # fmt: skip
        self.add(AlertRow(**(row | changed)))

    def told(self, alert: str, ms: int, reason: str = "raised") -> None:
        name = f"{alert}-{ms}-{reason}"
        self.add(
            OutboxRow(id=name, alert_id=alert, channel="hook", detail={}, reason=reason, state="delivered",
                      created_ms=ms, due_ms=ms, delivered_ms=ms),
            OutboxAlertRow(outbox_id=name, alert_id=alert, reason=reason),
        )  # fmt: skip

    def add(self, *rows: Any) -> None:
        with self.records.database.writing() as session:
            for row in rows:
                session.add(row)
                session.flush()

    def figures(
        self, start: str = "2026-06-01", end: str = "2026-11-24", valuing: Valuing = VALUING, **kind: Any
    ) -> Figures:
        wanted = Wanted(*(datetime.fromisoformat(d).replace(tzinfo=SITE.zone) for d in (start, end)), **kind)
        return Statistics(self.records.database).figures(wanted, SITE, valuing, ms_of(NOW))


@pytest.fixture
def book(records: Any) -> Book:
    return Book(records)


def test_the_steps_follow_each_other_without_a_gap(book):
    book.alert("a", "2026-11-10T08:00:00", hours=7)
    book.told("a", at("2026-11-10T08:10:00"))
    book.told("a", at("2026-11-10T08:20:00"), "escalated")
    steps = book.figures().total.steps
    seconds = {name: spread.median_s for name, spread in steps.items()}
    assert seconds == {"detect": 2 * HOUR, "notify": 600, "acknowledge": 3000, "repair": 6 * HOUR, "whole": 9 * HOUR}
    assert sum(s for name, s in seconds.items() if name != "whole") == seconds["whole"]
    assert all(spread.count == 1 for spread in steps.values())


def test_telling_of_what_was_brought_in_later_is_counted_from_then(book):
    book.alert("old", "2026-11-10T08:00:00")
    known = at("2026-11-20T08:00:00")
    book.add(AuditRow(alert_id="old", at_ms=known, actor="rules", origin="rules", action="raised", text="", detail={}))
    book.told("old", known + 60_000)
    steps = book.figures().total.steps
    assert (steps["notify"].median_s, steps["detect"].median_s) == (60, 2 * HOUR)


def test_median_and_nine_in_ten(book):
    for i in range(11):  # 2 h, 3 h ... 12 h until the meters clear; each taken after one
        book.alert(f"a{i}", f"2026-11-{i + 1:02}T08:00:00", hours=i + 2, node="d2" if i % 2 else "d1")
    repair = book.figures().total.steps["repair"]
    assert (repair.count, repair.median_s, repair.p90_s) == (11, 6 * HOUR, 10 * HOUR)


def test_who_saw_it_before_the_message_took_it_from_the_detection_on(book):
    book.alert("a", "2026-11-10T08:00:00", hours=7)
    book.told("a", at("2026-11-10T12:00:00"))
    assert book.figures().total.steps["acknowledge"].median_s == HOUR


def test_a_clearing_message_is_not_how_people_heard_of_it(book):
    book.alert("a", "2026-11-10T08:00:00", hours=7)
    book.told("a", at("2026-11-10T15:00:00"), "cleared")
    assert book.figures().total.steps["notify"].count == 0


def test_two_clocks_that_disagree_are_no_step(book):
    book.alert("late", "2026-11-10T08:00:00", hours=7, acknowledged_ms=at("2026-11-12T00:00:00"))
    assert book.figures().total.steps["repair"].count == 0


def test_counts_say_what_became_of_them(book):
    book.alert("proven", "2026-11-01T08:00:00", hours=3, outcome="repaired")
    book.alert("unproven", "2026-11-02T08:00:00", outcome="repaired", node="d2")
    book.alert("false", "2026-11-03T08:00:00", hours=3, outcome="false", node="d2")
    book.alert("unsaid", "2026-11-04T08:00:00", hours=3, node="d2", reopened=2)
    book.alert("explained", "2026-11-05T08:00:00", hours=3, is_inhibited=True)
    counts = book.figures().total.counts
    assert (counts.found, counts.repaired, counts.unproven, counts.false_alarms) == (4, 1, 1, 1)
    assert (counts.open, counts.cleared, counts.unsettled, counts.returned) == (1, 3, 1, 2)


def test_saved_is_what_would_have_run_on_until_the_bill(book):
    """Begun on the 10th at 6: the bill is read on December 5th, 24 days and 18 hours later; 10 m3 are lost."""
    book.alert("a", "2026-11-10T08:00:00", hours=7)
    losses = book.figures().total.losses
    until_bill = 24 * 24 + 18
    assert losses.water_saved_m3 == pytest.approx(until_bill - 10)
    assert (losses.water_lost_m3, losses.money_lost, losses.valued) == (10, 40, 1)
    assert losses.money_saved == pytest.approx((until_bill - 10) * 4)


def test_begun_on_the_day_of_the_bill_it_waits_for_the_next_one(book):
    book.alert("a", "2026-11-05T04:00:00", hours=7, onset_ms=at("2026-11-05T02:00:00"))
    assert book.figures().total.losses.water_saved_m3 == pytest.approx(30 * 24 - 2 - 10)


def test_against_patrols_half_their_interval_passes(book):
    book.alert("a", "2026-11-10T08:00:00", hours=7)
    valuing = Valuing(VALUING.prices, UsualDiscovery("patrol", patrol_days=10), SITE.zone)
    assert book.figures(valuing=valuing).total.losses.water_saved_m3 == pytest.approx(5 * 24 - 10)


@pytest.mark.parametrize(
    "changed",
    [
        {"outcome": "false"},
        {"outcome": "planned_use"},
        {"acknowledged_ms": None, "is_acknowledged": False},
        {"hours": None},
        {"category": "data_quality"},
        {"hours": 24 * 40},
        {"loss_rate": None},
    ],
)
def test_nothing_is_saved_by_what_nobody_mended_or_was_nothing(book, changed):
    book.alert("a", "2026-09-10T08:00:00", **({"hours": 7} | changed))
    assert book.figures().total.losses.water_saved_m3 == 0


def test_a_false_alarm_lost_nothing_and_earlier_episodes_count(book):
    book.alert("false", "2026-11-10T08:00:00", hours=7, outcome="false")
    book.alert("back", "2026-11-12T08:00:00", hours=7, reopened=2, node="d2")
    for number, outcome, loss in ((1, None, 5.0), (2, "false", 100.0)):
        book.add(EpisodeRow(alert_id="back", number=number, incident=f"e{number}", detected_ms=1, onset_ms=1,
                            closed_ms=2, severity="info", loss_total=loss, outcome=outcome))  # fmt: skip
    assert book.figures().total.losses.water_lost_m3 == 15


def test_months_and_terms_are_the_sites_own(book):
    book.alert("october", "2026-10-31T23:30:00", hours=7)
    book.alert("november", "2026-11-01T00:30:00", hours=7, node="d2")
    book.alert("holiday", "2026-08-01T12:00:00", hours=7, node="d2", outcome="false")
    figures = book.figures()
    months = {line.name: line.counts.found for line in figures.by_month}
    assert months == {"2026-06": 0, "2026-07": 0, "2026-08": 1, "2026-09": 0, "2026-10": 1, "2026-11": 1}
    assert {line.name: line.counts.found for line in figures.by_term} == {"summer": 1, "autumn": 2}
    assert {line.name: line.counts.found for line in figures.by_building} == {"d1": 1, "d2": 2}
    assert {line.name: line.counts.found for line in figures.by_zone} == {"east": 3}


def test_what_is_asked_for_bounds_all_of_it(book):
    book.alert("a", "2026-11-10T08:00:00", hours=7)
    book.alert("b", "2026-11-10T08:00:00", hours=7, node="d2", category="consumption", medium="electricity")
    book.alert("c", "2026-05-31T23:59:59", hours=7, node="d2")
    assert book.figures().total.counts.found == 2
    assert book.figures(nodes=("d2",)).total.counts.found == 1
    assert book.figures(category="leak").total.counts.found == 1
    assert book.figures(medium="electricity").total.losses.money_lost == 5
    assert book.figures(nodes=()).total.counts.found == 0


def test_a_leak_on_the_same_branch_within_90_days_is_a_repeat(book):
    book.alert("first", "2026-08-01T08:00:00", hours=24)
    book.alert("same", "2026-10-01T08:00:00", hours=24)
    book.alert("around it", "2026-10-20T08:00:00", hours=24, node="d1")
    book.alert("other floor", "2026-10-25T08:00:00", hours=24, node="d1-f2")
    book.alert("other building", "2026-10-26T08:00:00", hours=24, node="d2")
    book.alert("whole campus", "2026-11-01T08:00:00", hours=24, node="campus")
    found = {r.alert_id: (r.before_id, r.days_between) for r in book.figures().repeats}
    assert found == {"same": ("first", 60.0), "around it": ("same", 18.0), "other floor": ("around it", 4.0)}


@pytest.mark.parametrize(
    ("raised", "changed"),
    [
        ("2026-11-10T08:00:00", {}),  # 100 days later
        ("2026-08-02T08:00:00", {}),  # the first still ran
        ("2026-09-10T08:00:00", {"outcome": "false"}),
        ("2026-09-10T08:00:00", {"category": "consumption"}),
    ],
)
def test_no_repeat(book, raised, changed):
    book.alert("first", "2026-08-01T08:00:00", hours=30)
    book.alert("then", raised, **({"hours": 3} | changed))
    assert book.figures().repeats == ()


def test_the_one_before_may_be_older_than_the_period(book):
    book.alert("before", "2026-05-01T08:00:00", hours=24 * 20)
    book.alert("then", "2026-06-10T08:00:00", hours=3)
    assert [r.before_id for r in book.figures().repeats] == ["before"]


def order(number: int, given: str, **changed: Any) -> OrderRow:
    """Given to the contractor, due a day later."""
    row = {
        "id": number, "state": "assigned", "alert_id": None, "node": "d1", "title": "t", "severity": "warning",
        "owner": "chief", "assignee": "pipes", "assigned_by": "chief", "created_by": "chief", "created_ms": at(given),
        "assigned_ms": at(given), "due_ms": at(given) + 24 * HOUR * 1000, "checklist": [], "updated_ms": at(given),
    }  # fmt: skip
    return OrderRow(**(row | changed))


@pytest.fixture
def contractor(book: Book) -> str:
    users_of(book.records.database).accounts.add("pipes", Role.CONTRACTOR, ["*"], Actor("system", "test"))
    users_of(book.records.database).accounts.add("idle", Role.CONTRACTOR, ["*"], Actor("system", "test"))
    return "pipes"


def test_a_scorecard_counts_what_was_given_and_how_it_was_kept(book, contractor):
    given = "2026-11-01T08:00:00"
    hours = {n: at(given) + n * HOUR * 1000 for n in (1, 10, 30)}
    book.add(
        order(1, given, state="closed", started_ms=hours[1], done_ms=hours[10], rating=5, cost_cents=38010),
        order(2, given, state="verified", started_ms=hours[1], done_ms=hours[30], rating=2, reopened=1, cost_cents=0),
        order(3, given),  # overdue
        order(4, "2026-11-23T08:00:00"),  # not due yet
        order(5, given, assignee="somebody-else", state="closed", done_ms=hours[1]),
        order(6, "2026-05-01T08:00:00", state="closed", done_ms=at(given)),  # before the period
    )
    book.alert("a", "2026-11-10T08:00:00")
    book.add(BreachRow(alert_id="a", due_ms=at("2026-11-10T10:00:00"), at_ms=1, node="d1", category="leak",
                       severity="warning", assigned_to="pipes"))  # fmt: skip
    wanted = Wanted(datetime(2026, 6, 1, tzinfo=UTC), NOW + timedelta(days=1))
    idle, card = Scorecards(book.records.database).of(wanted, ms_of(NOW))
    assert (idle.contractor, idle.given, idle.share_in_time, idle.rating) == ("idle", 0, None, None)
    assert (card.given, card.done, card.timed, card.in_time) == (4, 2, 3, 1)
    assert card.share_in_time == pytest.approx(1 / 3)
    assert (card.reopened, card.rated, card.rating, card.missed) == (1, 2, 3.5, 1)
    assert (card.priced, card.cost) == (2, 380.1)
    assert (card.to_start.median_s, card.to_repair.median_s) == (HOUR, 20 * HOUR)


def test_what_repairs_cost_counts_with_their_alerts(book):
    for name in ("a", "b"):
        book.alert(name, "2026-11-10T08:00:00")
    given = "2026-11-10T09:00:00"
    book.add(
        order(1, given, alert_id="a", state="closed", cost_cents=38010),
        order(2, given, alert_id="a", cost_cents=500),
        order(3, given, alert_id="b"),
        order(4, given, cost_cents=99900),  # of no alert
    )
    figures = book.figures()
    assert figures.total.losses.money_spent == 385.1
    assert sum(line.losses.money_spent for line in figures.by_month) == pytest.approx(385.1)


def test_a_card_names_the_orders_that_it_rests_on_the_latest_first(book, contractor):
    given = "2026-11-01T08:00:00"
    book.alert("drilled", "2026-11-10T08:00:00", drill="d")
    book.add(
        order(1, given, state="closed", done_ms=at(given), rating=5),
        order(2, "2026-11-02T08:00:00"),
        order(3, given, assignee="somebody-else"),
        order(4, "2026-05-01T08:00:00"),  # before the period
        order(5, given, alert_id="drilled"),
    )
    wanted, cards = Wanted(datetime(2026, 6, 1, tzinfo=UTC), NOW), Scorecards(book.records.database)
    latest = cards.latest(wanted, contractor)
    assert [(o.id, o.rating) for o in latest] == [(2, None), (1, 5)]
    (_, card) = cards.of(wanted, ms_of(NOW))
    assert card.given == len(latest)
    assert [o.id for o in cards.latest(wanted, contractor, limit=1)] == [2]


def test_a_contractor_has_the_own_scorecard_alone(book, contractor):
    book.add(order(1, "2026-11-01T08:00:00"))
    wanted = Wanted(datetime(2026, 6, 1, tzinfo=UTC), NOW)
    scorecards = Scorecards(book.records.database)
    assert [c.contractor for c in scorecards.of(wanted, ms_of(NOW), "idle")] == ["idle"]
    assert scorecards.of(wanted, ms_of(NOW), "nobody\0") == ()


def test_missed_deadlines_by_step_and_role(book, contractor):
    book.alert("a", "2026-11-10T08:00:00")
    for due, name in (("10:00", "pipes"), ("11:00", None)):
        book.add(BreachRow(alert_id="a", due_ms=at(f"2026-11-10T{due}:00"), at_ms=1, node="d1", category="leak",
                           severity="warning", assigned_to=name))  # fmt: skip
    given = "2026-11-01T08:00:00"
    book.add(
        order(1, given, alert_id="a"),
        order(2, given, state="closed", done_ms=at("2026-11-01T09:00:00")),
        order(3, given, state="reopened", done_ms=at("2026-11-01T09:00:00")),
    )
    missed = {(m.step, m.role, m.category): m.count for m in book.figures().missed}
    assert missed == {
        ("acknowledge", "contractor", "leak"): 1, ("acknowledge", "", "leak"): 1,
        ("repair", "contractor", "leak"): 1, ("repair", "contractor", ""): 1,
    }  # fmt: skip
