"""Polls all Modbus meters of a site: the grid says when, the lines ask, all replies of a moment make one batch."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import structlog

from collector.alarms import Alarms
from collector.dial_in import DialInPorts
from collector.modbus.client import Line
from collector.modbus.harvest import Harvest
from collector.modbus.polls import Poll, PollCompiler, Question, UnpollableError
from collector.modbus.ports import PollCounts, ReadingSink
from collector.modbus.unit import LineSettings
from collector.read_value import ReadValue
from collector.schedule import Due, GridSchedule, phase_of
from device_profiles import Profile, load_profile
from metering.batch import MeterEvent
from metering.entries import EventBatch
from metering.site import Meter

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PollerSettings:
    """How the poller keeps time. Seconds.

    slot_s    meters due within one slot are asked in one go: each waking of the loop costs more than a question
    gather_s  replies wait that long for each other, so that they are decoded and journaled together
    report_s  how often the connections' requests are counted
    """

    slot_s: float = 0.05
    gather_s: float = 0.2
    report_s: float = 1.0
    line: LineSettings = field(default_factory=LineSettings)


@dataclass(frozen=True, slots=True)
class RefusedMeter:
    """A meter that is not polled, and why."""

    meter: str
    reason: str


class ModbusPoller:
    """The Modbus half of the collector.

    meters   those to poll; one that cannot be is set aside in `refused` and counted as an error, the others go on
    sink     takes the readings; while it does not accept, polls are skipped and counted
    now_ms   Unix milliseconds, UTC: the time a reading gets when its reply arrives

    Give it only meters whose profile speaks Modbus (`is_modbus`).
    """

    def __init__(
        self,
        meters: Iterable[Meter],
        sink: ReadingSink,
        counts: PollCounts,
        *,
        settings: PollerSettings | None = None,
        profiles: Callable[[str], Profile] = load_profile,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        draw: Callable[[], float] = random.random,
        ports: DialInPorts | None = None,
    ) -> None:
        self._sink, self._counts, self._profiles = sink, counts, profiles
        self._settings = settings or PollerSettings()
        self._now_ms, self._draw = now_ms, draw
        self._ports = ports or DialInPorts()
        self.refused: tuple[RefusedMeter, ...] = ()
        self._meters = tuple(meters)
        self._lines: dict[str, tuple[Line, asyncio.Task[None]]] = {}
        self._harvest = Harvest()
        self._alarms = Alarms()
        self._flushes: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopping = asyncio.Event()
        self._schedule: GridSchedule[Poll] | None = None

    async def run(self) -> None:
        """Poll until `stop` or cancelled; what has arrived by then is still handed to the sink."""
        self._schedule, loop = GridSchedule(self._now()), asyncio.get_running_loop()
        self._counts.ask_when(lambda: self._upcoming(loop.time()))
        try:
            await self.apply(self._meters)
            self._report()
            await self._stopping.wait()
        finally:
            await self._shut()

    def stop(self) -> None:
        """End `run`. To be called in the loop's thread."""
        self._stopping.set()

    async def apply(self, meters: Iterable[Meter]) -> None:
        """Go over to these meters: lines with a change are made anew, the others do not notice."""
        self._meters = tuple(meters)
        wanted = self._compile()
        for endpoint in [e for e, (line, _) in self._lines.items() if not _is_same(line.polls, wanted.get(e, []))]:
            await self._end_line(endpoint, is_forgotten=endpoint not in wanted)
        for endpoint, polls in wanted.items():
            if endpoint not in self._lines:
                self._start_line(endpoint, polls)
        self._arm()

    # -- lines -------------------------------------------------------------------------------------------

    def _compile(self) -> dict[str, list[Poll]]:
        """The polls of each line; meters that cannot be polled are set aside."""
        compiler = PollCompiler(self._profiles)
        wanted: dict[str, list[Poll]] = {}
        refused = []
        for meter in self._meters:
            try:
                polls = compiler.compile(meter)
                _check_line(polls[0], wanted)
            except UnpollableError as error:
                refused.append(RefusedMeter(meter.id, str(error)))
                self._counts.error(meter.id, str(error))
                _log.warning("meter is not polled", meter=meter.id, reason=str(error))
                continue
            wanted.setdefault(polls[0].endpoint, []).extend(polls)
        self.refused = tuple(refused)
        return wanted

    def _start_line(self, endpoint: str, polls: list[Poll]) -> None:
        line = Line(polls, self._settings.line, self._counts, self._take, self._draw, self._ports)
        self._lines[endpoint] = line, asyncio.create_task(line.run(), name=f"modbus {endpoint}")
        now = self._now()
        for poll in polls:
            self._counts.declare(poll.meter, endpoint)
            # Spread over the meter's own period: a daily value is wanted soon after the start too.
            self._grid.add(poll, poll.period_s, phase_of(len(self._grid), poll.spread_s), now)

    async def _end_line(self, endpoint: str, *, is_forgotten: bool) -> None:
        line, task = self._lines.pop(endpoint)
        for poll in line.polls:
            self._grid.remove(poll)
        line.report()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if is_forgotten:
            self._counts.forget_connection(endpoint)

    # -- the grid ----------------------------------------------------------------------------------------

    @property
    def _grid(self) -> GridSchedule[Poll]:
        assert self._schedule is not None, "the poller does not run"  # noqa: S101
        return self._schedule

    def _arm(self) -> None:
        """Wake up at the end of the slot in which the next meter is due."""
        if (timer := self._timers.pop("tick", None)) is not None:
            timer.cancel()
        due = self._grid.next_due()
        if due is not None:
            slot = self._settings.slot_s
            at = max(due, math.ceil(due / slot) * slot)
            self._timers["tick"] = asyncio.get_running_loop().call_at(at, self._tick, at)

    def _upcoming(self, now: float) -> dict[str, float]:
        """Seconds until each meter is asked: by the grid, or by the breaker of its unit. Called in any thread."""
        found: dict[str, float] = {}
        for poll, at in self._grid.upcoming():
            found[poll.meter] = min(at - now, found.get(poll.meter, math.inf))
        for line, _ in tuple(self._lines.values()):
            found |= {meter: at - now for meter, at in line.retries().items()}
        return found

    def _tick(self, at: float) -> None:
        """Ask what is due at `at`; a loop may call a hair before that.

        Called late, it goes on to the last whole slot: a meter that was asked before its slot is over would be asked
        too early this time and too late, seen from there, the next.
        """
        is_accepting, slot = self._sink.is_accepting(), self._settings.slot_s
        for due in self._grid.pop_due(max(at, math.floor(self._now() / slot) * slot)):
            self._ask(due, is_accepting=is_accepting)
        self._arm()

    def _ask(self, due: Due[Poll], *, is_accepting: bool) -> None:
        poll = due.key
        self._counts.expected(poll.meter, poll.expected * (1 + due.missed))
        skipped = due.missed
        if not is_accepting or not self._lines[poll.endpoint][0].submit(poll):
            skipped += 1
        if skipped:
            self._counts.skipped(poll.meter, poll.expected * skipped)

    # -- readings ----------------------------------------------------------------------------------------

    def _take(self, poll: Poll, question: Question, registers: bytes) -> None:
        self._harvest.add(poll.meter, question, registers, self._now_ms())
        if "flush" not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers["flush"] = loop.call_later(self._settings.gather_s, self._start_flush)

    def _start_flush(self) -> None:
        self._timers.pop("flush", None)
        task = asyncio.create_task(self._flush())
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)

    async def _flush(self) -> None:
        batch, raws, said = self._harvest.take(), self._harvest.raws, self._harvest.said
        await self._tell(said)
        if not len(batch):
            return
        try:
            await self._sink.append(batch)
        except Exception as error:  # noqa: BLE001 - whatever the sink's trouble is, polling goes on and it is counted
            for meter in batch.meters:
                self._counts.error(meter, f"readings not taken: {error}")
            _log.error("readings not taken", readings=len(batch), reason=str(error))
        else:
            self._counts.received_batch(batch)
            for rank, registers in raws.items():
                self._counts.heard(registers, rank)

    async def _tell(self, said: list[tuple[str, int, list[ReadValue]]]) -> None:
        """What is new of what meters say of themselves."""
        events = [
            MeterEvent(meter, np.datetime64(time_ms, "ms"), code, text)
            for meter, time_ms, values in said
            for code, text in self._alarms.changes(meter, values)
        ]
        if not events:
            return
        try:
            await self._sink.append_entry(EventBatch(tuple(events)))
        except Exception as error:  # noqa: BLE001 - whatever the sink's trouble is, it is told again with the next reply
            self._alarms.forget(e.meter for e in events)
            _log.error("meters' own words not taken", events=len(events), reason=str(error))

    def _report(self) -> None:
        for line, _ in self._lines.values():
            line.report()
        loop = asyncio.get_running_loop()
        self._timers["report"] = loop.call_later(self._settings.report_s, self._report)

    async def _shut(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for endpoint in list(self._lines):
            await self._end_line(endpoint, is_forgotten=False)
        await self._flush()
        if self._flushes:
            await asyncio.wait(self._flushes)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def is_modbus(meter: Meter, profiles: Callable[[str], Profile] = load_profile) -> bool:
    """Whether the meter's profile speaks Modbus.

    Raises:
        ProfileError: it has a profile that does not exist.
    """
    return meter.profile is not None and profiles(meter.profile).protocol == "modbus"


def _check_line(poll: Poll, wanted: dict[str, list[Poll]]) -> None:
    """All meters of a line have its settings.

    Raises:
        UnpollableError: this one has others than those before it.
    """
    first = wanted.get(poll.endpoint, [poll])[0]
    if poll.timing != first.timing:
        raise UnpollableError(
            f"{poll.connection.text!r} and {first.connection.text!r} (meter {first.meter}) are one line with different "
            "settings; give baud, parity, bits and stop in the connection of all its meters"
        )


def _is_same(left: Iterable[Poll], right: Iterable[Poll]) -> bool:
    return [(p.meter, p.definition) for p in left] == [(p.meter, p.definition) for p in right]
