"""The whole program within this process: fed, stopped and started again, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from killed_program import is_all_done, until

from aquavolt.channels.kinds import OpenChannel
from aquavolt.config.documents import load_rules, load_site
from aquavolt.config.settings import load_settings
from aquavolt.program import Program, Setup, listen
from metering.entries import Entry

Script = Callable[[Program], Awaitable[None]]
FLOW = 20
LONGEST_S = 120.0


@dataclass(frozen=True)
class Folder:
    """A data folder and the files that say what runs on it. `now` is the program's clock."""

    data: Path
    site: Path
    now: np.datetime64
    rules: Path | None = None
    channels: Sequence[OpenChannel] = ()

    def setup(self) -> Setup:
        settings = load_settings(None, {}, data=self.data, site=self.site, port=0, rules=self.rules)
        site, _ = load_site(self.site)
        rules = load_rules(self.rules, site)
        return Setup(settings, site, rules, channels=self.channels, now=lambda: self.now)

    def later(self, hours: float) -> Folder:
        return replace(self, now=self.now + np.timedelta64(round(hours * 60), "m"))


def run(
    folder: Folder,
    script: Script,
    *,
    is_own_gap_noted: bool = False,
    prepare: Callable[[Program], None] = lambda _: None,
) -> None:
    """Start the program, do what the script does, stop it cleanly.

    The script runs in the place of the demo's history; with `is_own_gap_noted` once the program is ready, as after
    the downtime of `aquavolt run`.
    """
    program = Program(folder.setup())
    prepare(program)

    async def main() -> None:
        stop, ready = asyncio.Event(), asyncio.Event()

        async def once_ready() -> None:
            await ready.wait()
            await scripted(program)

        async def scripted(running: Program) -> None:
            try:
                async with asyncio.timeout(LONGEST_S):
                    await script(running)
            finally:
                stop.set()

        beside = asyncio.create_task(once_ready()) if is_own_gap_noted else None
        await program.run(
            stop, listen("127.0.0.1", 0), prologue=None if is_own_gap_noted else scripted, on_ready=ready.set
        )
        if beside is not None:
            beside.cancel()
            await asyncio.gather(beside)

    try:
        asyncio.run(main())
    finally:
        program.close()


def feed(entries: Sequence[Entry]) -> Script:
    """Journal these entries, then wait until all is stored, judged and told."""

    async def script(program: Program) -> None:
        for entry in entries:
            await until(lambda: program.journal.head() - min(program.judge.position, program.sink.position) <= FLOW)
            program.journal.append([entry])
        await until(lambda: is_all_done(program))

    return script


async def nothing(program: Program) -> None:
    """See to what is there already."""
    await until(lambda: is_all_done(program))
