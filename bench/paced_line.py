"""A simulated line whose bytes take the time that they take on a wire.

A question is whole at the meters when its last byte has passed; one answers after a while; each part of the answer
arrives when its last byte has passed. All of it is reckoned from the moment in which the question's bytes came, so that
the simulation itself adds nothing but a late timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

BITS_A_BYTE = 11
_CHUNK = 8
# Bytes that come after such a pause begin a new question.
_SILENCE_S = 0.02


class PacedLine(asyncio.Protocol):
    """All meters hear all bytes; `answer` gives what one of them says to a whole question, None or nothing else.

    exchanges_s  what all exchanges so far take on the wire, the meter's `delay_s` included, without rests in between
    """

    def __init__(self, answer: Callable[[bytes], bytes | None], *, baud: int, delay_s: float) -> None:
        self._answer, self._byte_s, self._delay_s = answer, BITS_A_BYTE / baud, delay_s
        self._heard = b""
        self._began = self._last = 0.0
        self._transport: asyncio.Transport | None = None
        self.requests = self.bytes = 0
        self.exchanges_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The collector has dialled."""
        self._transport = cast(asyncio.Transport, transport)
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        """Answer a whole question in the wire's own time."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._heard or now - self._last > _SILENCE_S:
            self._heard, self._began = b"", now
        self._heard, self._last = self._heard + data, now
        answer = self._answer(self._heard)
        if answer is None:
            return
        size = len(self._heard) + len(answer)
        self.requests += 1
        self.bytes += size
        self.exchanges_s += size * self._byte_s + self._delay_s
        first = self._began + len(self._heard) * self._byte_s + self._delay_s
        self._heard = b""
        for at in range(0, len(answer), _CHUNK):
            part = answer[at : at + _CHUNK]
            loop.call_at(first + (at + len(part)) * self._byte_s, self._write, part)

    def _write(self, part: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(part)
