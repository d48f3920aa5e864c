"""`aquavolt collect` for one purpose: the demo's history goes into its journal, and from there where everything goes.

Two arguments, the truth file and the time (ISO 8601, UTC) to which the history goes; settings from the environment.
It prints `fed` when all is journaled. Meters are read by the real command, started afterwards on the same journal.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from aquavolt.cli.service import stopped_by_signals
from aquavolt.config.documents import load_rules, load_site
from aquavolt.config.settings import load_settings
from aquavolt.logs import set_up_logs
from aquavolt.services.collect import Collect
from aquavolt.setup import Setup
from metering.entries import Entry, Tick
from simulators.campus.campus import Campus, campus_of_truth


class HistoryCollect(Collect):
    """Its meters are a campus's past."""

    def __init__(self, setup: Setup, campus: Campus) -> None:
        super().__init__(setup)
        self._campus = campus

    async def _read(self, _sink: Any) -> None:
        now = self.setup.now()
        for entry in self._campus.entries(self._campus.start, now):
            await self._take(entry)
        await self._take(Tick(now))
        print("fed", flush=True)  # noqa: T201
        await asyncio.Event().wait()

    async def _take(self, entry: Entry) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.journal.append, [entry])


def main(truth: str, now: str) -> None:
    set_up_logs()
    settings = load_settings(None)
    site, _ = load_site(settings.site)
    setup = Setup(settings, site, load_rules(settings.rules, site), now=lambda: np.datetime64(now, "ms"))
    program = HistoryCollect(setup, campus_of_truth(json.loads(Path(truth).read_text(encoding="utf-8"))))

    async def run() -> None:
        await program.run(stopped_by_signals())

    try:
        asyncio.run(run())
    finally:
        program.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
