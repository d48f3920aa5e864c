"""A modem in front of a simulated line: it dials in, says who it is, and dials again when it is cut off."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Modem:
    """What it says: once it is connected, and every `every_s` seconds so that nobody takes it for dead.

    redial_s  how long it waits before it dials again
    """

    registration: bytes = b""
    heartbeat: bytes = b"\xfe"
    every_s: float = 30.0
    redial_s: float = 2.0


class DialingLine(Protocol):
    """A line that can be served through a connection it makes itself."""

    @property
    def is_connected(self) -> bool:
        """Whether the modem has a connection."""
        ...

    async def dial_in(
        self, host: str, port: int, registration: bytes, heartbeat: bytes = ..., every_s: float = ...
    ) -> None:
        """Connect and serve; OSError where nobody listens."""
        ...


async def keep_dialling(line: DialingLine, host: str, port: int, modem: Modem) -> None:
    """Dial again and again, until cancelled."""
    while True:
        if not line.is_connected:
            with contextlib.suppress(OSError):  # nobody listens yet
                await line.dial_in(host, port, modem.registration, modem.heartbeat, modem.every_s)
        await asyncio.sleep(modem.redial_s)


def said_bytes(text: str) -> bytes:
    """The bytes of a word, or those that 0x... stands for.

    Raises:
        ValueError: after 0x stand no pairs of hex digits.
    """
    if not text.lower().startswith("0x"):
        return text.encode()
    try:
        return bytes.fromhex(text[2:])
    except ValueError as error:
        raise ValueError(f"{text!r}: after 0x stand pairs of hex digits") from error
