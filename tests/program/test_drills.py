"""A drill through the whole chain of a running program, and everything outside of it as without it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from drilled import BURST, LI, drill_alerts, drilled, shown
from inside import Folder, feed, nothing, run
from killed_program import until
from pydantic import SecretStr
from state import state_of

import aquavolt
import aquavolt.store_sink
from alerts.drills.book import DrillBook
from alerts.drills.values import Audience, Ending
from alerts.errors import DrillConflictError, RefusedError
from alerts.records import Records
from alerts.values import Outcome
from api.parts import Access
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings
from collector.journal import Journal
from collector.journal_sink import JournalSink
from metering.entries import encode_entry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FIRST, LATER = 250, 16  # entries before a drill: 31 days, with open alerts of each category; and after it
ROOT = Path(aquavolt.__file__).parents[1]
STILL = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class DemoFolder(Folder):
    """One whose pages ask nobody who they are."""

    def setup(self):
        return replace(super().setup(), access=Access(demo=True))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)


def folder_of(fed, data, channels=()):
    return DemoFolder(data, fed.site, np.datetime64(fed.entries[FIRST - 1].time.max(), "ms"), channels=channels)


@pytest.fixture(scope="module")
def known(fed, tmp_path_factory):
    """A program that has judged 31 days, stopped cleanly."""
    folder = folder_of(fed, tmp_path_factory.mktemp("known") / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)
        run(folder, feed(fed.entries[:FIRST]))
    return folder


@pytest.fixture
def again(known, fed, tmp_path):
    def copied(name="data", channels=()):
        shutil.copytree(known.data, tmp_path / name, ignore=shutil.ignore_patterns("*.sock"))
        return folder_of(fed, tmp_path / name, channels)

    return copied


def channel_to(receiver):
    settings = WebhookSettings(name="team", url=SecretStr(receiver.url), allow_networks=["127.0.0.0/8"])
    return WebhookChannel(settings)


def told_by(receiver):
    messages = [m["body"] for m in receiver.inbox.document()["messages"]]
    return [m for m in messages if m["alert"] and m["alert"]["drill"]], [m for m in messages if not m["alert"]["drill"]]


def test_a_burst_is_found_told_taken_and_mended_and_the_report_has_the_times(again, receiver):
    reports = []

    async def script(program):
        real = program.records.count_alerts()
        book, drill = await drilled(program)
        alert = shown(program, drill)
        assert (alert.node, alert.medium, alert.category, alert.drill) == ("canteen", "water", "leak", drill.id)
        assert alert.loss_rate == pytest.approx(9.0, rel=0.4)
        assert alert.id not in {a.id for a in program.records.find_alerts(limit=500).items}
        with pytest.raises(DrillConflictError, match=drill.id):
            book.ask(BURST, program.site, LI)
        await until(lambda: any(t.seconds is not None for t in book.report(drill.id).first.told))
        program.records.acknowledge(alert.id, LI)
        program.records.resolve(alert.id, LI, Outcome.REPAIRED, note="关阀")
        await until(lambda: book.get(drill.id).is_over)
        assert program.records.count_alerts() == real
        reports.append((book.report(drill.id), [line.action for line in book.history(drill.id)]))

    run(again(channels=[channel_to(receiver)]), script)
    ((report, history),) = reports
    assert report.drill.ending is Ending.CONFIRMED
    assert (report.drill.repaired_by, report.drill.source_days) == ("li", 7)
    assert history == ["asked", "started", "fault_began", "repaired", "ended"]
    steps = {step.name: step for step in report.first.steps}
    assert [name for name, step in steps.items() if step.seconds is None or step.seconds < 0] == []
    assert (steps["acknowledged"].by, steps["told"].by) == ("li", "channel:team")
    assert 0 < report.first.detect_event_s <= 12 * 3600
    drills, _ = told_by(receiver)
    assert drills
    for message in drills:
        assert message["title"].startswith("【演练】")
        assert message["text"].startswith("演练 DRILL")


def test_only_who_asked_is_told_where_they_said_so(again, receiver):
    async def script(program):
        book, drill = await drilled(program, replace(BURST, audience=Audience.ME))
        await until(lambda: book.report(drill.id).first.told)
        told = [t.delivery for t in book.report(drill.id).first.told]
        assert {t.detail["about"] for t in told} == {
            "person:li"
        }  # whom nobody can reach: every channel, in their place
        book.stop(drill.id, LI)
        await until(lambda: book.get(drill.id).is_over)
        assert book.get(drill.id).ending is Ending.STOPPED
        assert not any(alert.is_active for alert in drill_alerts(program, drill))

    run(again(channels=[channel_to(receiver)]), script)


def outside_of(folder):
    """All that a program leaves behind, without what is a drill's."""
    journal = Journal(folder.data / "journal.db", readers=("live", "backlog", "stream"))
    entries = [(seq, encode_entry(entry)) for seq, entry in journal.read(0, 1 << 30)]
    journal.close()
    with closing(sqlite3.connect(folder.data / "records.db")) as records:
        tables = {
            table: records.execute(query).fetchall()
            for table, query in {
                "alerts": "SELECT * FROM alerts WHERE drill IS NULL ORDER BY id",
                "audit": "SELECT audit.alert_id, at_ms, event_ms, actor, action, text, detail FROM audit JOIN alerts"
                " ON alerts.id = alert_id WHERE drill IS NULL ORDER BY audit.id",
                "told": "SELECT receiver, outbox_alerts.alert_id, outbox_alerts.reason FROM outbox_alerts"
                " JOIN outbox ON outbox_id = id WHERE drill IS NULL ORDER BY 1, 2, 3",
                "feedback": "SELECT * FROM feedback",
                "breaches": "SELECT * FROM breaches",
                "snapshot": "SELECT seq, blob FROM snapshots ORDER BY seq DESC LIMIT 1",
            }.items()
        }
    state = state_of(folder.data)
    return {"journal": entries, "readings": state.readings, "intervals": state.intervals, **tables}


