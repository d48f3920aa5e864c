"""The water mains of the simulated campus on real sockets, on a test's clock; pipes break and are mended on request."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import numpy as np

from bench.harness.steered_clock import SteeredClock
from metering.batch import ReadingBatch, concatenate, to_ms
from simulators.campus.campus import build_campus, epoch_before
from simulators.campus.faults import Fault
from simulators.campus.layout import PULSE_PROFILE
from simulators.campus.lines import CampusLines
from simulators.campus.live import LiveCampus
from simulators.campus.site_file import Endpoints

DAYS = 26  # burst flow wants 21 that it knows
POLL_S = 0.25
_NO_BROKER = 1  # none of the mains is a radio meter


class StoryCampus:
    """Healthy until something is broken. `start` to `stop`; its ports stay while the program that reads it dies."""

    def __init__(self, seed: int, clock: SteeredClock) -> None:
        self._clock = clock
        self._began = clock.utc()
        self.campus = build_campus(seed, epoch_before(self._began, DAYS), DAYS, ())
        self.meters = tuple(m.id for m in self.campus.layout.meters if m.profile == PULSE_PROFILE)
        self._live = LiveCampus(self.campus, clock.ms)
        self._lines = CampusLines(self._live)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="campus", daemon=True)
        self._ports: list[int] = []

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()
        self._ports = asyncio.run_coroutine_threadsafe(self._lines.start(), self._loop).result(20)

    def stop(self) -> None:
        """Close the sockets."""
        asyncio.run_coroutine_threadsafe(self._lines.stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def site_document(self) -> dict[str, Any]:
        """The campus with its mains only, read four times a second."""
        document = self.campus.site_document(Endpoints(self._ports, _NO_BROKER))
        mains = [m | {"poll_s": POLL_S} for m in document["meters"] if m["id"] in self.meters]
        return document | {"meters": mains}

    def history(self) -> list[ReadingBatch]:
        """What the mains showed up to the start of the clock, a batch a day."""
        batches = [self._mains_of(b) for b in self.campus.history(self.campus.start, to_ms(self._began))]
        return [concatenate(batches[i : i + 4]) for i in range(0, len(batches), 4)]

    def _mains_of(self, batch: ReadingBatch) -> ReadingBatch:
        rows = [batch.meters.index(meter) for meter in self.meters]  # rising, as in the layout
        kept = batch.take(np.isin(batch.meter, rows))
        return replace(kept, meters=self.meters, meter=np.searchsorted(rows, kept.meter).astype(np.int32))

    def break_main(self, node: str) -> Fault:
        """A split pipe at a building's main, from now on."""
        return self._between_questions(lambda now: self.campus.inject("burst", node, now))

    def repair(self, fault: Fault) -> Fault:
        """Somebody has shut it."""
        return self._between_questions(lambda now: self.campus.repair(fault.id, now))

    def _between_questions(self, change: Any) -> Fault:
        """On the simulator's own thread, so that no meter is asked half way through."""

        async def run() -> Fault:
            await asyncio.sleep(0)
            made: Fault = change(self._clock.utc())
            self._live.forget()
            return made

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)
