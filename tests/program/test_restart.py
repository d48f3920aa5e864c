"""A program that is stopped and started again: after a clean end, other rules, damage to its files, downtime."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import yaml
from inside import Folder, feed, nothing, run
from killed_program import until
from sqlalchemy.exc import OperationalError
from state import state_of

import aquavolt.store_sink
import aquavolt.worker
from alerts.records import Records
from alerts.values import Actor
from aquavolt.stores.duckdb_store import DuckDBStore
from bench.harness.feed import HOUR, all_readings, fingerprint
from collector.journal import Journal
from metering.batch import ReadingBatch
from rules.shard import Shard
from rules.snapshot import SnapshotError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FIRST = 250  # entries before the stop: 31 days, with open alerts of each category


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)


@pytest.fixture(scope="module")
def stopped(fed, tmp_path_factory):
    """A folder with the history's first month, stopped cleanly, one alert in somebody's hands."""
    folder = folder_of(fed, tmp_path_factory.mktemp("stopped") / "data", FIRST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)
        run(folder, feed(fed.entries[:FIRST]))
    records = Records(f"sqlite:///{folder.data / 'records.db'}")
    taken = records.find_alerts().items[-1]
    records.acknowledge(taken.id, Actor("li"), note="on my way")
    records.close()
    return folder, taken.id


@pytest.fixture
def again(stopped, fed, tmp_path):
    """A copy of that folder, to be started once more."""
    shutil.copytree(stopped[0].data, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))
    return folder_of(fed, tmp_path / "data", len(fed.entries))


def folder_of(fed, data, entries):
    return Folder(data, fed.site, np.datetime64(fed.entries[entries - 1].time, "ms"))


def time_of(entry):
    return entry.time.max() if isinstance(entry, ReadingBatch) else np.datetime64(entry.time, "ms")


def without_meter(entry, meter):
    return entry.take(entry.meter != entry.meters.index(meter)) if isinstance(entry, ReadingBatch) else entry


def rest(fed):
    return feed(fed.entries[FIRST:])


def without_people(state):
    """Alert rows as the rules wrote them."""
    people = ("is_acknowledged", "acknowledged_by", "version", "comments", "rules_revision")
    return [{k: v for k, v in alert.items() if k not in people} for alert in state.alert_rows()]


def check_kept(state, undisturbed, taken):
    """All readings, each alert raised once under its id, and what people did."""
    assert state.readings == undisturbed.state.readings
    assert state.written == len(state.readings)
    assert state.alert_ids == undisturbed.state.alert_ids
    assert set(state.audited("raised").values()) == {1}
    held = {a["id"]: (a["is_acknowledged"], a["acknowledged_by"]) for a in state.alert_rows()}
    assert held[taken] == (1, "li")
    assert sum(acknowledged for acknowledged, _ in held.values()) == 1


def test_after_a_clean_end_it_goes_on_as_if_it_had_not_stopped(again, stopped, fed, undisturbed):
    run(again, rest(fed))
    state = state_of(again.data)
    check_kept(state, undisturbed, stopped[1])
    assert without_people(state) == without_people(undisturbed.state)
    assert state.intervals == undisturbed.state.intervals


def test_a_start_without_news_changes_nothing(again, stopped):
    before = state_of(again.data)
    run(again, nothing)
    assert state_of(again.data) == before


@pytest.mark.parametrize("damage", ["torn", "other bytes", "nothing"])
def test_a_damaged_snapshot_is_replaced_by_what_is_stored(again, stopped, fed, undisturbed, damage):
    damaged = {"torn": "substr(blob, 1, length(blob) / 2)", "other bytes": "randomblob(5000)", "nothing": "x''"}
    with sqlite3.connect(again.data / "records.db") as records:
        records.execute(f"UPDATE snapshots SET blob = {damaged[damage]}")  # noqa: S608
    records.close()
    run(again, rest(fed))
    check_kept(state_of(again.data), undisturbed, stopped[1])


def test_other_rules_on_the_same_alerts_keep_ids_and_what_people_did(again, stopped, fed, undisturbed, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("incidents: {previous_days: 15}\n")
    run(Folder(again.data, again.site, again.now, rules), rest(fed))
    state = state_of(again.data)
    check_kept(state, undisturbed, stopped[1])
    revisions = {a["rules_revision"] for a in state.alert_rows() if a["is_active"]}
    assert len(revisions) == 1
    assert revisions.isdisjoint(a["rules_revision"] for a in undisturbed.state.alert_rows())


def test_a_rule_that_is_switched_off_clears_its_alerts_and_no_others(again, fed, tmp_path):
    before = state_of(again.data).open_alerts()
    off = {i for i, a in before.items() if a["rule"] == "peer_usage"}
    assert off
    assert off != set(before)
    rules = tmp_path / "rules.yaml"
    rules.write_text("peer_usage: {enabled: false}\n")
    run(Folder(again.data, again.site, again.now, rules), nothing)
    assert set(state_of(again.data).open_alerts()) == set(before) - off


def test_other_rules_while_the_store_is_behind_withdraw_no_alert(fed, undisturbed, tmp_path):
    """The rules were ahead of the store when the program died: a rebuild has to wait for the store."""
    folder = folder_of(fed, tmp_path / "data", len(fed.entries))

    async def judge_only(program):
        program.journal.append(fed.entries[:FIRST])
        await until(lambda: program.judge.position >= FIRST)

    def hold_store(program):
        program.sink.turn = lambda: time.sleep(0.01)
        program.sink.worker._turn = program.sink.turn
        program.sink.drain = lambda: None

    run(folder, judge_only, prepare=hold_store)
    raised = state_of(folder.data)
    assert raised.alerts
    assert raised.written == 0
    rules = tmp_path / "rules.yaml"
    rules.write_text("incidents: {previous_days: 15}\n")
    run(Folder(folder.data, folder.site, folder.now, rules), rest(fed))
    state = state_of(folder.data)
    assert state.alert_ids == undisturbed.state.alert_ids
    assert set(state.audited("raised").values()) == {1}
    assert state.audited("cleared") == undisturbed.state.audited("cleared")


def test_a_lost_journal_loses_only_what_nobody_had_read(again, stopped, fed, undisturbed):
    for path in again.data.glob("journal.db*"):
        path.unlink()
    run(again, rest(fed))
    check_kept(state_of(again.data), undisturbed, stopped[1])


def test_lost_records_are_made_anew_from_what_is_stored(again, fed, undisturbed):
    for path in again.data.glob("records.db*"):
        path.unlink()
    run(again, rest(fed))
    found = state_of(again.data)
    assert set(found.open_alerts()) == set(undisturbed.state.open_alerts())


def test_entries_given_up_for_the_rules_are_judged_from_the_store(again, stopped, fed, undisturbed):
    """Stored, but not judged for more than a day: the journal moved on, so the rules take them from the store."""
    before = np.datetime64("2026-01-01", "ms").astype(int)
    journal = Journal(again.data / "journal.db", readers=("live", "backlog", "stream"), now_ms=lambda: int(before))
    journal.append(fed.entries[FIRST : FIRST + 20])
    store = DuckDBStore(again.data / "store.duckdb")
    aquavolt.store_sink.StoreSink(journal, store, lambda _: None).drain()
    store.close()
    journal.close()
    journal = Journal(again.data / "journal.db", readers=("live", "backlog", "stream"))
    journal.tend()
    journal.tend()
    assert journal.health().dropped["stream_behind_entries"] == 20
    assert not journal.read(FIRST)
    journal.close()
    run(again, feed(fed.entries[FIRST + 20 :]))
    check_kept(state_of(again.data), undisturbed, stopped[1])


def test_another_tree_of_meters_is_another_state(again, fed, tmp_path):
    """A meter that now hangs elsewhere: what was remembered of the old tree is not taken up."""
    site = yaml.safe_load(fed.site.read_text(encoding="utf-8"))
    moved = next(m for m in site["meters"] if m["id"] == "w-dorm-1")
    assert moved.pop("parent") == "w-campus"
    other = tmp_path / "site.yaml"
    other.write_text(yaml.safe_dump(site, allow_unicode=True), encoding="utf-8")
    seen = []

    async def look(program):
        await nothing(program)
        seen.append(program.judge.shard)

    setup = Folder(again.data, other, again.now).setup()
    records = Records(f"sqlite:///{again.data / 'records.db'}")
    with pytest.raises(SnapshotError, match="site"):
        Shard.restore(records.latest_snapshot().blob, setup.site, setup.rules)
    records.close()
    run(Folder(again.data, other, again.now), look)
    assert len(seen) == 1
    state = state_of(again.data)
    assert set(state.audited("raised").values()) == {1}


def test_a_stopped_program_leaves_no_thread_behind(again):
    before = set(threading.enumerate())
    run(again, nothing)
    assert set(threading.enumerate()) <= before


def test_a_damaged_entry_stops_neither_the_store_nor_the_rules(again, fed, undisturbed):
    """It is in the midst, then at the very end of what was not read yet."""
    for end in (FIRST + 20, FIRST + 24):
        head = append_unread(again, fed.entries[:end])
        with sqlite3.connect(again.data / "journal.db") as file:
            file.execute("UPDATE entry SET body = randomblob(100) WHERE seq = ?", [head if end % 10 else head - 11])
        file.close()
        run(again, nothing)
    run(again, feed(fed.entries[FIRST + 24 :]))
    state = state_of(again.data)
    lost = fingerprint(all_readings([fed.entries[FIRST + 24 - 1]])) + fingerprint(
        all_readings([fed.entries[FIRST + 20 - 12]])
    )
    assert set(state.readings) == set(undisturbed.state.readings) - set(lost)
    assert set(state.audited("raised").values()) == {1}


def append_unread(folder, entries):
    journal = Journal(folder.data / "journal.db", readers=("live", "backlog", "stream"))
    head = journal.append(entries[journal.head() :])
    journal.close()
    return head


def test_alerts_that_could_not_be_written_are_written_once_they_can(fed, undisturbed, tmp_path, monkeypatch):
    """The records refuse every third write, as a full disk or a lost connection would."""
    monkeypatch.setattr(aquavolt.worker, "_PAUSE_S", (0.01, 0.01))
    folder = folder_of(fed, tmp_path / "data", len(fed.entries))
    asked = 0

    def refuse(program):
        inner = program.records.apply

        def apply(*given, **named):
            nonlocal asked
            asked += 1
            if asked % 3 == 1:
                raise OperationalError("INSERT", {}, Exception("disk I/O error"))
            return inner(*given, **named)

        program.records.apply = apply

    run(folder, feed(fed.entries), prepare=refuse)
    assert asked > 10
    assert without_people(state_of(folder.data)) == without_people(undisturbed.state)


def test_downtime_of_the_program_is_no_meters_fault_but_a_dead_meter_is_found(again, fed, undisturbed):
    """`aquavolt run` was off for most of a day; since then one meter is silent for good."""
    dead, back = "e-dorm-1-101", time_of(fed.entries[FIRST - 1]) + 20 * HOUR
    known = set(state_of(again.data).alert_ids)
    stopped_at, journaled = back - 20 * HOUR, []
    later = [without_meter(e, dead) for e in fed.entries[FIRST:] if time_of(e) > back]
    assert len(later) > 12

    async def script(program):
        journaled.extend(entry for _, entry in program.journal.read(FIRST))
        await feed(later)(program)

    run(replace(again, now=back), script, is_own_gap_noted=True)
    (tick,) = journaled
    assert tick.time == back
    assert stopped_at - 4 * HOUR <= tick.down_since <= stopped_at
    new = [a for a in state_of(again.data).alert_rows() if a["id"] not in known and a["category"] == "data_quality"]
    faulty = {a["subject"] for a in undisturbed.state.alert_rows() if a["category"] == "data_quality"}
    assert [(a["subject"], a["is_active"]) for a in new if a["subject"] not in faulty] == [(dead, 1)]
