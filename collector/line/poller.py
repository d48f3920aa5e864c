"""Polls all meters of a site that answer in frames: a task a line, one meter after the other, on a fixed grid.

A meter that has not answered twice is left alone but for a probe now and then, so that it does not eat the line's time;
a line that cannot be opened is tried again with growing pauses. A poll that is due while its last one is still waiting
is skipped and counted, never queued behind it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Protocol

import numpy as np
import structlog

from collector.alarms import Alarms
from collector.breaker import Breaker, BreakerSettings, BreakerState
from collector.clocks import clock_word
from collector.connection import ConnectionTextError
from collector.dial_in import DialInPorts
from collector.last_seen import best_rank, bytes_text
from collector.line.plan import LinePoll, ProtocolError, UnreadableError, plan_polls
from collector.line.wire import LineError, NoAnswerError, Wire
from collector.modbus.ports import PollCounts
from collector.reading import moments
from collector.schedule import Due, GridSchedule, phase_of
from collector.statement import Statement
from device_profiles import Profile, load_profile
from device_profiles.kinds import FrameProfile
from metering.batch import MeterEvent, ReadingBatch, batch_of
from metering.entries import Entry, EventBatch
from metering.site import Meter

_log = structlog.get_logger(__name__)
_IDLE_S = 1.0
_AGAIN_S = 5.0


class LineSink(Protocol):
    """Where readings and events go; they count as taken when the call returns."""

    def is_accepting(self) -> bool:
        """Whether anything may be handed in now."""
        ...

    async def append(self, batch: ReadingBatch) -> None:
        """Take all readings, or raise and take none."""
        ...

    async def append_entry(self, entry: Entry) -> int:
        """Take an entry of another kind."""
        ...


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Breakers of a meter and of a line; seconds stand in them."""

    meter: BreakerSettings = field(default_factory=BreakerSettings)
    line: BreakerSettings = field(default_factory=lambda: BreakerSettings(failures=1, longest_s=60.0))


