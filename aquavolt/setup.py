"""What every service is made from, and how its tasks end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from alerts.playbook import Playbook, shipped_playbook
from alerts.values import Clock, utc_now
from aquavolt.channels.kinds import OpenChannel
from aquavolt.clock import steady_s, utc_ms
from aquavolt.config.settings import Settings
from collector.journal_limits import JournalLimits
from metering.entries import Entry
from metering.site import Site
from rules.settings import RulesSettings

if TYPE_CHECKING:
    from api.parts import Access


class ProgramError(RuntimeError):
    """The program cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a program is made from.

    access      none: accounts, and bearer tokens as the settings say
    is_history  entries whose alerts nobody is told of one by one (see `JudgeParts`)
    now         the clock of meters and rules: UTC, datetime64[ms]
    arrival     when what is read came, which devices' clocks are held against; none: `now`
    clock       the clock of people: deadlines, roster and routes, links, sessions, pages
    steady      seconds that nobody can set, by which a clock that was set is seen (`alerts.notify.clock_steps`)
    """

    settings: Settings
    site: Site
    rules: RulesSettings
    playbook: Playbook = field(default_factory=shipped_playbook)
    access: Access | None = None
    channels: Sequence[OpenChannel] = ()
    is_history: Callable[[Entry], bool] = lambda _: False
    now: Callable[[], np.datetime64] = utc_ms
    arrival: Callable[[], np.datetime64] | None = None
    clock: Clock = utc_now
    steady: Callable[[], float] | None = steady_s


def limits_of(settings: Settings) -> JournalLimits:
    """The bounds of a journal."""
    journal = settings.journal
    return JournalLimits(cap_bytes=journal.cap_mb << 20, free_floor_bytes=journal.free_disk_floor_mb << 20)


async def until_first(*tasks: asyncio.Task[Any]) -> None:
    """Wait until one of the tasks ends, and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    """End the tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
