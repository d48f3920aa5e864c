"""What people say reaches the rules of a running program, and is still known after a restart and a rebuild."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from inside import Folder, feed, nothing, run
from killed_program import is_all_done, until
from state import state_of

import aquavolt.store_sink
from alerts.feedback import FeedbackBook
from alerts.records import Records
from alerts.values import Actor, Outcome
from metering.batch import to_datetime
from metering.entries import Feedback
from metering.feedback import CAUTIOUS_RULES
from metering.site import PlannedUse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FIRST = 250  # entries before people speak: 31 days, with open alerts of each category
LI = Actor("li", "127.0.0.1")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)


def folder_of(fed, data):
    """A folder whose program's clock stands at the last of the first entries."""
    return Folder(data, fed.site, np.datetime64(fed.entries[FIRST - 1].time, "ms"))


def judged(alerts):
    """The newest alert of a leak, and the newest other one that a cautious rule raised."""
    leak = next(a for a in alerts if a.category.value == "leak" and a.is_active)
    other = next(a for a in alerts if a.rule in CAUTIOUS_RULES and a.node != leak.node)
    return leak, other


def spoken(fed, said):
    """Feeds the first part; then people speak, and the rest comes."""

    async def script(program):
        await feed(fed.entries[:FIRST])(program)
        leak, false = judged(program.records.find_alerts(limit=100).items)
        use = PlannedUse(leak.node, leak.onset_at, to_datetime(program.setup.now()), "注水", leak.medium)
        book = FeedbackBook(program.records.database)
        plan = book.plan(use, LI)
        program.records.resolve(false.id, LI, Outcome.FALSE)
        head = program.journal.head()
        await until(lambda: len(book.given_out()) == 2 and program.journal.head() >= head + 1)
        await feed(fed.entries[FIRST : FIRST + 2])(program)
        await until(lambda: not program.records.get_alert(leak.id).is_active or is_explained(program, leak.id))
        said.append((leak.id, false, plan.id, program.judge.shard._words.state()))

    return script


def is_explained(program, alert):
    return str(program.records.get_alert(alert).inhibited_by).startswith("planned:")


def words_of(folder, found):
    async def script(program):
        await nothing(program)
        found.append((program.judge.shard._words.state(), program.judge.shard._cautions))

    run(folder, script)
    return found[-1]


@pytest.fixture(scope="module")
def stopped(fed, tmp_path_factory):
    """A folder in which people have spoken, stopped cleanly, and what they said."""
    folder, said = folder_of(fed, tmp_path_factory.mktemp("spoken") / "data"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)
        run(folder, spoken(fed, said))
    return folder, said[0]


@pytest.fixture
def again(stopped, fed, tmp_path):
    shutil.copytree(stopped[0].data, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))
    return folder_of(fed, tmp_path / "data")


def test_they_change_what_the_rules_do(stopped):
    _, (leak, false, _, words) = stopped
    assert [w["outcome"] for w in words["standing"]] == ["planned_use", "false"]
    assert words["standing"][1]["judged"][0] == [false.rule, false.subject]
    state = state_of(stopped[0].data)
    (row,) = [a for a in state.alert_rows() if a["id"] == leak]
    assert row["is_inhibited"]
    assert state.audited("inhibited")[leak] >= 1


@pytest.mark.parametrize("damage", ["none", "snapshot", "journal too"])
def test_a_restart_knows_them_whatever_was_lost(again, stopped, damage):
    """From the snapshot, from the journal, and from the records alone."""
    if damage != "none":
        with closing(sqlite3.connect(again.data / "records.db")) as records, records:
            records.execute("UPDATE snapshots SET blob = x''")
    if damage == "journal too":
        for file in again.data.glob("journal.db*"):
            file.unlink()
    words, cautions = words_of(again, [])
    assert words == stopped[1][3]
    false = stopped[1][1]
    assert cautions[false.rule][false.subject] == 1.25


def test_what_was_said_while_nothing_ran_counts_from_the_next_start(again, stopped, fed):
    records = Records(f"sqlite:///{again.data / 'records.db'}")
    leak, false, plan, _ = stopped[1]
    book = FeedbackBook(records.database)
    book.withdraw(false.id, LI)
    book.unplan(plan, LI)
    records.close()

    async def script(program):
        await until(lambda: program.judge.shard is not None and len(book_of(program).given_out()) == 4)
        await feed(fed.entries[FIRST + 2 : FIRST + 4])(program)
        await until(lambda: is_all_done(program) and program.judge.shard._words.standing == {})
        assert program.judge.shard._cautions == {}
        assert not is_explained(program, leak)
        journaled = [e for _, e in program.journal.read(0, 1 << 30) if isinstance(e, Feedback)]
        assert [e.replaces for e in journaled][-2:] == [2, 1]

    run(again, script)


def book_of(program):
    return FeedbackBook(program.records.database)
