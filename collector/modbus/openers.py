"""From a connection string to an open wire: sockets, TLS, serial ports, modems that dial in."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping

from collector.connection import Connection
from collector.dial_in import DialInPort, DialInPorts
from collector.modbus.serial_settings import LineTiming
from collector.serial_port import open_serial_port

MODBUS_SCHEMES = ("tcp", "tls", "rtu", "rtu+tcp", "listen")


class Opener:
    """Opens one connection, again and again; a listening socket is kept in between.

    is_passive  the other side makes the connection, so there is nothing to hold back from
    """

    def __init__(self, connection: Connection, timing: LineTiming, ports: DialInPorts, connect_s: float) -> None:
        self._connection, self._timing, self._ports, self._connect_s = connection, timing, ports, connect_s
        self._port: DialInPort | None = None
        self.is_passive = connection.scheme == "listen"

    async def open(self, protocol: asyncio.Protocol) -> None:
        """Give the protocol its transport. A modem is waited for as long as it takes, all else `connect_s`.

        Raises:
            OSError: no connection (TLS, serial port and listening socket included).
            TimeoutError: not within `connect_s`.
        """
        where, timing = self._connection, self._timing
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

    async def _connect(self, protocol: asyncio.Protocol) -> None:
        where = self._connection
        context = tls_context(where.options) if where.scheme == "tls" else None
        async with asyncio.timeout(self._connect_s):
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(lambda: protocol, where.host, where.port, ssl=context)
        keep_alive(transport)

    async def close(self) -> None:
        """Give back what is shared with other lines."""
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
