"""One Modbus connection and the units behind it: one request at a time, for ever.

A lean protocol of our own: a reply is matched by its transaction id (TCP) or by unit, function and length (RTU) and
handed on as bytes. What comes late belongs to a request that was given up: it is dropped, and only teaches how slow
the unit is. In RTU a late answer could be taken for that to a later question: after a question that had to be put
twice the line is left alone until the answer to the other one must have come.

A unit that has not answered (yet, or lately) waits until the line has nothing else to do, gets a timeout measured by
the answers of its neighbours, and after two failures only a cheap probe now and then: so one dead unit of eight does
not take the others' samples.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import structlog

from collector.breaker import Breaker, BreakerState
from collector.dial_in import DialInPorts
from collector.modbus.frame import SILENCE_CODES, BrokenFrameError, ExceptionReplyError, registers_of
from collector.modbus.framing import Heard, framing_of_scheme
from collector.modbus.openers import Opener
from collector.modbus.polls import Poll, Question
from collector.modbus.ports import PollCounts
from collector.modbus.unit import Asking, AskingQueue, LineSettings, Unit, timeout_s, units_of

_log = structlog.get_logger(__name__)
_REMEMBERED = 64
# After the loop was held up, an answer may lie in the socket while the timeout is already due: read first, then judge.
_GRACE_S = 0.02


class _Wire(asyncio.Protocol):
    """Bytes in, frames out to the line; a connection of its own has a framing of its own."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.framing = framing_of_scheme(line.connection.scheme)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line.on_made(self, cast(asyncio.Transport, transport))  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        try:
            heard = self.framing.feed(data)
        except BrokenFrameError as error:
            self._line.drop(str(error))
            return
        for one in heard:
            self._line.on_frame(one)

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.on_lost(self, str(exc) if exc else "closed by the other side")


