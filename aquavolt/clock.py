"""The clock of the program: ticks into the journal, so that the rules hear of silence in the readings' own order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from collector.journal import JournalError
from collector.journal_sink import JournalSink
from metering.entries import Tick

TICK_S = 60.0
_log = structlog.get_logger(__name__)


def utc_ms() -> np.datetime64:
    """Now, as readings have it."""
    return np.datetime64(time.time_ns() // 1_000_000, "ms")


def steady_s() -> float:
    """Seconds that nobody can set, those of a machine that slept among them where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


async def tick_forever(sink: JournalSink, now: Callable[[], np.datetime64] = utc_ms, period_s: float = TICK_S) -> None:
    """A tick each minute into the journal."""

    async def write() -> None:
        await sink.append_entry(Tick(now()))

    await each_tick(write, period_s)


async def each_tick(write: Callable[[], Awaitable[None]], period_s: float = TICK_S) -> None:
    """Call it each minute; a tick that cannot be written is left out, the next says the same."""
    while True:
        await asyncio.sleep(period_s - time.time() % period_s)
        try:
            await write()
        except JournalError:
            continue


async def each_night(zone: ZoneInfo, work: Callable[[np.datetime64], object], hour: int = 3) -> None:
    """Do the work, in a thread, at that hour of each local night, when few people look at pages."""
    loop = asyncio.get_running_loop()
    while True:
        now = datetime.now(zone)
        due = now.replace(hour=hour, minute=0, second=0, microsecond=0)
        # Wall clocks are compared as moments, so a night of 23 or 25 hours is waited for rightly.
        due = due if due > now else due + timedelta(days=1)
        await asyncio.sleep(max(1.0, due.timestamp() - now.timestamp()))
        try:
            await loop.run_in_executor(None, work, utc_ms())
        except Exception:  # noqa: BLE001 - upkeep that fails is tried again the next night
            _log.exception("nightly upkeep failed")
