"""One service as a program of its own: the real class, on a clock of the harness.

One argument, a JSON object:

    service   collect, watch, serve
    settings  as in aquavolt.yaml
    port      where it listens
    webhook   address of a channel (optional)
    now       what the clock says; where a collector reads meters, what it says at first (optional)
    feed      a collector's readings come from this file, not from meters; with is_held_back not much faster than
              `watch` takes them (optional). Without it the meters of the site are read, and the clock is that of their
              readings
    cap_bytes  the journal's cap, below what the settings allow (optional)

It prints `ready`, and a collector `fed` when its feed is journaled.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

import aquavolt.judge
import aquavolt.pushing.pusher
import aquavolt.store_sink
import aquavolt.worker
import collector.mqtt.client
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings
from aquavolt.cli.service import stopped_by_signals
from aquavolt.clock import utc_ms
from aquavolt.config.documents import load_rules, load_site
from aquavolt.config.settings import Settings
from aquavolt.http_server import listen
from aquavolt.logs import set_up_logs
from aquavolt.services.collect import Collect
from aquavolt.services.serve import Serve
from aquavolt.services.watch import Watch
from aquavolt.setup import Setup
from bench.harness.clock import ReadingsClock
from bench.harness.feed import read_feed
from bench.harness.telling import CHANNEL, tell_at_once
from collector.journal import Journal, JournalError
from metering.entries import Entry, Tick

FED = "fed"
FLOW = 12  # entries that the feed may be ahead of `watch`, so that kills meet work under way
LOOK_S = 0.005
NOW = "2026-11-17T00:00"


class FedCollect(Collect):
    """A collector whose meters are a feed; its journal knows how much of it there is."""

    def __init__(self, setup: Setup, feed: list[Entry], is_held_back: bool) -> None:
        super().__init__(setup)
        self._feed = feed
        self._is_held_back = is_held_back

    async def _read(self, _sink: Any) -> None:
        done = int(self.journal.marks().get(FED, "0"))
        for place, entry in enumerate(self._feed[done:], done + 1):
            while self._is_held_back and self.journal.head() - self.pusher.position > FLOW:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
            await asyncio.get_running_loop().run_in_executor(None, self.journal.append, [entry], {FED: str(place)})
        print("fed", flush=True)
        await asyncio.Event().wait()


def time_fed(feed: list[Any], done: int) -> np.datetime64:
    """The clock of a collector that has fed so much."""
    ticks = [entry.time for entry in feed[:done] if isinstance(entry, Tick)]
    return ticks[-1] if ticks else feed[0].time.min()


def tick_by_readings(journal: Journal, clock: ReadingsClock) -> None:
    """From here on the clock's ticks stand in the journal between the readings that they belong to."""
    write, lock = journal.append, threading.Lock()

    def append(entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> int:
        with lock:
            before = clock.now
            try:
                return write(clock.with_ticks(entries), {**(marks or {}), **clock.mark()})
            except JournalError:
                clock.turn_back(before)
                raise

    journal.append = append  # type: ignore[method-assign]


class Child:
    """The service that the argument asks for."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._now = lambda: np.datetime64(given.get("now", NOW), "ms")
        self.service = self._open(self._setup())

    def _clock(self) -> np.datetime64:
        return self._now()

    def _setup(self) -> Setup:
        settings = Settings.model_validate(self._given["settings"])
        site, _ = load_site(settings.site)
        hooks = [self._given["webhook"]] if self._given.get("webhook") else []
        channels = [
            WebhookChannel(
                WebhookSettings(name=CHANNEL, url=SecretStr(url), allow_networks=(ip_network("127.0.0.0/8"),))
            )
            for url in hooks
        ]
        rules = load_rules(None, site)
        # The clock goes by readings that have come, so what comes is ahead of it.
        return Setup(settings, site, rules, channels=channels, now=self._clock, arrival=utc_ms)

    def _open(self, setup: Setup) -> Any:
        if self._given["service"] == "watch":
            watch = Watch(setup)
            tell_at_once(watch.judging.records.database)
            return watch
        if self._given["service"] == "serve":
            return Serve(setup)
        return self._fed(setup) if self._given.get("feed") else self._metered(setup)

    def _fed(self, setup: Setup) -> Collect:
        feed = read_feed(Path(self._given["feed"]))
        program = FedCollect(setup, feed, self._given.get("is_held_back", False))
        now = time_fed(feed, int(program.journal.marks().get(FED, "0")))
        self._now = lambda: now
        return program

    def _metered(self, setup: Setup) -> Collect:
        program = Collect(setup)
        if cap_bytes := self._given.get("cap_bytes"):
            journal = program.journal
            journal._limits = replace(journal._limits, cap_bytes=cap_bytes)  # noqa: SLF001
        clock = ReadingsClock(self._now(), program.journal.marks())
        tick_by_readings(program.journal, clock)
        self._now = lambda: clock.now
        return program

    async def run(self) -> None:
        """Until a signal."""
        sockets = [] if self._given["service"] == "collect" else [listen("127.0.0.1", self._given["port"])]
        await self.service.run(stopped_by_signals(), *sockets, on_ready=lambda: print("ready", flush=True))


def main(text: str) -> None:
    set_up_logs()  # to stderr: what is said on stdout is for the harness
    # What a real program does every few minutes happens several times between two deaths.
    aquavolt.judge.SNAPSHOT_EVERY_S, aquavolt.store_sink._LINGER_S = 0.3, 0.01  # noqa: SLF001
    aquavolt.pushing.pusher.HEARTBEAT_S, aquavolt.pushing.pusher._LONGEST_WAIT_S = 0.5, 1.0  # noqa: SLF001
    # Weeks pass in a minute: nobody comes back only after half a minute.
    aquavolt.worker._PAUSE_S, collector.mqtt.client._LONGEST_WAIT_S = (0.5, 1.0), 1.0  # noqa: SLF001
    child = Child(json.loads(text))
    try:
        asyncio.run(child.run())
    finally:
        child.service.close()
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