class LinePoller:
    """The part of the collector that reads DL/T 645, CJ/T 188 and M-Bus meters.

    meters   those to poll; one that cannot be is counted as an error, the others go on
    zone     the site's, for meters' clocks
    now_ms   Unix milliseconds, UTC: the time a reading gets when its reply arrives

    Give it only meters whose profile is one of frames (`is_framed`), and whose connection is no broker.
    """

    def __init__(
        self,
        meters: Iterable[Meter],
        sink: LineSink,
        counts: PollCounts,
        *,
        settings: LineSettings | None = None,
        profiles: Callable[[str], Profile] = load_profile,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        draw: Callable[[], float] = random.random,
        zone: tzinfo | None = None,
        ports: DialInPorts | None = None,
    ) -> None:
        self._sink, self._counts, self._zone = sink, counts, zone
        self._settings, self._now_ms, self._draw = settings or LineSettings(), now_ms, draw
        self._alarms = Alarms()
        self._ports = ports or DialInPorts()
        self._lines = self._compile(meters, profiles)
        self._plans: list[tuple[GridSchedule[LinePoll], dict[str, Breaker]]] = []
        self._taking: dict[str, asyncio.Task[None]] = {}

    def _compile(self, meters: Iterable[Meter], profiles: Callable[[str], Profile]) -> dict[str, list[LinePoll]]:
        lines: dict[str, list[LinePoll]] = {}
        for meter in meters:
            try:
                polls = plan_polls(meter, profiles(meter.profile or ""))
            except (UnreadableError, ConnectionTextError) as error:
                self._counts.error(meter.id, str(error))
                _log.warning("meter is not polled", meter=meter.id, reason=str(error))
                continue
            lines.setdefault(polls[0].connection.endpoint, []).extend(polls)
        return lines

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        self._counts.ask_when(lambda: self._upcoming(loop.time()))
        async with asyncio.TaskGroup() as group:
            for endpoint, polls in self._lines.items():
                group.create_task(self._keep_line(endpoint, polls), name=f"line {endpoint}")

    # -- one line ----------------------------------------------------------------------------------------

    async def _keep_line(self, endpoint: str, polls: list[LinePoll]) -> None:
        while True:
            try:
                await self._run_line(endpoint, polls)
            except Exception as error:  # noqa: BLE001 - one line's trouble must not stop the others
                self._counts.connection(endpoint, "failed", errors=1, error=f"{type(error).__name__}: {error}")
                _log.exception("line failed", line=endpoint)
                await asyncio.sleep(_AGAIN_S)

    async def _run_line(self, endpoint: str, polls: list[LinePoll]) -> None:
        schedule: GridSchedule[LinePoll] = GridSchedule(_now())
        breakers = {p.meter.id: Breaker(self._settings.meter, self._draw) for p in polls}
        for i, poll in enumerate(polls):
            self._counts.declare(poll.meter.id, endpoint)
            # Spread over the usual period: what is wanted once a day is wanted soon after the start too.
            schedule.add(poll, poll.period_s, phase_of(i, min(p.period_s for p in polls)), _now())
        plan = (schedule, breakers)
        self._plans.append(plan)
        self._counts.connection(endpoint, "connecting", meters=len(breakers))
        wire = Wire(polls[0].connection, _profile_of_line(polls), self._ports)
        line = Breaker(self._settings.line, self._draw)
        try:
            while True:
                if not wire.is_open and not await self._open(wire, line, endpoint):
                    await asyncio.sleep(min(_IDLE_S, max(0.0, line.retry_at - _now())))
                    self._skip(schedule.pop_due(_now()))
                    continue
                due = schedule.pop_due(_now())
                for i, one in enumerate(due):
                    if not await self._poll(wire, breakers[one.key.meter.id], one, endpoint):
                        self._skip(due[i + 1 :])
                        break
                await asyncio.sleep(max(0.0, (schedule.next_due() or _now() + _IDLE_S) - _now()))
        finally:
            self._plans.remove(plan)
            await wire.close()
            await self._taken(endpoint)

    def _upcoming(self, now: float) -> dict[str, float]:
        """Seconds until each meter is asked: not before its breaker allows it. Called in any thread."""
        found: dict[str, float] = {}
        for schedule, breakers in tuple(self._plans):
            for poll, at in schedule.upcoming():
                meter = poll.meter.id
                due = max(at, breakers[meter].retry_at if breakers[meter].state is BreakerState.OPEN else at)
                found[meter] = min(due - now, found.get(meter, due - now))
        return found

    async def _open(self, wire: Wire, line: Breaker, endpoint: str) -> bool:
        if not line.allows(_now()):
            return False
        try:
            await wire.open()
        except LineError as error:
            line.fail(_now())
            self._counts.connection(endpoint, "waiting", errors=1, error=str(error))
            return False
        line.succeed()
        self._counts.connection(endpoint, "connected")
        return True

    def _skip(self, due: list[Due[LinePoll]]) -> None:
        for one in due:
            n = one.key.expected * (1 + one.missed)
            self._counts.expected(one.key.meter.id, n)
            self._counts.skipped(one.key.meter.id, n)

    async def _poll(self, wire: Wire, breaker: Breaker, due: Due[LinePoll], endpoint: str) -> bool:
        """One poll; False where the line is gone."""
        poll = due.key
        self._counts.expected(poll.meter.id, poll.expected * (1 + due.missed))
        if due.missed:
            self._counts.skipped(poll.meter.id, poll.expected * due.missed)
        if not self._sink.is_accepting() or not breaker.allows(_now()):
            self._counts.skipped(poll.meter.id, poll.expected)
            return True
        try:
            told = await wire.hold(poll.begin())
        except LineError as error:
            self._counts.connection(endpoint, "waiting", requests=1, errors=1, error=str(error))
            return False
        except (NoAnswerError, *ProtocolError) as error:
            breaker.fail(_now())
            self._counts.error(poll.meter.id, str(error))
            self._counts.connection(endpoint, "connected", requests=1, errors=1)
        else:
            breaker.succeed()
            self._counts.connection(endpoint, "connected", requests=1)
            await self._taken(endpoint)
            taking = self._take(poll, told, wire.first_answer, self._now_ms())
            self._taking[endpoint] = asyncio.create_task(taking, name=f"take {poll.meter.id}")
        self._counts.breaker(poll.meter.id, breaker.state.value)
        return True

    async def _taken(self, endpoint: str) -> None:
        """Wait for the line's last readings to be taken: a slow disk may cost one poll's time, but not in between."""
        if (taking := self._taking.pop(endpoint, None)) is not None:
            await asyncio.wait({taking})

    async def _take(self, poll: LinePoll, told: Statement, heard: bytes, now_ms: int) -> None:
        meter = poll.meter
        # Polled: a value is of the moment of its answer, whatever the meter's clock says.
        current = [v for v in told.values if v.time is None]
        found = moments(current, medium=meter.medium, multiplier=meter.multiplier)
        said = [*told.values, *clock_word(told.values, now_ms, self._zone)]
        news = self._alarms.changes(meter.id, said, poll.profile.protocol)
        try:
            for _, codes, values in found:
                batch = batch_of((meter.id,), np.zeros(len(codes)), codes, np.datetime64(now_ms, "ms"), values)
                await self._sink.append(batch)
                self._counts.received_batch(batch)
                self._counts.heard({meter.id: (heard, bytes_text)}, best_rank(codes))
            if news:
                moment = np.datetime64(now_ms, "ms")
                await self._sink.append_entry(EventBatch(tuple(MeterEvent(meter.id, moment, c, t) for c, t in news)))
        except Exception as error:  # noqa: BLE001 - whatever the sink's trouble is, polling goes on and it is counted
            self._alarms.forget([meter.id])
            self._counts.error(meter.id, f"readings not taken: {error}")
            _log.error("readings not taken", meter=meter.id, reason=str(error))


def _profile_of_line(polls: list[LinePoll]) -> FrameProfile:
    """The first meter's line settings, with the patience and the pause that every meter on the line needs."""
    answer_ms = max(p.profile.answer_ms for p in polls)
    gap_ms = max(p.profile.gap_ms for p in polls)
    return polls[0].profile.model_copy(update={"answer_ms": answer_ms, "gap_ms": gap_ms})


def is_framed(meter: Meter, profiles: Callable[[str], Profile] = load_profile) -> bool:
    """Whether the meter is asked on a line in frames of its protocol.

    Raises:
        ProfileError: it has a profile that does not exist.
    """
    is_published = (meter.connection or "").startswith(("mqtt://", "mqtts://"))
    return meter.profile is not None and not is_published and isinstance(profiles(meter.profile), FrameProfile)


def _now() -> float:
    return asyncio.get_running_loop().time()
