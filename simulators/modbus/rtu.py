"""A simulated line of Modbus RTU meters: on a pseudo-terminal, behind a socket or a modem that dials in."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable, Mapping
from typing import cast

from collector.modbus.frame import Frame, crc16, decode_rtu, encode_rtu
from simulators.modbus.server import SimulatedUnit, answer_pdu

_REQUEST = 8
_AT_ONCE = 4096


class RtuLine:
    """Units by address on one line.

    baud     0 answers at once; else question and answer take their time (11 bits a byte)
    """

    def __init__(self, units: Mapping[int, SimulatedUnit], *, baud: int = 0) -> None:
        self.units = dict(units)
        self.char_s = 11 / baud if baud else 0.0
        self._closers: list[Callable[[], None]] = []
        self.sessions: set[RtuSession] = set()
        self._server: asyncio.Server | None = None

    async def start_tcp(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen as a gateway that passes bytes through; the port (0 chooses a free one).

        Raises:
            OSError: the port is in use, or not ours to take.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: RtuSession(self), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def start_pty(self) -> str:
        """Serve a pseudo-terminal; the path of the device that a master opens."""
        master, device = os.openpty()
        tty.setraw(device)
        os.set_blocking(master, False)
        loop = asyncio.get_running_loop()
        session = RtuSession(self, write=lambda data: os.write(master, data))
        loop.add_reader(master, lambda: session.data_received(os.read(master, _AT_ONCE)))

        def close() -> None:
            loop.remove_reader(master)
            session.end()
            os.close(master)
            os.close(device)

        self._closers.append(close)
        return os.ttyname(device)

    async def dial_in(
        self, host: str, port: int, registration: bytes, heartbeat: bytes = b"", every_s: float = 0
    ) -> None:
        """Connect as a modem does: say who it is, then serve; heartbeats in between.

        Raises:
            OSError: nobody listens there.
        """
        session = RtuSession(self)
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: session, host, port)
        transport.write(registration)
        if every_s:
            session.start_heartbeat(heartbeat, every_s)

    @property
    def is_connected(self) -> bool:
        """Whether somebody is connected, or a modem has dialled in."""
        return bool(self.sessions)

    def drop_connections(self) -> None:
        """Break every connection."""
        for session in tuple(self.sessions):
            session.end()

    async def stop(self) -> None:
        """Close everything."""
        for close in self._closers:
            close()
        self._closers.clear()
        self.drop_connections()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None


class RtuSession(asyncio.Protocol):
    """One stream of bytes from and to a master."""

    def __init__(self, line: RtuLine, write: Callable[[bytes], object] | None = None) -> None:
        self._line, self._write = line, write
        self._stream = b""
        self._transport: asyncio.Transport | None = None
        self._timers: set[asyncio.TimerHandle] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A master is there, or we are there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._write = self._transport.write
        self._line.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Nothing more is sent."""
        self._transport = None
        self.end()

    def start_heartbeat(self, heartbeat: bytes, every_s: float) -> None:
        """Send the heartbeat again and again."""
        self._send(heartbeat)
        self._later(every_s, lambda: self.start_heartbeat(heartbeat, every_s))

    def end(self) -> None:
        """Send no more, and break the connection."""
        self._line.sessions.discard(self)
        for timer in self._timers:
            timer.cancel()
        self._write = None
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take questions out of the stream; what is none is passed over, as a meter does."""
        self._stream += data
        while len(self._stream) >= _REQUEST:
            head = self._stream[:_REQUEST]
            if crc16(head[:-2]) != int.from_bytes(head[-2:], "little"):
                self._stream = self._stream[1:]
                continue
            self._stream = self._stream[_REQUEST:]
            self._ask(decode_rtu(head))

    def _ask(self, frame: Frame) -> None:
        unit = self._line.units.get(frame.unit)
        if unit is None:
            return
        unit.requests += 1
        fault = unit.fault
        if fault.is_silent:
            return
        reply = encode_rtu(Frame(frame.unit, answer_pdu(unit.image, frame.pdu, fault.exception)))
        if fault.is_crc_wrong:
            reply = reply[:-3] + bytes([reply[-3] ^ 0x10]) + reply[-2:]
        on_wire_s = (_REQUEST + len(reply)) * self._line.char_s
        self._later(fault.delay_s + on_wire_s, lambda: self._send(unit.delivered(reply)))

    def _later(self, delay_s: float, work: Callable[[], None]) -> None:
        if delay_s == 0:
            work()
            return

        def fire() -> None:
            self._timers.discard(timer)
            work()

        timer = asyncio.get_running_loop().call_later(delay_s, fire)
        self._timers.add(timer)

    def _send(self, data: bytes) -> None:
        if self._write is not None:
            self._write(data)