PAGES = (
    "/api/v1/alerts?inhibited=true&limit=500",
    "/api/v1/desk/figures?start=2026-10-01T00:00:00Z&end=2026-12-01T00:00:00Z",
    "/api/v1/desk/breaches",
    "/api/v1/usage?meter=w-campus&start=2026-10-10&end=2026-11-10",
)


async def answers_of(program):
    way = httpx.ASGITransport(program._app(JournalSink(program.journal)))
    async with httpx.AsyncClient(transport=way, base_url="http://127.0.0.1") as client:
        found = {path: (await client.get(path)).content for path in PAGES}
        metrics = (await client.get("/metrics")).text
    return found | {"/metrics": [line for line in metrics.splitlines() if line.startswith("aquavolt_alerts")]}


def test_everything_outside_of_it_is_byte_for_byte_as_without_it(again, fed, monkeypatch):
    monkeypatch.setitem(Records.__init__.__kwdefaults__, "clock", lambda: STILL)
    answers = {}

    def scripted(name, with_drill):
        async def script(program):
            await feed(fed.entries[FIRST : FIRST + LATER // 2])(program)
            if with_drill:
                book, drill = await drilled(program)
            await feed(fed.entries[FIRST + LATER // 2 : FIRST + LATER])(program)
            if with_drill:
                alert = shown(program, drill)
                program.records.resolve(alert.id, LI, Outcome.FALSE)
                program.records.resolve(alert.id, LI, Outcome.PLANNED_USE)
                book.stop(drill.id, LI)
                await until(lambda: book.get(drill.id).is_over)
                assert len(drill_alerts(program, drill)) >= 1
            answers[name] = await answers_of(program)

        return script

    without, with_one = again("without"), again("with")
    run(without, scripted("without", with_drill=False))
    run(with_one, scripted("with", with_drill=True))
    expected, found = outside_of(without), outside_of(with_one)
    assert len(expected["alerts"]) > 10
    assert expected["snapshot"][0][0] == FIRST + LATER
    for part, rows in expected.items():
        assert found[part] == rows, part
    assert answers["with"] == answers["without"]


def test_a_killed_program_leaves_no_drill_open(again, fed):
    folder = again()
    program = Path(__file__).with_name("drilling_program.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(program.parent)])}
    command = [sys.executable, str(program), str(folder.data), str(folder.site), str(folder.now)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    with process:
        assert any(line.strip() == "drilled" for line in process.stdout)
        process.send_signal(signal.SIGKILL)
    records = Records(f"sqlite:///{folder.data / 'records.db'}")
    book = DrillBook(records.database)
    (left,) = book.list()
    records.close()
    assert not left.is_over
    seen = []

    async def look(running):
        await nothing(running)
        book = DrillBook(running.records.database)
        await until(lambda: book.get(left.id).is_over)
        seen.append((book.get(left.id).ending, [a.is_active for a in drill_alerts(running, left)]))
        assert book.current() is None
        with pytest.raises(DrillConflictError, match="is over"):
            book.stop(left.id, LI)

    run(folder, look)
    ((ending, active),) = seen
    assert ending is Ending.INTERRUPTED
    assert active
    assert not any(active)


def test_what_cannot_be_drilled_is_refused_or_ends_with_the_reason(again):
    async def script(program):
        book = DrillBook(program.records.database)
        for wrong, reason in (
            ({"node": "nowhere"}, "no node"),
            ({"size": 1e6}, "may have"),
            ({"limit_s": 1}, "60 s to"),
            ({"after_s": -1}, "within"),
        ):
            with pytest.raises(RefusedError, match=reason):
                book.ask(replace(BURST, **wrong), program.site, LI)
        runner = program._judging.drills
        runner._parts = replace(runner._parts, copied=lambda _: (b"torn", 1))
        drill = book.ask(BURST, program.site, LI)
        await until(lambda: book.get(drill.id).is_over)
        ended = book.get(drill.id)
        assert ended.ending is Ending.FAILED
        assert "cannot be copied" in ended.detail

    run(again(), script)


def test_at_the_clocks_speed_it_is_fed_what_comes_in(again, fed):
    async def script(program):
        book = DrillBook(program.records.database)
        drill = book.ask(replace(BURST, speed=1), program.site, LI)
        await until(lambda: book.get(drill.id).started_at is not None or book.get(drill.id).is_over)
        began = book.get(drill.id)
        assert began.source_days is None
        await feed(fed.entries[FIRST : FIRST + 4])(program)
        await until(lambda: any(a.node == "canteen" for a in drill_alerts(program, drill)))
        alert = next(a for a in drill_alerts(program, drill) if a.node == "canteen")
        assert began.event_start < alert.detected_at <= book.get(drill.id).event_at  # the meters' clock is ours
        book.stop(drill.id, LI)
        await until(lambda: book.get(drill.id).is_over)

    run(again(), script)
