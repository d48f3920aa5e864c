"""One open line: a question at a time, each waited for as long as its bytes and the meter take."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, cast

from collector.connection import Connection
from collector.dial_in import DialInPorts
from collector.line.dialogue import Dialogue, Question
from collector.modbus.openers import COLLECTING, Approach, Opener
from collector.modbus.serial_settings import LineTiming, line_timing
from collector.refusals import why_not
from collector.statement import Statement
from device_profiles.kinds import FrameProfile

LINE_SCHEMES = ("tcp", "tls", "serial", "rtu", "rtu+tcp", "listen")
_BITS_A_BYTE = 11
# Gateways, and our own loop when it is busy, hold bytes back for a moment.
_GRACE_S = 0.1


class LineError(Exception):
    """No connection, or it is gone; the message says where and why."""


class NoAnswerError(Exception):
    """The meter did not answer in time; the message says what came instead."""


class Wire(asyncio.Protocol):
    """The line's bytes. Used by one task.

    first_answer  bytes that answered the first question of the last dialogue
    """

    def __init__(
        self,
        connection: Connection,
        profile: FrameProfile,
        ports: DialInPorts | None = None,
        approach: Approach = COLLECTING,
    ) -> None:
        self._where, self._profile = connection, profile
        timing = _timing(connection, profile)
        # Our own serial port has one way to be opened, whatever protocol it carries.
        port = dataclasses.replace(connection, scheme="rtu") if connection.scheme == "serial" else connection
        self._opener = Opener(
            port, timing, ports or DialInPorts(), connect_s=3.0, approach=approach, is_half_duplex=True
        )
        self._timing = timing
        self._gap_s = max(timing.gap_s, profile.gap_ms / 1000)
        self._transport: asyncio.Transport | None = None
        self._heard = self.first_answer = b""
        self._news = asyncio.Event()
        self._free_at = 0.0
        self._lost: str | None = None
        self._is_made = asyncio.Event()

    # -- asyncio's side ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._lost = None
        self._is_made.set()

    def data_received(self, data: bytes) -> None:
        """Keep what came for who waits."""
        self._heard += data
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone."""
        self._transport = None
        self._is_made.clear()
        self._lost = str(exc) if exc else "closed by the other side"
        self._news.set()

    # -- our side ----------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether questions can be put."""
        return self._transport is not None

    async def open(self, timeout_s: float | None = None) -> None:
        """Connect, or wait for the modem that dials in (at most `timeout_s`, if given).

        Raises:
            LineError: no connection.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._opener.open(self)
                await self._is_made.wait()
        except (OSError, TimeoutError) as error:
            raise LineError(f"{self._where.text}: no connection: {why_not(error) or 'not in time'}") from error

    async def overhear(self, seconds: float) -> int:
        """How many bytes come by themselves meanwhile: another master's questions, and answers to them."""
        self._heard = b""
        await asyncio.sleep(seconds)
        return len(self._heard)

    async def close(self) -> None:
        """Close, and give back what is shared."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        await self._opener.close()

    async def hold(self, dialogue: Dialogue, *, timeout_s: float | None = None) -> Statement:
        """Put all questions of a dialogue; what it states.

        Raises:
            NoAnswerError: a question was not answered.
            LineError: the line is gone.
            RefusedByMeterError: the meter refuses, as far as the dialogue does not go on without.
        """
        self.first_answer = b""
        try:
            question = next(dialogue)
            while True:
                try:
                    answer = await self.ask(question, timeout_s)
                except NoAnswerError:
                    if not question.is_optional:
                        raise
                    answer = None
                question = dialogue.send(answer)
        except StopIteration as end:
            return cast(Statement, end.value)

    async def ask(self, question: Question, timeout_s: float | None = None) -> Any:
        """The answer to one question; what lay on the line before is no answer to it."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._free_at - loop.time()))
        self._heard = b""
        if self._transport is None:
            raise LineError(f"{self._where.text}: {self._lost or 'not connected'}")
        self._transport.write(question.request)
        try:
            async with asyncio.timeout(self.wait_s(question, timeout_s)):
                return await self._answer(question)
        except TimeoutError as error:
            raise NoAnswerError(self._complaint()) from error
        finally:
            self._free_at = loop.time() + self._gap_s

    async def _answer(self, question: Question) -> Any:
        while True:
            self._news.clear()
            found = question.find(self._heard)
            if found is not None:
                self.first_answer = self.first_answer or self._heard
                return found
            if self._lost is not None:
                raise LineError(f"{self._where.text}: {self._lost}")
            await self._news.wait()

    def wait_s(self, question: Question, timeout_s: float | None = None) -> float:
        """Bytes on the wire, both ways, and the time the meter may take."""
        wire_s = (len(question.request) + question.longest) * _BITS_A_BYTE / self._timing.baud
        patience = timeout_s if timeout_s is not None else self._timing.timeout_s
        return wire_s + (patience if patience is not None else self._profile.answer_ms / 1000 + _GRACE_S)

    def _complaint(self) -> str:
        if not self._heard:
            return "no answer"
        return f"no right answer: {len(self._heard)} bytes came, {self._heard[:24].hex(' ')}"


def _timing(connection: Connection, profile: FrameProfile) -> LineTiming:
    """The line's rate: as the connection says, else the profile's, for behind a converter it is the meter's too."""
    timing = line_timing(connection, profile.serial)
    return timing if "baud" in connection.options else dataclasses.replace(timing, baud=profile.serial.baud)
