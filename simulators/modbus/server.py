"""A Modbus TCP server with many simulated units behind one port, each with faults that can be switched at run time.

Like a gateway it answers one request at a time and connection, in order; a unit it does not know stays silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from collector.modbus.frame import MAX_REGISTERS, BrokenFrameError, Frame, encode_tcp, split_tcp
from simulators.modbus.image import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Image, RefusedError

_ILLEGAL_FUNCTION = 1
_READ_PDU = 5
_REGISTER_READS = (3, 4)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a unit. Each is independent of the others.

    is_silent          no answer at all
    delay_s            seconds from question to answer
    exception          answers every question with this code
    transaction_shift  the answer carries the transaction id of that many questions ago (Modbus TCP)
    noise              bytes that come right before the answer
    is_half            the answer breaks off in the middle
    is_crc_wrong       a bit of the answer is turned (RTU lines)
    is_late            the answer to a question comes only when the next one is asked
    """

    is_silent: bool = False
    delay_s: float = 0.0
    exception: int | None = None
    transaction_shift: int = 0
    noise: bytes = b""
    is_half: bool = False
    is_crc_wrong: bool = False
    is_late: bool = False


HEALTHY = Fault()


@dataclass(slots=True)
class SimulatedUnit:
    """One meter behind the port; `fault` may be changed at any time."""

    image: Image
    fault: Fault = HEALTHY
    requests: int = 0
    _held: bytes = b""

    def delivered(self, reply: bytes) -> bytes:
        """What leaves the unit in place of this reply: whole, with noise, cut short, or the one held back before."""
        if self.fault.is_late:
            reply, self._held = self._held, reply
        if self.fault.is_half:
            reply = reply[: len(reply) // 2]
        return self.fault.noise + reply


class ModbusServer:
    """Units by address behind one listening socket.

    >>> server = ModbusServer({1: SimulatedUnit(image)})          # doctest: +SKIP
    >>> port = await server.start("127.0.0.1", 0)                 # doctest: +SKIP
    """

    def __init__(self, units: Mapping[int, SimulatedUnit]) -> None:
        self.units = dict(units)
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """Listen, inside TLS where a context is given; the port (0 chooses a free one).

        Raises:
            OSError: the port is in use, or not ours to take.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self.units, self._sessions), host, port, ssl=tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the socket and every connection."""
        if self._server is None:
            return
        self._server.close()
        self.drop_connections()
        await self._server.wait_closed()
        self._server = None

    def drop_connections(self) -> None:
        """Break every connection, as a gateway does that restarts; new ones are taken."""
        for session in tuple(self._sessions):
            session.abort()


class _Session(asyncio.Protocol):
    """One client."""

    def __init__(self, units: Mapping[int, SimulatedUnit], sessions: set[_Session]) -> None:
        self._units, self._sessions = units, sessions
        self._buffer = b""
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._sessions.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            frames, self._buffer = split_tcp(self._buffer + data)
        except BrokenFrameError:
            self.abort()
            return
        for frame in frames:
            self._ask(frame)

    def _ask(self, frame: Frame) -> None:
        unit = self._units.get(frame.unit)
        if unit is None:
            return
        unit.requests += 1
        fault = unit.fault
        if fault.is_silent:
            return
        if fault.delay_s == 0 and not self._waiting:
            self._answer(unit, frame, fault)
            return
        self._waiting.append((fault.delay_s, lambda: self._answer(unit, frame, fault)))
        if self._timer is None:
            self._start_timer()

    def _start_timer(self) -> None:
        delay_s, _ = self._waiting[0]
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._finish_waiting)

    def _finish_waiting(self) -> None:
        self._timer = None
        _, answer = self._waiting.popleft()
        answer()
        if self._waiting:
            self._start_timer()

    def _answer(self, unit: SimulatedUnit, frame: Frame, fault: Fault) -> None:
        if self._transport is None:
            return
        transaction = ((frame.transaction or 0) - fault.transaction_shift) & 0xFFFF
        reply = Frame(frame.unit, answer_pdu(unit.image, frame.pdu, fault.exception), transaction)
        with contextlib.suppress(RuntimeError):  # the transport closed under us
            self._transport.write(unit.delivered(encode_tcp(reply)))


def answer_pdu(image: Image, pdu: bytes, exception: int | None = None) -> bytes:
    """The reply to a request's PDU: registers, or an exception."""
    function = pdu[0]
    try:
        if exception is not None:
            raise RefusedError(exception)
        if function not in _REGISTER_READS:
            raise RefusedError(_ILLEGAL_FUNCTION)
        if len(pdu) != _READ_PDU:
            raise RefusedError(ILLEGAL_VALUE)
        address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        if not 1 <= count <= MAX_REGISTERS:
            raise RefusedError(ILLEGAL_VALUE)
        if address + count > 0x10000:  # noqa: PLR2004
            raise RefusedError(ILLEGAL_ADDRESS)
        data = image.read(function, address, count)
    except RefusedError as refused:
        return bytes([function | 0x80, refused.code])
    return bytes([function, len(data)]) + data
