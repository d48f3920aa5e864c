"""One connection for a person's questions: asked one by one, each waited for. What `read`, `scan` and `probe` use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from collector.connection import Connection
from collector.dial_in import DialInPorts
from collector.modbus.frame import BrokenFrameError, Frame, ModbusError, ReadRequest, registers_of
from collector.modbus.framing import framing_of_scheme
from collector.modbus.openers import COLLECTING, MODBUS_SCHEMES, Approach, Opener
from collector.modbus.serial_settings import LineTiming, line_timing
from collector.refusals import why_not
from device_profiles.schema import Serial


class LinkError(ModbusError):
    """No connection, or it is gone; the message says where and why."""


class NoAnswerError(ModbusError):
    """The unit did not answer in time; the message says what came instead."""


class Link(asyncio.Protocol):
    """Asks one question at a time; keeps the silence that the line needs in between.

    overheard  frames that were none of our answers
    """

    def __init__(self, connection: Connection, timing: LineTiming) -> None:
        self._connection, self.timing = connection, timing
        self._framing = framing_of_scheme(connection.scheme)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Frame] | None = None
        self._free_at = 0.0
        self.is_made = asyncio.Event()
        self.overheard = 0

    @property
    def is_half_duplex(self) -> bool:
        """Whether all on the line hear each other (RTU)."""
        return self._framing.is_half_duplex

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Questions may be put."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self.is_made.set()

    def data_received(self, data: bytes) -> None:
        """Hand the answer to who waits for it; drop the rest."""
        try:
            heard = self._framing.feed(data)
        except BrokenFrameError as error:
            self._fail(error)
            return
        for one in heard:
            self.overheard += not one.is_answer
            if one.is_answer and self._answer is not None and not self._answer.done():
                self._answer.set_result(one.frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits hears of it."""
        self._transport = None
        self._fail(LinkError(str(exc) if exc else "the other side closed the connection"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    async def ask(self, request: ReadRequest, timeout_s: float) -> bytes:
        """The registers asked for.

        Raises:
            ExceptionReplyError: the unit refused.
            NoAnswerError: nothing right came in time; `timeout_s` is on top of the time on the wire.
            LinkError: the connection is gone.
            BrokenFrameError: the answer is none to this question.
        """
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._free_at - loop.time()))
        if self._transport is None:
            raise LinkError("the other side closed the connection")
        self._answer = loop.create_future()
        self._transport.write(self._framing.encode(request))
        try:
            async with asyncio.timeout(timeout_s + self.timing.wire_s(request.count)):
                frame = await self._answer
        except TimeoutError as error:
            complaint = self._framing.complaint()
            text = f"unit {request.unit}: no answer within {timeout_s:g} s"
            raise NoAnswerError(f"{text}; {complaint}" if complaint else text) from error
        finally:
            self._answer = None
            self._free_at = loop.time() + self.timing.silence_s
        if frame.unit != request.unit:
            raise BrokenFrameError(f"unit {frame.unit} answered a question to unit {request.unit}")
        return registers_of(frame.pdu, request.function, request.count)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()


@asynccontextmanager
async def open_link(
    connection: Connection, factory: Serial, timeout_s: float, approach: Approach = COLLECTING
) -> AsyncIterator[Link]:
    """A connection for as long as the block lasts.

    Raises:
        LinkError: it cannot be made, or is none that Modbus is spoken on. A modem may take ten times `timeout_s`.
    """
    if connection.scheme not in MODBUS_SCHEMES:
        allowed = ", ".join(f"{scheme}://" for scheme in MODBUS_SCHEMES)
        raise LinkError(f"{connection.text}: Modbus is read over {allowed}, not {connection.scheme}://")
    timing = line_timing(connection, factory)
    link = Link(connection, timing)
    opener = Opener(connection, timing, DialInPorts(), timeout_s, approach=approach)
    try:
        wait_s = timeout_s * 10 if opener.is_passive else timeout_s + 1
        try:
            async with asyncio.timeout(wait_s):
                await opener.open(link)
                await link.is_made.wait()
        except (OSError, TimeoutError) as error:
            why = why_not(error) or (f"no modem dialled in within {wait_s:g} s" if opener.is_passive else "")
            raise LinkError(f"{connection.text}: no connection: {why or f'not within {timeout_s:g} s'}") from error
        yield link
    finally:
        link.close()
        await opener.close()
