"""One service as a program of its own, for tests: the real class, but a history in the place of meters and clock.

One argument, a JSON object: service (collect, watch, serve), settings (as in aquavolt.yaml), port, and optionally
feed (file), webhook (address), restart_tick. It prints `ready`, and a collector `fed` when its feed is journaled.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from feed import read_feed
from pydantic import SecretStr

import aquavolt.judge
import aquavolt.pushing.pusher
import aquavolt.store_sink
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings
from aquavolt.cli.service import stopped_by_signals
from aquavolt.config.documents import load_rules, load_site
from aquavolt.config.settings import Settings
from aquavolt.http_server import listen
from aquavolt.logs import set_up_logs
from aquavolt.services.collect import Collect
from aquavolt.services.serve import Serve
from aquavolt.services.watch import Watch
from aquavolt.setup import Setup
from metering.entries import Tick

FED = "fed"
FLOW = 12  # entries that the feed may be ahead of `watch`, so that kills meet work under way
LOOK_S = 0.005


class FedCollect(Collect):
    """A collector whose meters are a feed; its journal knows how much of it there is."""

    def __init__(self, setup: Setup, feed: Path | None, is_held_back: bool) -> None:
        super().__init__(setup)
        self._feed = read_feed(feed) if feed else []
        self._is_held_back = is_held_back

    async def _read(self, _sink: Any) -> None:
        done = int(self.journal.marks().get(FED, "0"))
        for place, entry in enumerate(self._feed[done:], done + 1):
            while self._is_held_back and self.journal.head() - self.pusher.position > FLOW:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
            await asyncio.get_running_loop().run_in_executor(None, self.journal.append, [entry], {FED: str(place)})
        print("fed", flush=True)  # noqa: T201
        await asyncio.Event().wait()


def time_fed(feed: list[Any], done: int) -> np.datetime64:
    """The clock of a collector that has fed so much."""
    ticks = [entry.time for entry in feed[:done] if isinstance(entry, Tick)]
    return ticks[-1] if ticks else feed[0].time.min()


def main(text: str) -> None:
    given = json.loads(text)
    set_up_logs()  # to stderr: what is said on stdout is for the test
    aquavolt.judge.SNAPSHOT_EVERY_S, aquavolt.store_sink._LINGER_S = 0.3, 0.01
    aquavolt.pushing.pusher.HEARTBEAT_S, aquavolt.pushing.pusher._LONGEST_WAIT_S = 0.5, 1.0
    settings = Settings.model_validate(given["settings"])
    site, _ = load_site(settings.site)
    feed = Path(given["feed"]) if given.get("feed") else None
    entries = read_feed(feed) if feed else []
    clock = {"now": np.datetime64("2026-11-17T00:00", "ms")}
    hooks = [given["webhook"]] if given.get("webhook") else []
    channels = [WebhookChannel(WebhookSettings(name="test", url=SecretStr(url))) for url in hooks]
    setup = Setup(settings, site, load_rules(None, site), channels=channels, now=lambda: clock["now"])
    program = open_service(given, setup, feed)
    if isinstance(program, Collect) and entries:
        clock["now"] = time_fed(entries, int(program.journal.marks().get(FED, "0")))

    async def run() -> None:
        sockets = [] if given["service"] == "collect" else [listen("127.0.0.1", given["port"])]
        ready = lambda: print("ready", flush=True)  # noqa: E731, T201
        await program.run(stopped_by_signals(), *sockets, on_ready=ready)

    try:
        asyncio.run(run())
    finally:
        program.close()
    print("done", flush=True)  # noqa: T201


def open_service(given: dict[str, Any], setup: Setup, feed: Path | None) -> Any:
    if given["service"] == "watch":
        return Watch(setup)
    if given["service"] == "serve":
        return Serve(setup)
    return FedCollect(setup, feed, given.get("is_held_back", False))


if __name__ == "__main__":
    main(sys.argv[1])
