"""Everything outside of a drill is byte for byte as without it: rows, messages, answers, files, the rules' state."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from drilled import FIRST, LATER, LI, drill_alerts, drilled, shown
from inside import FLOW, run
from killed_program import until
from openpyxl import load_workbook
from sqlalchemy import func, select
from state import state_of

import aquavolt.store_sink
from alerts.due import DueNotifications
from alerts.notify.models import GroupRow, LookRow
from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.rows import ms_of
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.users import users_of
from alerts.values import Actor, AlertFilter, AlertState, Outcome
from collector.journal import Journal
from collector.journal_sink import JournalSink
from metering.entries import encode_entry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KONG = Person(Actor("kong", "test"))
OFFICE = Person(LI, manages=True)
LAST = FIRST + LATER + 1  # the readings, and what people said of one alert
STEPS, STEP = 6, timedelta(minutes=20)  # people's time that passes: what waited is told, deadlines end
SPAN = "start=2026-10-01&end=2036-01-01"
PAGES = (
    "/api/v1/alerts?inhibited=true&limit=500",
    "/api/v1/desk/figures?start=2026-10-01T00:00:00Z&end=2026-12-01T00:00:00Z",
    "/api/v1/desk/breaches",
    "/api/v1/usage?meter=w-campus&start=2026-10-10&end=2026-11-10",
    "/api/v1/orders?limit=500",
    "/api/v1/patrol",
    "/api/v1/reports",
    f"/api/v1/statistics?{SPAN}",
    f"/api/v1/statistics/contractors?{SPAN}",
    f"/api/v1/exports/alerts?inhibited=true&{SPAN}",
    f"/api/v1/exports/orders?{SPAN}",
    "/api/v1/exports/usage?meter=w-canteen&start=2026-10-10&end=2026-11-20",
    "/api/v1/sensitivity",
    "/api/v1/planned-uses",
)
WORKBOOKS = (f"/api/v1/statistics/workbook?language=en&{SPAN}", f"/api/v1/exports/alerts?format=xlsx&{SPAN}")
ROWS = {
    "alerts": "SELECT * FROM alerts WHERE drill IS NULL ORDER BY id",
    "audit": "SELECT audit.alert_id, at_ms, event_ms, actor, action, text, detail FROM audit JOIN alerts"
    " ON alerts.id = alert_id WHERE drill IS NULL ORDER BY 1, 2, 4, 5, 7",
    # A message's id comes from a number that goes on counting, an order's too.
    "told": "SELECT receiver, channel, outbox_alerts.alert_id, outbox_alerts.reason, state, created_ms"
    " FROM outbox_alerts JOIN outbox ON outbox_id = id WHERE drill IS NULL ORDER BY 1, 2, 3, 4",
    "feedback": "SELECT * FROM feedback",
    "breaches": "SELECT * FROM breaches ORDER BY 1",
    "orders": "SELECT * FROM work_orders WHERE drill IS NULL ORDER BY id",
    "order events": "SELECT order_id, at_ms, actor, action, text, work_order_events.detail FROM work_order_events"
    " JOIN work_orders ON work_orders.id = order_id WHERE drill IS NULL ORDER BY work_order_events.id",
    "reports": "SELECT * FROM water_reports",
    "to the platform": "SELECT * FROM platform_sent",
    "snapshot": "SELECT seq, blob FROM snapshots ORDER BY seq DESC LIMIT 1",
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)


class HandClock:
    """People's clock, set by hand."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


class Box:
    """A channel that keeps what it is given."""

    name = "team"

    def __init__(self):
        self.sent = []

    def send(self, notification):
        self.sent.append(notification)

    def close(self):
        pass

    def of(self, *, drills):
        """What was told of drills, or of what is real."""
        told = [n for n in self.sent if (n.alert is not None and n.alert.drill is not None) == drills]
        return sorted(
            (n.reason.value, n.receiver, str(n.created_at), [a.id for a in n.alerts],
             sorted((str(language), m.title, m.text) for language, m in n.messages.items()))
            for n in told
        )  # fmt: skip


def rows_of(folder):
    """All that a program leaves behind, without what is a drill's."""
    journal = Journal(folder.data / "journal.db", readers=("live", "backlog", "stream"))
    entries = [(seq, encode_entry(entry)) for seq, entry in journal.read(0, 1 << 30)]
    journal.close()
    with closing(sqlite3.connect(folder.data / "records.db")) as records:
        tables = {table: records.execute(query).fetchall() for table, query in ROWS.items()}
    state = state_of(folder.data)
    return {"journal": entries, "readings": state.readings, "intervals": state.intervals, **tables}


def cells_of(content):
    """Of every sheet; a workbook's own file says when it was written."""
    return {sheet.title: list(sheet.values) for sheet in load_workbook(io.BytesIO(content)).worksheets}