class Line:
    """A connection, its units and the queue of polls.

    take(poll, question, registers)  is called for each reply
    draw                             numbers in [0, 1) for the jitter of the backoff
    """

    def __init__(
        self,
        polls: Sequence[Poll],
        settings: LineSettings,
        counts: PollCounts,
        take: Callable[[Poll, Question, bytes], None],
        draw: Callable[[], float],
        ports: DialInPorts | None = None,
    ) -> None:
        self.polls = tuple(polls)
        self.connection, self.endpoint = polls[0].connection, polls[0].endpoint
        self._timing = polls[0].timing
        if self._timing.timeout_s is not None:
            settings = replace(settings, timeout_s=self._timing.timeout_s)
        self._opener = Opener(self.connection, self._timing, ports or DialInPorts(), settings.connect_s)
        self._settings, self._counts, self._take = settings, counts, take
        self._breaker = Breaker(settings.connection, draw)
        self._units = units_of(polls, settings.unit, draw)
        self._queue = AskingQueue(settings.patience_s)
        self._asking: Asking | None = None
        self._sent = self._on_wire_s = 0.0
        self._owing: set[Unit] = set()
        self._given_up: dict[int, tuple[Unit, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._wire: _Wire | None = None
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.Event()
        self._is_down_told = False
        self._requests = self._errors = 0

    # -- questions ---------------------------------------------------------------------------------------

    def submit(self, poll: Poll) -> bool:
        """Ask the poll as soon as the line is free.

        False where it is not asked: it is still under way from the last time, or its unit's breaker is open.
        """
        unit = self._units[poll.unit]
        if poll.is_busy or unit.breaker.state is not BreakerState.CLOSED:
            return False
        poll.is_busy = True
        self._queue.add(Asking(poll, unit, _now()))
        self._pump()
        return True

    def _pump(self) -> None:
        """Put the next question if the line is free."""
        if self._asking is not None or self._transport is None or self._wire is None or self._pause is not None:
            return
        asking = self._queue.take(_now()) if self._queue else None
        if asking is None:
            return
        loop, request = asyncio.get_running_loop(), asking.question.request
        self._asking, self._sent = asking, loop.time()
        self._on_wire_s = self._timing.wire_s(request.count)
        self._requests += 1
        self._transport.write(self._wire.framing.encode(request))
        self._timer = loop.call_later(self._patience(asking), self._on_late)

    def _patience(self, asking: Asking) -> float:
        """How long to wait for the answer: what the bytes take on the wire, and what the unit needs."""
        return timeout_s(asking.unit, self._units.values(), self._settings) + self._on_wire_s

    def _advance(self, asking: Asking) -> None:
        """The next question of the same poll, or the next poll."""
        asking.at += 1
        if asking.is_probe:
            self._catch_up(asking.unit)
        elif asking.at < len(asking.poll.questions):
            self._queue.put_first(asking)
        else:
            asking.poll.is_busy = False
        self._go_on(asking.poll.min_gap_s)

    def _catch_up(self, unit: Unit) -> None:
        """A unit is back: ask now what was missed, not only at the next grid point."""
        for poll in unit.polls:
            self._counts.expected(poll.meter, poll.expected)
            if not self.submit(poll):
                self._counts.skipped(poll.meter, poll.expected)

    def _go_on(self, gap_s: float) -> None:
        gap_s = max(gap_s, self._timing.silence_s)
        if gap_s and self._pause is None:
            self._pause = asyncio.get_running_loop().call_later(gap_s, self._end_pause)
        self._pump()

    def _end_pause(self) -> None:
        self._pause = None
        self._pump()

    def _end_request(self) -> None:
        self._asking = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- answers -----------------------------------------------------------------------------------------

    def on_frame(self, heard: Heard) -> None:
        """A frame came: the answer to the open question, or one that is too late."""
        asking, frame = self._asking, heard.frame
        if asking is None or not heard.is_answer:
            self._on_stale(heard)
            return
        self._end_request()
        request = asking.question.request
        asking.unit.observe(max(0.0, _now() - self._sent - self._on_wire_s))
        if asking.unit in self._owing:
            self._settle(asking)
        try:
            if frame.unit != request.unit:
                raise BrokenFrameError(f"unit {frame.unit} answered a question to unit {request.unit}")
            registers = registers_of(frame.pdu, request.function, request.count)
        except ExceptionReplyError as error:
            self._on_exception(asking, error)
        except BrokenFrameError as error:
            # The stream itself is in step (header and length fit): the unit is at fault, not the line.
            self._errors += 1
            self._on_failure(asking, str(error))
        else:
            self._on_life(asking.unit)
            if not asking.is_probe:
                self._take(asking.poll, asking.question, registers)
            self._advance(asking)

    def _settle(self, asking: Asking) -> None:
        """The unit was asked twice: leave the line alone until its other answer must have come, and drop that."""
        self._owing.discard(asking.unit)
        if self._pause is not None:
            self._pause.cancel()
        self._pause = asyncio.get_running_loop().call_later(self._patience(asking), self._end_pause)

    def _on_stale(self, heard: Heard) -> None:
        """An answer nobody waits for any more; if we know whose it is, that unit is slower than we thought."""
        self._errors += 1
        unit, sent = self._given_up.pop(heard.key, (None, 0.0))
        if unit is not None and unit.address == heard.frame.unit:
            self._owing.discard(unit)
            unit.observe(_now() - sent)

    def _on_exception(self, asking: Asking, error: ExceptionReplyError) -> None:
        self._errors += 1
        if error.code in SILENCE_CODES:
            self._on_failure(asking, str(error))
            return
        self._on_life(asking.unit)
        if not asking.is_probe:
            self._counts.error(asking.poll.meter, f"registers from {asking.question.request.address} on: {error}")
        self._advance(asking)

    def _on_life(self, unit: Unit) -> None:
        unit.is_doubtful = False
        self._breaker.succeed()
        if unit.breaker.succeed():
            self._tell_breaker(unit)
            _log.info("unit answers again", connection=self.endpoint, unit=unit.address)

    # -- silence -----------------------------------------------------------------------------------------

    def _on_late(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_GRACE_S, self._on_timeout)

    def _on_timeout(self) -> None:
        asking = self._asking
        self._end_request()
        if asking is None:
            return
        self._errors += 1
        if len(self._given_up) >= _REMEMBERED:
            self._given_up.pop(next(iter(self._given_up)))
        complaint = ""
        if self._wire is not None:
            self._given_up[self._wire.framing.key] = (asking.unit, self._sent)
            complaint = self._wire.framing.complaint()
            if self._wire.framing.is_half_duplex:
                self._owing.add(asking.unit)
        waited = f"unit {asking.unit.address}: no answer within {_now() - self._sent:.2f} s"
        self._on_failure(asking, f"{waited}; {complaint}" if complaint else waited)

    def _on_failure(self, asking: Asking, text: str) -> None:
        """No usable answer: once more when the line is idle, then the unit's breaker opens."""
        unit = asking.unit
        unit.is_doubtful = True
        if unit.breaker.fail(_now()):
            self._finish(asking, text)
            self._give_up(unit, text)
        else:
            self._queue.add(asking)
        self._go_on(asking.poll.min_gap_s)

    def _give_up(self, unit: Unit, text: str) -> None:
        """The unit's breaker is open: clear the queue of it and set the time of its probe."""
        for asking in self._queue.remove_of(unit):
            self._finish(asking, text)
        self._tell_breaker(unit)
        self._set_probe(unit)
        is_dead = all(u.breaker.state is not BreakerState.CLOSED for u in self._units.values())
        if is_dead and not self._opener.is_passive:
            self.drop("no unit answers")

    def _set_probe(self, unit: Unit) -> None:
        if unit.timer is not None:
            unit.timer.cancel()
        wait_s = max(0.0, unit.breaker.retry_at - _now())
        unit.timer = asyncio.get_running_loop().call_later(wait_s, self._probe, unit)

    def _probe(self, unit: Unit) -> None:
        unit.timer = None
        if self._transport is None:
            return  # the next connection begins with probes
        if unit.breaker.allows(_now()):
            self._tell_breaker(unit)
            self._queue.add(Asking(unit.polls[0], unit, _now(), is_probe=True))
            self._pump()
        elif unit.breaker.state is BreakerState.OPEN:
            self._set_probe(unit)

    def _finish(self, asking: Asking, text: str) -> None:
        """The poll ends without an answer."""
        if not asking.is_probe:
            asking.poll.is_busy = False
            self._counts.error(asking.poll.meter, text)

    def _tell_breaker(self, unit: Unit) -> None:
        for meter in {poll.meter for poll in unit.polls}:
            self._counts.breaker(meter, unit.breaker.state.value)

    # -- the connection ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        self._counts.connection(self.endpoint, "connecting", meters=len({poll.meter for poll in self.polls}))
        attempts = 0
        try:
            while True:
                if not self._opener.is_passive:
                    await asyncio.sleep(max(0.0, self._breaker.retry_at - _now()))
                self._counts.connection(self.endpoint, "connecting", reconnects=1 if attempts else 0)
                attempts += 1
                await self._connect()
        finally:
            self._close()
            await self._opener.close()

    async def _connect(self) -> None:
        """Connect and stay until the connection is lost."""
        self._lost.clear()
        try:
            await self._opener.open(_Wire(self))
        except (OSError, TimeoutError) as error:
            self._on_down(str(error) or f"no connection within {self._settings.connect_s:g} s")
            return
        await self._lost.wait()

    def on_made(self, wire: _Wire, transport: asyncio.Transport) -> None:
        """Connected: what was silent may answer now, so probe it, and go on with what is queued."""
        self._wire, self._transport = wire, transport
        self._counts.connection(self.endpoint, "connected")
        if self._is_down_told:
            self._is_down_told = False
            _log.info("connected again", connection=self.endpoint)
        for unit in self._units.values():
            if unit.breaker.state is not BreakerState.CLOSED:
                unit.breaker.retry_now(_now())
                self._set_probe(unit)
        self._pump()

    def drop(self, reason: str) -> None:
        """Break the connection off and make it anew."""
        if self._transport is not None and self._wire is not None:
            self._transport.abort()
            self.on_lost(self._wire, reason)

    def on_lost(self, wire: _Wire, reason: str) -> None:
        """The connection is gone; the open question fails, what is queued waits for the next connection."""
        if wire is not self._wire:
            return
        self._wire = self._transport = None
        self._given_up.clear()
        self._owing.clear()
        self._queue.remove_probes()
        asking = self._asking
        self._end_request()
        if asking is not None:
            self._finish(asking, reason)
        self._on_down(reason)
        self._lost.set()

    def _on_down(self, reason: str) -> None:
        self._breaker.fail(_now())
        self._counts.connection(self.endpoint, "waiting", errors=1, error=reason)
        if not self._is_down_told:
            self._is_down_told = True
            _log.warning("connection down", connection=self.endpoint, reason=reason)

    def _close(self) -> None:
        for timer in (self._pause, *(unit.timer for unit in self._units.values())):
            if timer is not None:
                timer.cancel()
        self._end_request()
        transport, self._transport, self._wire = self._transport, None, None
        if transport is not None:
            transport.abort()

    def retries(self) -> dict[str, float]:
        """When the meters of units that are left alone are probed, in the loop's time."""
        waiting = [u for u in self._units.values() if u.breaker.state is BreakerState.OPEN]
        return {poll.meter: unit.breaker.retry_at for unit in waiting for poll in unit.polls}

    def report(self) -> None:
        """Add what was asked since the last report to the counts."""
        requests, errors, self._requests, self._errors = self._requests, self._errors, 0, 0
        if requests or errors:
            state = "connected" if self._transport is not None else "waiting"
            self._counts.connection(self.endpoint, state, requests=requests, errors=errors)


def _now() -> float:
    return asyncio.get_running_loop().time()
