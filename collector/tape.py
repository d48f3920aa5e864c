"""What goes over a connection, written down as it happens: the bytes of a line, the messages of a broker.

A recording is a text file with one JSON object a line. The first is its head; then, each with `t` in seconds since
the start:

{"t": 0.002, "event": "open"}                      the connection is made; "closed" when it is gone
{"t": 0.003, "sent": "01 03 00 00 00 02 c4 0b"}    bytes to the meter
{"t": 0.021, "heard": "01 03 04 ..."}              bytes from it, as they came
{"t": 4.1, "topic": "a/b", "payload": "{...}"}     a message of a broker; `payload_hex` where it is no text
{"t": 0.022, "values": [...]}                      what `read` printed; or "failed": why it printed nothing
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, TextIO, cast

FORM = 1


class Tape:
    """Writes one recording, line by line, so that a broken-off one is whole up to there. `clock` counts seconds."""

    def __init__(self, out: TextIO, head: dict[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock = out, clock
        self._start = clock()
        self._write({"aquavolt_recording": FORM, **head})

    def _write(self, line: dict[str, Any]) -> None:
        if self._out.closed:  # the end of a connection is told late
            return
        self._out.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._out.flush()

    def note(self, **said: Any) -> None:
        """A line of its own."""
        self._write({"t": round(self._clock() - self._start, 6), **said})

    def message(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """A broker's message."""
        retained = {"retained": True} if is_retained else {}
        try:
            self.note(topic=topic, payload=payload.decode(), **retained)
        except UnicodeDecodeError:
            self.note(topic=topic, payload_hex=payload.hex(" "), **retained)


def taped(protocol: asyncio.Protocol, tape: Tape | None) -> asyncio.Protocol:
    """The protocol, or one between it and its transport that writes down what passes."""
    return protocol if tape is None else _Between(protocol, tape)


class _Between(asyncio.Protocol):
    def __init__(self, inner: asyncio.Protocol, tape: Tape) -> None:
        self._inner, self._tape = inner, tape

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tape.note(event="open")
        self._inner.connection_made(_Writing(cast(asyncio.Transport, transport), self._tape))

    def data_received(self, data: bytes) -> None:
        self._tape.note(heard=data.hex(" "))
        self._inner.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tape.note(event="closed", **({"reason": str(exc)} if exc else {}))
        self._inner.connection_lost(exc)


class _Writing(asyncio.Transport):
    """A transport as far as those who ask meters use one."""

    def __init__(self, inner: asyncio.Transport, tape: Tape) -> None:
        super().__init__()
        self._inner, self._tape = inner, tape

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._tape.note(sent=bytes(data).hex(" "))
        self._inner.write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def close(self) -> None:
        self._inner.close()

    def abort(self) -> None:
        self._inner.abort()
