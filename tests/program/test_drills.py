"""A drill through the whole chain of a running program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from drilled import BURST, FIRST, LI, drill_alerts, drilled, shown
from inside import feed, nothing, run
from killed_program import until
from pydantic import SecretStr

import aquavolt
import aquavolt.store_sink
from alerts.drills.book import DrillBook
from alerts.drills.values import Audience, Ending
from alerts.errors import DrillConflictError, RefusedError
from alerts.records import Records
from alerts.values import Outcome
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(aquavolt.__file__).parents[1]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)


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
