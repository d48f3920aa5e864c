"""Journal entries: what enters a shard, in one total order, and how each is written as bytes.

An entry describes itself, so a journal outlives the program that wrote it:

    [ magic "AV" ][ version u8 ][ kind u8 ][ header length u32 LE ][ header JSON ][ columns ]
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any

import numpy as np

from metering.batch import MeterEvent, ReadingBatch, to_datetime, to_ms
from metering.head_counts import HeadCount
from metering.site import PlannedUse

_HEAD = struct.Struct("<2sBBI")
_MAGIC, _VERSION = b"AV", 1
_COLUMNS = (("meter", "<i4"), ("quantity", "u1"), ("time", "<i8"), ("value", "<f8"), ("quality", "<u2"))


class EntryKind(IntEnum):
    """Kind byte of an entry: never renumber."""

    READINGS = 1
    EVENTS = 2
    TICK = 3
    REVISION = 4
    FEEDBACK = 5
    HEAD_COUNTS = 6


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Meter events of one arrival."""

    events: tuple[MeterEvent, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """The clock, journaled once a minute, so that silence is found in event time.

    `down_since` is set on the first tick after a stop of the collector itself: the time between is a gap of ours,
    never a meter's fault.
    """

    time: np.datetime64
    down_since: np.datetime64 | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """A new revision of a document (`site` or `rules`), valid from this place in the order on."""

    subject: str
    digest: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said of an alert or of planned use, as far as the rules learn from it.

    time      event time from which on the rules know it
    id        counts up in the order in which people spoke
    outcome   what the alert was found to be, or one of the other words in `metering.feedback`
    who, said   who said it, and when
    alert     the alert's id; empty where it is about none
    replaces  id of the word that holds no longer
    judged    (rule, subject) of each finding that the alert is made of
    use       the use that was planned, where that was said
    """

    time: np.datetime64
    id: int
    outcome: str
    who: str
    said: np.datetime64
    alert: str = ""
    replaces: int | None = None
    judged: tuple[tuple[str, str], ...] = ()
    use: PlannedUse | None = None


@dataclass(frozen=True, slots=True)
class HeadCounts:
    """Beds and people of places, each from a local day on.

    time   event time from which on the rules know it; a day that had begun by then is judged as before
    id     counts up in the order in which they were brought
    """

    time: np.datetime64
    id: int
    counts: tuple[HeadCount, ...]


Entry = ReadingBatch | EventBatch | Tick | Revision | Feedback | HeadCounts


class EntryError(ValueError):
    """Bytes that are no entry, or of a version this program does not know."""


def _ms(moment: np.datetime64 | None) -> int | None:
    return None if moment is None else int(moment.astype("datetime64[ms]").astype(np.int64))


def _time(ms: int) -> np.datetime64:
    return np.datetime64(ms, "ms")


def _header(entry: Entry) -> tuple[EntryKind, dict[str, Any]]:
    match entry:
        case ReadingBatch():
            return EntryKind.READINGS, {"meters": entry.meters, "rows": len(entry)}
        case EventBatch(events):
            return EntryKind.EVENTS, {"events": [[e.meter, _ms(e.time), e.code, e.text] for e in events]}
        case Tick(time, down_since):
            return EntryKind.TICK, {"time": _ms(time), "down_since": _ms(down_since)}
        case Revision(subject, digest, document):
            return EntryKind.REVISION, {"subject": subject, "digest": digest, "document": document}
        case Feedback():
            return EntryKind.FEEDBACK, feedback_to_state(entry)
        case HeadCounts():
            return EntryKind.HEAD_COUNTS, counts_to_state(entry)


def feedback_to_state(word: Feedback) -> dict[str, Any]:
    """JSON-able."""
    use = None
    if (plan := word.use) is not None:
        use = [plan.node, _ms(to_ms(plan.start)), _ms(to_ms(plan.end)), plan.text, plan.medium]
    return {
        "time": _ms(word.time), "id": word.id, "outcome": word.outcome, "who": word.who, "said": _ms(word.said),
        "alert": word.alert, "replaces": word.replaces, "judged": [list(pair) for pair in word.judged], "use": use,
    }  # fmt: skip


def feedback_from_state(state: Mapping[str, Any]) -> Feedback:
    """The word that `feedback_to_state` wrote.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    use = None
    if (plan := state["use"]) is not None:
        node, start, end, text, medium = plan
        use = PlannedUse(node, to_datetime(_time(start)), to_datetime(_time(end)), text, medium)
    return Feedback(
        _time(state["time"]), int(state["id"]), state["outcome"], state["who"], _time(state["said"]), state["alert"],
        state["replaces"], tuple((rule, subject) for rule, subject in state["judged"]), use,
    )  # fmt: skip


def counts_to_state(entry: HeadCounts) -> dict[str, Any]:
    """JSON-able."""
    rows = [[c.node, c.first.isoformat(), c.beds, c.people] for c in entry.counts]
    return {"time": _ms(entry.time), "id": entry.id, "counts": rows}


def counts_from_state(state: Mapping[str, Any]) -> HeadCounts:
    """The entry that `counts_to_state` wrote.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    counts = (HeadCount(node, date.fromisoformat(first), beds, people) for node, first, beds, people in state["counts"])
    return HeadCounts(_time(state["time"]), int(state["id"]), tuple(counts))


def encode_entry(entry: Entry) -> bytes:
    """The entry as bytes, for a journal or a wire."""
    kind, header = _header(entry)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    parts = [_HEAD.pack(_MAGIC, _VERSION, kind, len(text)), text]
    if isinstance(entry, ReadingBatch):
        parts += [np.ascontiguousarray(getattr(entry, name)).view(code).tobytes() for name, code in _COLUMNS]
    return b"".join(parts)


def decode_entry(data: bytes) -> Entry:
    """The entry in these bytes.

    Raises:
        EntryError: not an entry, cut short, or of an unknown version or kind.
    """
    try:
        magic, version, kind, length = _HEAD.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise EntryError(f"not a journal entry of version {_VERSION}: starts with {data[:4].hex()}")
        header = json.loads(data[_HEAD.size : _HEAD.size + length])
        return _decode_body(EntryKind(kind), header, data, _HEAD.size + length)
    except EntryError:
        raise
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise EntryError(f"a journal entry of {len(data)} bytes is damaged: {error}") from error


def _decode_body(kind: EntryKind, header: dict[str, Any], data: bytes, offset: int) -> Entry:
    if kind is EntryKind.READINGS:
        return _decode_readings(header, data, offset)
    if kind is EntryKind.EVENTS:
        return EventBatch(tuple(MeterEvent(m, _time(t), code, text) for m, t, code, text in header["events"]))
    if kind is EntryKind.TICK:
        since = header["down_since"]
        return Tick(_time(header["time"]), None if since is None else _time(since))
    if kind is EntryKind.REVISION:
        return Revision(header["subject"], header["digest"], header["document"])
    return counts_from_state(header) if kind is EntryKind.HEAD_COUNTS else feedback_from_state(header)


def _decode_readings(header: dict[str, Any], data: bytes, offset: int) -> ReadingBatch:
    rows = int(header["rows"])
    columns: dict[str, Any] = {}
    for name, code in _COLUMNS:
        # A copy: a view at an odd offset is slow to compute on and would keep the whole entry in memory.
        columns[name] = np.frombuffer(data, dtype=code, count=rows, offset=offset).copy()
        offset += columns[name].nbytes
    if offset != len(data):
        raise EntryError(f"a batch of {rows} rows ends at byte {offset}, the entry has {len(data)}")
    columns["time"] = columns["time"].view("datetime64[ms]")
    return ReadingBatch(tuple(header["meters"]), **columns)
