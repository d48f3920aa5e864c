"""The clock of the program: ticks into the journal, so that the rules hear of silence in the readings' own order."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from collector.journal import JournalError
from collector.journal_sink import JournalSink
from metering.entries import Tick

TICK_S = 60.0


def utc_ms() -> np.datetime64:
    """Now, as readings have it."""
    return np.datetime64(time.time_ns() // 1_000_000, "ms")


async def tick_forever(sink: JournalSink, period_s: float = TICK_S) -> None:
    """A tick each minute; one that cannot be written is left out, the next says the same."""
    while True:
        await asyncio.sleep(period_s - time.time() % period_s)
        try:
            await sink.append_entry(Tick(utc_ms()))
        except JournalError:
            continue
