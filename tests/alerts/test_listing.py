"""Lists of alerts: filters, pages that hold still while alerts come in, counts, and plans that use an index."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from alerts.errors import CursorError, RefusedError
from alerts.listing import page_query
from alerts.records import EVERY_ALERT
from alerts.values import Actor, AlertCounts, AlertFilter, AlertState, Outcome
from metering.incident import Category, Severity


def names(page):
    return [alert.id for alert in page.items]


def all_pages(records, wanted=EVERY_ALERT, limit=3):
    cursor = None
    while True:
        page = records.find_alerts(wanted, cursor=cursor, limit=limit)
        yield names(page)
        if (cursor := page.next_cursor) is None:
            return


def at(rules, minutes):
    return rules.start + np.timedelta64(minutes, "m")


@pytest.fixture
def desk(records, rules):
    """Five alerts: two acknowledged, one of them cleared, one inhibited, one about electricity."""
    records.apply(
        [
            rules.raised("a", detected_at=at(rules, 1), node="dorm-1", severity=Severity.CRITICAL),
            rules.raised("b", detected_at=at(rules, 2), node="dorm-2"),
            rules.raised("c", detected_at=at(rules, 3), node="room-9", category=Category.CONSUMPTION,
                         medium="electricity", severity=Severity.INFO),
            rules.raised("d", detected_at=at(rules, 4), node="dorm-2", inhibited_by="b"),
            rules.raised("e", detected_at=at(rules, 5), node="dorm-1", severity=Severity.CRITICAL),
        ],
        1,
    )  # fmt: skip
    records.apply([rules.cleared("e", detected_at=at(rules, 5), node="dorm-1", severity=Severity.CRITICAL)], 2)
    records.acknowledge("e", Actor("li"))
    records.resolve("b", Actor("li"), Outcome.CONFIRMED)
    return records


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AlertFilter(), "ecba"),
        (AlertFilter(inhibited=None), "edcba"),
        (AlertFilter(inhibited=True), "d"),
        (AlertFilter(state=AlertState.ACTIVE), "cba"),
        (AlertFilter(state=AlertState.CLEARED), "e"),
        (AlertFilter(acknowledged=False), "ca"),
        (AlertFilter(acknowledged=True, state=AlertState.ACTIVE), "b"),
        (AlertFilter(category=Category.CONSUMPTION), "c"),
        (AlertFilter(category=Category.SUPPLY), ""),
        (AlertFilter(medium="water"), "eba"),
        (AlertFilter(severity=Severity.CRITICAL), "ea"),
        (AlertFilter(nodes=("dorm-2", "room-9")), "cb"),
        (AlertFilter(nodes=()), ""),
        (AlertFilter(nodes=("a\0b", "\ud800", "dorm-2")), "b"),
        (AlertFilter(medium="\ud800"), ""),
        (AlertFilter(nodes=("dorm-1",), state=AlertState.ACTIVE, severity=Severity.CRITICAL), "a"),
    ],
)
def test_filters(desk, wanted, expected):
    assert names(desk.find_alerts(wanted)) == list(expected)
    assert [name for page in all_pages(desk, wanted, limit=2) for name in page] == list(expected)


def test_counts(desk):
    assert desk.count_alerts() == AlertCounts(active=3, unacknowledged=2, critical=1, cleared=1, inhibited=1)
    assert desk.count_alerts(["dorm-2"]) == AlertCounts(active=1, inhibited=1)
    assert desk.count_alerts([]) == AlertCounts()


def test_pages_end_exactly(records, rules):
    records.apply([rules.raised(f"{n}", detected_at=at(rules, n)) for n in range(6)], 1)
    assert list(all_pages(records)) == [["5", "4", "3"], ["2", "1", "0"]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.lists(st.integers(0, 6), min_size=1, max_size=12), late=st.lists(st.integers(0, 9), max_size=8))
def test_pages_hold_still_while_alerts_come_in(open_records, rules, minutes, late):
    """What was there when reading began comes exactly once and in order, whatever comes in between; many tie."""
    records = open_records()
    run = f"{len(records.find_alerts(limit=500).items):04}"
    node = f"node-{run}"
    seq = records.applied_seq()
    there = [
        rules.raised(f"{run}-old-{i}", detected_at=at(rules, minute), node=node) for i, minute in enumerate(minutes)
    ]
    records.apply(there, seq + 1)
    wanted = AlertFilter(nodes=(node,))
    before = [name for page in all_pages(records, wanted, limit=100) for name in page]
    seen: list[str] = []
    for turn, page in enumerate(all_pages(records, wanted, limit=2)):
        seen += page
        if turn < len(late):
            new = rules.raised(f"{run}-new-{turn}", detected_at=at(rules, late[turn]), node=node)
            records.apply([new], seq + 2 + turn)
    assert [name for name in seen if "-old-" in name] == before
    assert len(seen) == len(set(seen))


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "....", "bnVsbA", encoded([1]), encoded([1, 2]), encoded(["1", "a"]), encoded([True, "a"]),
     encoded([1 << 64, "a"]), encoded({"a": 1, "b": 2}), encoded([1, "\ud800"])],
)  # fmt: skip
def test_a_cursor_of_somebody_else_is_refused(desk, cursor):
    with pytest.raises(CursorError, match="is no cursor"):
        desk.find_alerts(cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_has_1_to_500_alerts(desk, limit):
    with pytest.raises(RefusedError, match="1 to 500"):
        desk.find_alerts(limit=limit)


@pytest.fixture
def many(records, rules):
    """100,000 alerts on 400 nodes, a tenth of them active, written by the database itself."""
    if not records.database.is_sqlite:
        pytest.skip("reads SQLite's plans")
    records.apply([rules.raised()], 1)
    with records.database.writing() as session:
        columns = session.execute(text("SELECT name FROM pragma_table_info('alerts')")).scalars().all()
        copied = {
            "id": "id || n", "incident": "incident || n", "detected_ms": "detected_ms + n * 1000",
            "node": "'node-' || (n % 400)", "is_active": "n % 10 = 0", "is_acknowledged": "n % 3 = 0",
        }  # fmt: skip
        selected = ", ".join(copied.get(c, c) for c in columns)
        session.execute(
            text(
                f"INSERT INTO alerts ({', '.join(columns)}) WITH RECURSIVE numbers(n) AS "  # noqa: S608
                f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 99999) SELECT {selected} FROM alerts, numbers"
            )
        )
    return records


def test_lists_of_100_000_walk_an_index(many):
    """No list scans the table or sorts it: the plan is looked at, not the clock."""
    first = many.find_alerts(limit=500)
    assert many.count_alerts().active == 10_000
    for cursor in (None, first.next_cursor):
        for wanted in (
            AlertFilter(),
            AlertFilter(state=AlertState.ACTIVE),
            AlertFilter(state=AlertState.ACTIVE, acknowledged=False),
            AlertFilter(category=Category.SUPPLY, severity=Severity.INFO),
            AlertFilter(nodes=("node-7",)),
        ):
            plan = plan_of(many, wanted, cursor)
            assert "SEARCH alerts USING INDEX" in plan, plan
            assert "SCAN" not in plan, plan
            assert "TEMP B-TREE" not in plan, plan


def plan_of(records, wanted, cursor):
    query = page_query(wanted, cursor).limit(50)
    dialect = records.database.engine.dialect
    statement = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    with records.database.reading() as session:
        return " | ".join(session.execute(text("EXPLAIN QUERY PLAN " + statement)).scalars("detail"))


def test_counting_100_000_reads_an_index_alone(many):
    query = "SELECT is_inhibited, is_active, is_acknowledged, severity, count(*) FROM alerts GROUP BY 1, 2, 3, 4"
    with many.database.reading() as session:
        plan = " | ".join(session.execute(text("EXPLAIN QUERY PLAN " + query)).scalars("detail"))
    assert plan == "SCAN alerts USING COVERING INDEX alerts_counted"
