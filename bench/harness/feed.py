"""A history as the entries of a journal, in a file: made once, fed to many runs of a program."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import yaml

from metering.batch import ReadingBatch, concatenate
from metering.entries import Entry, Tick, decode_entry, encode_entry
from simulators.campus.campus import Campus, build_campus

DAY = np.timedelta64(1, "D")
HOUR = np.timedelta64(1, "h")
_LENGTH = struct.Struct("<I")


def write_feed(path: Path, entries: Iterable[Entry]) -> None:
    with path.open("wb") as file:
        for entry in entries:
            body = encode_entry(entry)
            file.write(_LENGTH.pack(len(body)) + body)


def read_feed(path: Path) -> list[Entry]:
    data, at, entries = path.read_bytes(), 0, []
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        entries.append(decode_entry(data[at + _LENGTH.size : at + _LENGTH.size + length]))
        at += _LENGTH.size + length
    return entries


def all_readings(entries: Iterable[Entry]) -> ReadingBatch:
    return concatenate([entry for entry in entries if isinstance(entry, ReadingBatch)])


def fingerprint(batch: ReadingBatch) -> list[tuple[str, int, int, float, int]]:
    """Every reading, in one order, whatever the order they came in."""
    rows = zip(
        (batch.meters[i] for i in batch.meter),
        batch.quantity.tolist(),
        batch.time.astype(np.int64).tolist(),
        batch.value.tolist(),
        batch.quality.tolist(),
        strict=True,
    )
    return sorted(rows)


def campus_entries(campus: Campus, days: float, hours: int = 6) -> list[Entry]:
    """Readings as they came, an entry for some hours, a tick after each."""
    end = campus.start + np.timedelta64(round(days * 24), "h")
    entries: list[Entry] = []
    for batch in campus.history(campus.start, end):
        first = batch.time.min()
        while first <= batch.time.max():
            part = batch.take((batch.time >= first) & (batch.time < first + hours * HOUR))
            if len(part):
                entries += [part, Tick(part.time.max())]
            first += hours * HOUR
    return entries


def make_campus(seed: int, days: int) -> Campus:
    return build_campus(seed, date(2026, 10, 12), days)


def write_site(path: Path, campus: Campus) -> None:
    path.write_text(yaml.safe_dump(campus.site_document(), allow_unicode=True, sort_keys=False), encoding="utf-8")
