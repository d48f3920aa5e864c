"""A drill through the whole chain of a running program, and everything outside of it as without it."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from inside import Folder, feed, run
from killed_program import is_all_done, until
from pydantic import SecretStr
from state import state_of

import aquavolt.judge
import aquavolt.store_sink
from alerts.drills.book import DrillBook
from alerts.drills.values import Audience, DrillPlan, Ending
from alerts.listing import AlertFilter
from alerts.records import Records
from alerts.values import Actor, Outcome
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings
from collector.journal import Journal
from metering.drills import DrillKind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FIRST = 250  # entries before the drill: 31 days, with open alerts of each category
LI = Actor("li", "127.0.0.1")
BURST = DrillPlan(kind=DrillKind.BURST, node="canteen", meter="", medium="", size=9.0, speed=4000, limit_s=600)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)


def channel_to(receiver):
    settings = WebhookSettings(name="team", url=SecretStr(receiver.url), allow_networks=["127.0.0.0/8"])
    return WebhookChannel(settings)


def folder_of(fed, data, receiver):
    now = np.datetime64(fed.entries[FIRST - 1].time.max(), "ms")
    return Folder(data, fed.site, now, channels=[channel_to(receiver)])


def drill_alerts(program, drill):
    return program.records.find_alerts(AlertFilter(drill=drill.id, inhibited=None)).items


def book_of(program):
    return DrillBook(program.records.database)


async def drilled(program, plan=BURST):
    """Ask for a drill and wait until its alert is told."""
    book = book_of(program)
    drill = book.ask(plan, program.site, LI)
    await until(lambda: drill_alerts(program, drill) or book.get(drill.id).is_over)
    assert not book.get(drill.id).is_over, book.get(drill.id)
    return book, drill


def test_a_burst_is_found_told_taken_and_mended_and_the_report_has_the_times(fed, receiver, tmp_path):
    async def script(program):
        await feed(fed.entries[:FIRST])(program)
        real = program.records.count_alerts()
        book, drill = await drilled(program)
        (alert,) = [a for a in drill_alerts(program, drill) if a.inhibited_by is None]
        assert (alert.node, alert.medium, alert.rule, alert.drill) == ("canteen", "water", "burst_flow", drill.id)
        assert alert.id not in {a.id for a in program.records.find_alerts(AlertFilter(inhibited=None), limit=500).items}
        await until(lambda: book.report(drill.id).first.told and book.report(drill.id).first.told[0].seconds is not None)
        program.records.acknowledge(alert.id, LI)
        program.records.resolve(alert.id, LI, Outcome.REPAIRED, note="关阀")
        await until(lambda: book.get(drill.id).is_over)
        assert program.records.count_alerts() == real
        reports.append(book.report(drill.id))
        words.append(program.records.database)

    reports, words = [], []
    run(folder_of(fed, tmp_path / "data", receiver), script)
    (report,) = reports
    assert report.drill.ending is Ending.CONFIRMED
    assert (report.drill.repaired_by, report.drill.source_days) == ("li", 7)
    steps = {step.name: step for step in report.first.steps}
    assert {n: s.seconds is not None and s.seconds >= 0 for n, s in steps.items()} == dict.fromkeys(steps, True)
    assert steps["acknowledged"].by == "li"
    assert 3600 <= report.first.detect_event_s <= 6 * 3600  # an hour on end, and until the steps are judged
    messages = [m["body"] for m in receiver.inbox.document()["messages"]]
    drills = [m for m in messages if m["alert"] and m["alert"]["drill"]]
    assert drills
    for message in drills:
        assert message["title"].startswith("【演练】")
        assert message["text"].startswith("演练 DRILL")
    assert not [m for m in messages if m not in drills and "演练" in m["title"] + m["text"]]
