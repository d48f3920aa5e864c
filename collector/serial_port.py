"""A serial port in an event loop, as an asyncio transport. Opened for us alone: two masters on a line garble it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from typing import Any

import serial

_AT_ONCE = 4096
_PSEUDO_TERMINALS = "/dev/pts/"


class SerialPortError(OSError):
    """The port cannot be opened or has gone; the message names it."""


class SerialTransport(asyncio.Transport):
    """Bytes to and from a serial port; what is written waits its turn, reading never blocks.

    Needs a loop with readers and writers (POSIX).
    """

    def __init__(self, port: Any, protocol: asyncio.Protocol) -> None:
        super().__init__({"serial": port})
        self._port, self._protocol = port, protocol
        self._loop = asyncio.get_running_loop()
        self._waiting = b""
        self._is_closed = False
        self._loop.add_reader(port.fileno(), self._on_readable)
        self._loop.call_soon(protocol.connection_made, self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; what the driver does not take now follows later."""
        if self._is_closed:
            return
        if not self._waiting:
            self._loop.add_writer(self._port.fileno(), self._on_writable)
        self._waiting += bytes(data)

    def _on_writable(self) -> None:
        try:
            sent = self._port.write(self._waiting) or 0
        except (OSError, serial.SerialException) as error:
            self._end(error)
            return
        self._waiting = self._waiting[sent:]
        if not self._waiting:
            self._loop.remove_writer(self._port.fileno())

    def _on_readable(self) -> None:
        try:
            data = self._port.read(_AT_ONCE)
        except (OSError, serial.SerialException) as error:
            self._end(error)
            return
        if data:
            self._protocol.data_received(data)

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._is_closed

    def close(self) -> None:
        """Close at once: a serial line has nobody to take leave of."""
        self._end(None)

    def abort(self) -> None:
        """Close at once."""
        self._end(None)

    def _end(self, error: Exception | None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(OSError, ValueError):
            self._loop.remove_reader(self._port.fileno())
            self._loop.remove_writer(self._port.fileno())
        with contextlib.suppress(OSError):
            self._port.close()
        self._loop.call_soon(self._protocol.connection_lost, error)


def open_serial_port(
    device: str, protocol: asyncio.Protocol, *, baud: int, parity: str = "N", bits: int = 8, stop: int = 1
) -> SerialTransport:
    """Open a device for us alone, with these settings.

    Raises:
        SerialPortError: it is not there, not ours to open, in use by another program, or refuses the settings.
    """
    # A pseudo-terminal has no parity, and refuses to be told so again when it is opened the second time.
    parity = "N" if os.path.realpath(device).startswith(_PSEUDO_TERMINALS) else parity
    try:
        port = serial.Serial(
            device, baud, bytesize=bits, parity=parity, stopbits=stop, timeout=0, write_timeout=0, exclusive=True
        )
    except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
        raise SerialPortError(f"{device}: {error}") from error
    return SerialTransport(port, protocol)
