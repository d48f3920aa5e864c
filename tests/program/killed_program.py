"""A program on real stores that is fed a history through its journal and kills itself with -9 at a named point.

One argument, a JSON object: data, site, feed (files), webhook (address), and optionally rules (file), point and
occurrence (where to die), upto (how many entries of the feed are known yet). It goes on with the feed where its
journal ends, prints a line `start HEAD` when it is open and `done` when all is stored, judged and delivered.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr
from sqlalchemy import event

import alerts.notify.dispatch
import aquavolt.judge
import aquavolt.store_sink
from alerts.notify.dispatch import Turn
from alerts.notify.tellings import Released, release
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings
from aquavolt.config.documents import load_rules, load_site
from aquavolt.config.settings import load_settings
from aquavolt.logs import set_up_logs
from aquavolt.program import Program, Setup, listen
from bench.harness.feed import read_feed
from bench.harness.telling import CHANNEL, is_all_told, tell_at_once
from metering.batch import ReadingBatch

# Where a program can die; "" is nowhere.
POINTS = (
    "journaled",  # an entry is durable, nobody has seen it
    "stored",  # readings and position are in the store, the journal's cursor is not moved
    "derived",  # intervals are written, alerts are not
    "applying",  # within the transaction of an entry's changes, just before its commit
    "applied",  # alerts and audit are written, the dispatcher has not looked
    "routing",  # within the transaction of a turn of the dispatcher that writes a message, just before its commit
    "routed",  # the message is in the outbox, no channel was asked
    "sending",  # a notification is due, the channel was not asked
    "answered",  # the channel has it, it is not marked
    "marked",
    "snapshotting",  # within the transaction of a snapshot
    "snapshotted",  # the snapshot is there, the journal's cursor is not moved
    "reconciled",  # after a rebuild: alerts are in line, the snapshot is not written
)
SNAPSHOT_EVERY_S = 0.3
LINGER_S = 0.01
FLOW = 6  # entries that the feed may be ahead: so all that happens happens next to everything else
LOOK_S = 0.005


class Death:
    """Kills this process the nth time it comes to the point."""

    def __init__(self, point: str, occurrence: int) -> None:
        self._point, self._left = point, occurrence

    def at(self, point: str) -> None:
        if point and point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, before: str = "", after: str = "", if_given: bool = False) -> None:
        """Die before or after this method of this one object; with `if_given` only when its answer is not empty."""
        inner: Callable[..., Any] = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            self.at(before)
            answer = inner(*given, **named)
            if answer or not if_given:
                self.at(after)
            return answer

        setattr(owner, name, call)


class Channel(WebhookChannel):
    """The real channel, with a death before and after the real answer."""

    def __init__(self, url: str, death: Death) -> None:
        super().__init__(WebhookSettings(name=CHANNEL, url=SecretStr(url), allow_networks=["127.0.0.0/8"]))
        self._death = death

    def send(self, notification: Any) -> None:
        self._death.at("sending")
        super().send(notification)
        self._death.at("answered")


def lay_traps(program: Program, death: Death) -> None:
    doing = Doing()
    during(program.records, "apply", doing, "applying")
    during(program.records, "save_snapshot", doing, "snapshotting")
    trap_dispatcher(program, death)
    event.listen(program.records.database.engine, "commit", lambda _: death.at(doing.what))
    death.around(program.journal, "append", after="journaled")
    death.around(program.store, "append_readings", after="stored")
    death.around(program.records, "apply", before="derived", after="applied", if_given=True)
    death.around(program.records, "save_snapshot", after="snapshotted")
    death.around(program.records, "reconcile", after="reconciled")
    for lane in program._outbox._lanes:
        death.around(lane._sender._queue._due, "mark_delivered", after="marked")


class Doing(threading.local):
    """What this thread is at; "" nothing of note."""

    what = ""


def during(owner: Any, name: str, doing: Doing, doing_what: str) -> None:
    """Note it while this method runs."""
    inner: Callable[..., Any] = getattr(owner, name)

    def call(*given: Any, **named: Any) -> Any:
        doing.what = doing_what
        try:
            return inner(*given, **named)
        finally:
            doing.what = ""

    setattr(owner, name, call)


def trap_dispatcher(program: Program, death: Death) -> None:
    """Its turns that write a message, on its own thread."""
    telling = program._judging.telling
    is_writing = threading.local()

    def releasing(*given: Any) -> Released:
        released = release(*given)
        is_writing.message = released.letters > 0
        return released

    def committing(_: Any) -> None:
        if getattr(is_writing, "message", False):
            is_writing.message = False
            death.at("routing")

    inner = telling._dispatcher.turn

    def turn() -> Turn:
        done = inner()
        if done.has_written:
            death.at("routed")
        return done

    alerts.notify.dispatch.release = releasing
    telling._dispatcher.turn = turn  # type: ignore[method-assign]
    event.listen(program.records.database.engine, "commit", committing)


async def follow(program: Program, given: dict[str, Any], stop: asyncio.Event) -> None:
    """Feed what the journal does not have yet, then see all of it through."""
    entries = read_feed(Path(given["feed"]))[: given.get("upto")]
    acknowledged = Path(given["data"]) / "acknowledged"
    for entry in entries[program.journal.head() :]:
        await until(lambda: program.journal.head() - min(program.judge.position, program.sink.position) <= FLOW)
        seq = program.journal.append([entry])
        with acknowledged.open("w") as file:
            file.write(str(seq))
    await until(lambda: is_all_done(program))
    stop.set()


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - positions of other threads, looked at
        await asyncio.sleep(LOOK_S)


def is_all_done(program: Program) -> bool:
    if min(program.judge.position, program.sink.position) < program.journal.head():
        return False
    return is_all_told(program.records, program._judging.duty_desk)


def main(text: str) -> None:
    given = json.loads(text)
    set_up_logs()  # stdout says where we are, nothing else
    death = Death(given.get("point", ""), given.get("occurrence", 1))
    # What a real program does every few minutes happens several times between two deaths.
    aquavolt.judge.SNAPSHOT_EVERY_S, aquavolt.store_sink._LINGER_S = SNAPSHOT_EVERY_S, LINGER_S
    rules_file = Path(given["rules"]) if given.get("rules") else None
    settings = load_settings(None, {}, data=Path(given["data"]), site=Path(given["site"]), port=0, rules=rules_file)
    site, _ = load_site(settings.site)
    last = max(entry.time.max() for entry in read_feed(Path(given["feed"])) if isinstance(entry, ReadingBatch))
    channel = Channel(given["webhook"], death)
    now = last + np.timedelta64(1, "m")
    program = Program(Setup(settings, site, load_rules(rules_file, site), channels=(channel,), now=lambda: now))
    tell_at_once(program.records.database)
    lay_traps(program, death)
    print(f"start {program.journal.head()}", flush=True)  # noqa: T201

    async def run() -> None:
        stop = asyncio.Event()
        await program.run(stop, listen("127.0.0.1", 0), prologue=lambda p: follow(p, given, stop))

    try:
        asyncio.run(run())
    finally:
        program.close()
    print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
