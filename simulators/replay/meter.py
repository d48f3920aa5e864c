"""A recorded meter on a line: the questions it was asked have its answers, byte for byte; others have none."""

from __future__ import annotations

from collections.abc import Callable

from collector.recording import Exchange, Recording
from simulators.line.server import LineFault

_TRANSACTION = 2


class RecordedMeter:
    """Asked the same again, it gives its next answer of the recording; after the last one, that one again.

    Modbus TCP gives each question a number of its own, which the answer gets too.

    is_at_once  answer without the recorded delay
    on_unknown  told the questions that the recording does not have
    """

    def __init__(
        self, recording: Recording, *, is_at_once: bool = False, on_unknown: Callable[[bytes], None] = lambda _: None
    ) -> None:
        is_numbered = recording.protocol == "modbus" and recording.connection.startswith(("tcp://", "tls://"))
        self._head = _TRANSACTION if is_numbered else 0
        self._is_at_once, self._on_unknown = is_at_once, on_unknown
        self._answers: dict[bytes, list[Exchange]] = {}
        for one in recording.exchanges:
            self._answers.setdefault(one.request[self._head :], []).append(one)
        self._longest = max(map(len, self._answers), default=0) + self._head
        self.fault = LineFault(delay_s=0.0)

    def answer(self, heard: bytes) -> bytes | None:
        """The answer to the question at the end of what was heard; None where none stands there."""
        for at in range(min(len(heard), self._longest), self._head, -1):
            key = heard[len(heard) - at + self._head :]
            if key in self._answers:
                return self._next(key, heard[len(heard) - at : len(heard) - at + self._head])
        if not any(key.startswith(heard[self._head :]) for key in self._answers):
            self._on_unknown(heard)
        return None

    def _next(self, key: bytes, number: bytes) -> bytes:
        waiting = self._answers[key]
        one = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        self.fault = LineFault(delay_s=0.0 if self._is_at_once else one.delay_s)
        if self._head and one.answer[: self._head] == one.request[: self._head]:
            return number + one.answer[self._head :]
        return one.answer