async def answers_of(program):
    way = httpx.ASGITransport(program._app(JournalSink(program.journal)))
    async with httpx.AsyncClient(transport=way, base_url="http://127.0.0.1") as client:
        found = {path: await client.get(path) for path in (*PAGES, *WORKBOOKS)}
        metrics = (await client.get("/metrics")).text
    assert {path: answer.status_code for path, answer in found.items()} == dict.fromkeys(found, 200)
    files = {path: cells_of(found[path].content) for path in WORKBOOKS}
    lines = [line for line in metrics.splitlines() if line.startswith("aquavolt_alerts")]
    return {path: answer.content for path, answer in found.items()} | files | {"/metrics": lines}


async def judged(program, entries):
    """Journal these entries and wait until they are judged; people's clock stands still meanwhile."""
    for entry in entries:
        await until(lambda: program.journal.head() - min(program.judge.position, program.sink.position) <= FLOW)
        program.journal.append([entry])
    await until(lambda: min(program.judge.position, program.sink.position) >= program.journal.head())
    await told_by_now(program)


def is_told(program):
    """Whether all is told that is to be told by now."""
    now_ms = ms_of(program.setup.clock())
    with program.records.database.reading() as session:
        waiting = session.scalar(select(func.count()).select_from(LookRow))
        due = session.scalar(select(func.count()).select_from(GroupRow).where(GroupRow.due_ms <= now_ms))
    pending = DueNotifications(program.records.database).next("team", program.setup.clock())
    return not waiting and not due and pending is None


async def told_by_now(program):
    """The dispatcher looks when it is woken: what is due at this moment is told before the next thing happens."""
    program._judging.telling.wake()
    await until(lambda: is_told(program))


async def pass_time(program, clock):
    """Time of people goes by; whatever it brings is written before it goes on."""
    for _ in range(STEPS):
        clock.now += STEP
        program.records.look_after()
        await told_by_now(program)


class Office:
    """What people do in the program, with a drill in the midst of it or without."""

    def __init__(self, program, clock):
        self.program, self.clock = program, clock
        self.orders = Orders(program.records.database, lambda: program.site, clock=clock)
        users_of(program.records.database, clock).accounts.add("kong", Role.CONTRACTOR, (WHOLE_SITE,), LI)

    def order(self, alert_id):
        return self.orders.open(OFFICE, NewOrder(alert_id=alert_id, assignee="kong")).id

    async def drill(self):
        """Begun, its alert made an order, that one done by the contractor; the drill goes on."""
        book, drill = await drilled(self.program)
        alert = shown(self.program, drill)
        order = self.order(alert.id)
        self.orders.start(order, KONG)
        self.program.records.resolve(alert.id, LI, Outcome.PLANNED_USE)
        self.orders.finish(order, OFFICE, Outcome.FALSE)
        return book, drill, order

    async def end(self, book, drill, order):
        book.stop(drill.id, LI)
        await until(lambda: book.get(drill.id).is_over)
        assert len(drill_alerts(self.program, drill)) >= 1
        assert self.orders.get(order).state is OrderState.CLOSED


def played(again, fed, start, answers, *, with_drill):
    """Feed the same, do the same from `start` on, with a drill or without; what is left, what the channel was given."""
    clock, box, name = HandClock(start), Box(), "with" if with_drill else "without"

    async def script(program):
        await judged(program, fed.entries[FIRST : FIRST + LATER // 2])
        office = Office(program, clock)
        leaks = program.records.find_alerts(AlertFilter(state=AlertState.ACTIVE), limit=500).items
        first, second = (office.order(alert.id) for alert in sorted(leaks, key=lambda a: a.id)[:2])
        await told_by_now(program)
        drill = await office.drill() if with_drill else None
        await judged(program, fed.entries[FIRST + LATER // 2 : FIRST + LATER])
        await pass_time(program, clock)
        office.orders.finish(first, KONG, Outcome.REPAIRED)
        await until(lambda: program.journal.head() >= LAST)  # the rules hear of that
        await judged(program, ())
        if drill is not None:
            await office.end(*drill)
        office.orders.start(second, KONG)
        await pass_time(program, clock)
        answers[name] = await answers_of(program)

    folder = again(name, channels=[box], clock=clock)
    run(folder, script)
    return rows_of(folder), box


def test_everything_outside_of_it_is_byte_for_byte_as_without_it(again, fed):
    answers = {}
    start = datetime.now(UTC) + timedelta(hours=1)  # later than the month's program stopped
    expected, told = played(again, fed, start, answers, with_drill=False)
    found, told_with = played(again, fed, start, answers, with_drill=True)
    assert len(expected["alerts"]) > 10
    assert len(expected["orders"]) == 2
    assert expected["snapshot"][0][0] == LAST
    assert told_with.of(drills=True)
    assert not told.of(drills=True)
    assert len(told.of(drills=False)) >= 3
    for part, rows in expected.items():
        assert found[part] == rows, (part, sorted({*found[part]} ^ {*rows})[:10])
    assert told_with.of(drills=False) == told.of(drills=False)
    for path, answer in answers["without"].items():
        assert answers["with"][path] == answer, path
