"""From a connection string to an open wire: sockets, TLS, serial ports, modems that dial in."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from collector.connection import Connection
from collector.dial_in import DialInPort, DialInPorts
from collector.line_claim import LineClaim
from collector.modbus.serial_settings import LineTiming
from collector.serial_port import open_serial_port
from collector.tape import Tape, taped

MODBUS_SCHEMES = ("tcp", "tls", "rtu", "rtu+tcp", "listen")


@dataclass(frozen=True, slots=True)
class Approach:
    """How a line is come to.

    tape               writes down what passes
    is_second_master   go on a line that another program on this machine asks on
    """

    tape: Tape | None = None
    is_second_master: bool = True


COLLECTING = Approach()


class Opener:
    """Opens one connection, again and again; a listening socket is kept in between.

    is_passive      the other side makes the connection, so there is nothing to hold back from
    is_half_duplex  whether two who ask disturb each other: all but Modbus TCP
    """

    def __init__(
        self,
        connection: Connection,
        timing: LineTiming,
        ports: DialInPorts,
        connect_s: float,
        *,
        approach: Approach = COLLECTING,
        is_half_duplex: bool | None = None,
    ) -> None:
        self._connection, self._timing, self._ports, self._connect_s = connection, timing, ports, connect_s
        self._approach = approach
        is_line = connection.scheme not in ("tcp", "tls") if is_half_duplex is None else is_half_duplex
        self._claim = LineClaim(connection) if is_line else None
        self._port: DialInPort | None = None
        self.is_passive = connection.scheme == "listen"

    async def open(self, protocol: asyncio.Protocol) -> None:
        """Give the protocol its transport. A modem is waited for as long as it takes, all else `connect_s`.

        Raises:
            LineInUseError: another program on this machine asks there, and that is not allowed.
            OSError: no connection (TLS, serial port and listening socket included).
            TimeoutError: not within `connect_s`.
        """
        where, timing = self._connection, self._timing
        self._claim_line()
        protocol = taped(protocol, self._approach.tape)
        if where.scheme == "rtu":
            open_serial_port(
                where.path, protocol, baud=timing.baud, parity=timing.parity, bits=timing.bits, stop=timing.stop
            )
        elif self.is_passive:
            if self._port is None:
                self._port = await self._ports.take(where.host, where.port)
            await self._port.wait_for(where.options.get("id", ""), protocol)
        else:
            await self._connect(protocol)

    def _claim_line(self) -> None:
        if self._claim is None:
            return
        if self._approach.is_second_master:
            self._claim.take()  # so that others see it; whose it is already is left in peace
        else:
            self._claim.demand()

    async def _connect(self, protocol: asyncio.Protocol) -> None:
        where = self._connection
        context = tls_context(where.options) if where.scheme == "tls" else None
        async with asyncio.timeout(self._connect_s):
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(lambda: protocol, where.host, where.port, ssl=context)
        keep_alive(transport)

    async def close(self) -> None:
        """Give back what is shared with others."""
        if self._claim is not None:
            self._claim.release()
        if self._port is not None:
            self._port = None
            await self._ports.release(self._connection.host, self._connection.port)


def tls_context(options: Mapping[str, str]) -> ssl.SSLContext:
    """The meter's certificate is checked against `ca`, or the system's; `cert` and `key` show who we are.

    Raises:
        OSError: a file cannot be read, or is none of these.
    """
    context = ssl.create_default_context(cafile=options.get("ca"))
    if "cert" in options:
        context.load_cert_chain(options["cert"], options["key"])
    return context


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Let the kernel notice a peer that is gone without a word."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
