"""A recording read back: what `tape` wrote, checked line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.tape import FORM

_KINDS = ("event", "sent", "heard", "topic", "values", "failed")


class RecordingError(ValueError):
    """A file that is no recording; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and all that came after it; `delay_s` from the question to the last byte."""

    request: bytes
    answer: bytes
    delay_s: float


@dataclass(frozen=True, slots=True)
class Message:
    """A broker's message, `at_s` after the recording's start."""

    at_s: float
    topic: str
    payload: bytes
    is_retained: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """The head's members, and what happened in order."""

    profile: str
    protocol: str
    connection: str
    address: str
    head: dict[str, Any]
    exchanges: tuple[Exchange, ...]
    messages: tuple[Message, ...]
    readings: tuple[list[dict[str, Any]], ...]


def read_recording(path: Path) -> Recording:
    """The recording in a file.

    Raises:
        RecordingError: it cannot be read, or a line is none of a recording's.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error
    lines = [_object(path, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    head = lines[0] if lines else {}
    if head.get("aquavolt_recording") != FORM:
        raise RecordingError(f'{path}:1: no recording: the first line has "aquavolt_recording": {FORM}')
    for key in ("profile", "protocol", "connection", "address"):
        if not isinstance(head.get(key), str):
            raise RecordingError(f"{path}:1: {key}: must be a text")
    for number, line in enumerate(lines[1:], 2):
        _check(path, number, line)
    return Recording(
        head["profile"], head["protocol"], head["connection"], head["address"], head,
        tuple(_exchanges(lines[1:])), tuple(_messages(lines[1:])),
        tuple(line["values"] for line in lines[1:] if "values" in line),
    )  # fmt: skip


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise RecordingError(f"{path}:{number}: no JSON: {error}") from error
    if not isinstance(found, dict):
        raise RecordingError(f"{path}:{number}: must be a JSON object")
    return found


def _check(path: Path, number: int, line: dict[str, Any]) -> None:
    if isinstance(line.get("t"), bool) or not isinstance(line.get("t"), int | float):
        raise RecordingError(f"{path}:{number}: t: must be seconds since the start")
    if not any(kind in line for kind in _KINDS):
        raise RecordingError(f"{path}:{number}: has none of: {', '.join(_KINDS)}")
    for key in ("sent", "heard", "payload_hex"):
        try:
            bytes.fromhex(line.get(key, ""))
        except (ValueError, TypeError) as error:
            raise RecordingError(f"{path}:{number}: {key}: must be bytes in hex: {error}") from error


def _exchanges(lines: list[dict[str, Any]]) -> Iterator[Exchange]:
    """What was heard belongs to the question before it; noise before the first question belongs to none."""
    request, asked, answer, last = b"", 0.0, b"", 0.0
    for line in lines:
        if "sent" in line:
            if request:
                yield Exchange(request, answer, last - asked)
            request, asked, answer, last = bytes.fromhex(line["sent"]), line["t"], b"", line["t"]
        elif "heard" in line and request:
            answer, last = answer + bytes.fromhex(line["heard"]), line["t"]
    if request:
        yield Exchange(request, answer, last - asked)


def _messages(lines: list[dict[str, Any]]) -> Iterator[Message]:
    for line in lines:
        if "topic" in line:
            payload = line["payload"].encode() if "payload" in line else bytes.fromhex(line.get("payload_hex", ""))
            yield Message(line["t"], str(line["topic"]), payload, bool(line.get("retained")))
