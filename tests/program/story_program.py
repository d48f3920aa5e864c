"""The whole program on meters that a test breaks and mends, on a clock that the test moves.

One argument, a JSON object: folder (with aquavolt.yaml, site.yaml, clock and feed), socket (the page's, inherited),
and point: where it kills itself with -9, "" nowhere. Prints `ready` once its history is judged; it ends with SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from killed_program import Death, Doing, during, lay_traps
from sqlalchemy import event

import alerts.desk
import aquavolt.judge
import aquavolt.taking
from aquavolt.clock import tick_forever
from aquavolt.config.documents import load_rules, load_site
from aquavolt.config.settings import load_settings
from aquavolt.demo import is_simulated
from aquavolt.logs import set_up_logs
from aquavolt.program import Program, Setup
from bench.harness.feed import read_feed
from bench.harness.steered_clock import SteeredClock

# Beside those of `killed_program`.
POINTS = (
    "breaching",  # within the transaction of a missed deadline, just before its commit
    "taking",  # the same of an acknowledgement
    "taken",  # it is written, the phone has no answer yet
    "closing",  # the same of an outcome
    "closed",
)
LOOK_S = 0.5


def setup_of(folder: Path) -> Setup:
    settings = load_settings(folder / "aquavolt.yaml", {})
    site, _ = load_site(settings.site)
    clock = SteeredClock(folder / "clock")
    return Setup(
        settings, site, load_rules(None, site), is_history=is_simulated, now=clock.ms, clock=clock.utc, steady=None
    )


def lay_story_traps(program: Program, death: Death) -> None:
    """Also in what people and time do."""
    lay_traps(program, death)
    for lane in program._outbox._lanes:
        death.around(lane._channel, "send", before="sending", after="answered")
    records, doing, record_overdue = program.records, Doing(), alerts.desk.record_overdue
    for act, before, after in (("acknowledge", "taking", "taken"), ("resolve", "closing", "closed")):
        during(records, act, doing, before)
        death.around(records, act, after=after)

    def recording(*given: Any) -> Any:
        found = record_overdue(*given)
        doing.what = "breaching" if found else ""
        return found

    alerts.desk.record_overdue = recording
    event.listen(records.database.engine, "commit", lambda _: death.at(doing.what))


def note_sending(program: Program, path: Path) -> None:
    """Write down, to outlive a kill, which notifications channels were asked to take, and which are marked."""
    file = path.open("a", buffering=1)
    lanes = program._outbox._lanes

    def noted(owner: Any, name: str, before: str, after: str, id_of: Callable[[Any], str]) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def call(given: Any, *more: Any) -> Any:
            if before:
                file.write(f"{before} {id_of(given)}\n")
            answer = inner(given, *more)
            if after:
                file.write(f"{after} {id_of(given)}\n")
            return answer

        setattr(owner, name, call)

    noted(lanes[0]._sender._queue._due, "mark_delivered", "", "marked", str)  # the lanes share it
    for lane in lanes:
        noted(lane._channel, "send", "asked", "", lambda notification: str(notification.id))


async def bring_in(program: Program, folder: Path) -> None:
    """What of the history is not journaled yet."""
    for entry in read_feed(folder / "feed")[program.journal.head() :]:
        program.journal.append([entry])


def main(text: str) -> None:
    given: dict[str, Any] = json.loads(text)
    folder = Path(given["folder"])
    set_up_logs()
    aquavolt.judge.SNAPSHOT_EVERY_S = LOOK_S
    # A test's quarter of an hour goes by in less than a second, and is to have its ticks.
    aquavolt.taking.tick_forever = partial(tick_forever, period_s=LOOK_S / 2)
    program = Program(setup_of(folder))
    program._judging.deadlines._every_s = LOOK_S
    note_sending(program, folder / "asked")
    lay_story_traps(program, Death(given["point"], 1))

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        is_first = program.journal.head() < len(read_feed(folder / "feed"))
        await program.run(
            stop,
            socket.socket(fileno=given["socket"]),
            prologue=(lambda p: bring_in(p, folder)) if is_first else None,
            on_ready=lambda: print("ready", flush=True),  # noqa: T201
        )

    try:
        asyncio.run(run())
    finally:
        program.close()


if __name__ == "__main__":
    main(sys.argv[1])
