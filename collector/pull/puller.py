"""One pulled source on its schedule: rows into readings, those into the journal, and with them how far it has come.

A source that cannot be read is asked again after a while that doubles; a row that cannot be taken is counted, named
once, and stops no other.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import structlog

from collector.breaker import Breaker, BreakerSettings
from collector.counts import Counts
from collector.journal import JournalError
from collector.pull.form import MAX_AHEAD, Form, PulledReading, RowFaultError, read_row
from collector.pull.source import Chunk, Fault, PullSource, SourceError
from metering.batch import ReadingBatch, batch_of
from metering.entries import Entry

_log = structlog.get_logger(__name__)
PREFIX = "pull:"
_FIRST_WAIT_S, _LONGEST_WAIT_S = 10.0, 900.0
_NAMED = 20  # bad rows that a pull names one by one
_KNOWN_BAD = 10_000  # places of bad rows that are remembered, so that what is read twice is told once
_MOST_SEEN = 500_000


class TakesMarked(Protocol):
    """What a puller needs of the journal."""

    def append(self, entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> int:
        """Durable when it returns, entries and marks together."""
        ...

    def marks(self) -> dict[str, str]:
        """What was marked."""
        ...

    def is_accepting(self) -> bool:
        """Whether readings may be handed in."""
        ...


@dataclass(slots=True)
class Pulled:
    """What one pull did; `named` are the first of its bad rows, as `where: reason`."""

    readings: int = 0
    faults: int = 0
    newest_ms: int | None = None
    named: list[str] = field(default_factory=list)


class Puller:
    """Pulls one source in a thread of its own until it is stopped.

    now        UTC, for what lies in the future
    monotonic  seconds, for the schedule
    draw       numbers in [0, 1): jitter of the waits
    """

    def __init__(
        self,
        name: str,
        source: PullSource,
        form: Form,
        journal: TakesMarked,
        counts: Counts,
        every_s: float,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.name, self._line = name, f"pull {name}"
        self._source, self._form, self._journal, self._counts = source, form, journal, counts
        self._every_s, self._now, self._monotonic = every_s, now, monotonic
        longest = max(_LONGEST_WAIT_S, every_s)
        self._breaker = Breaker(BreakerSettings(1, min(_FIRST_WAIT_S, every_s), longest), draw)
        self._bad: dict[str, None] = {}
        self._seen: dict[tuple[str, int, int], float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._line, daemon=True)
        counts.connection(self._line, "connecting")

    def start(self) -> None:
        """Start the thread. Once."""
        self._thread.start()

    def stop(self, timeout_s: float = 15.0) -> None:
        """End after the chunk under way; a source that does not answer is not waited for longer."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        due = self._monotonic()
        while not self._stopping.is_set():
            wait_s = self.turn()
            now = self._monotonic()
            if wait_s is None:  # a fixed grid: what a pull takes does not move the next one
                due += self._every_s * max(1, -((due - now) // self._every_s))
                wait_s = due - now
            self._stopping.wait(max(0.0, wait_s))

    def turn(self) -> float | None:
        """Pull once. Seconds to wait before it is tried again, None when all went well."""
        if not self._journal.is_accepting():
            self._counts.connection(self._line, "waiting", error="the disk is full: the journal takes no readings")
            return _FIRST_WAIT_S
        try:
            pulled = self.pull()
        except (SourceError, JournalError) as error:
            return self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the other sources go on
            _log.exception("a pull failed", source=self.name)
            return self._failed(f"{type(error).__name__}: {error}")
        self._succeeded(pulled)
        return None

    def pull(self) -> Pulled:
        """Read what is new and journal it.

        Raises:
            SourceError, JournalError: not all of it; what was journaled stays so.
        """
        done, latest = Pulled(), self._now() + MAX_AHEAD
        prefix = f"{PREFIX}{self.name}:"
        marks = {k.removeprefix(prefix): v for k, v in self._journal.marks().items() if k.startswith(prefix)}
        with closing(self._source.read(marks)) as chunks:  # type: ignore[type-var]
            for chunk in chunks:
                self._take(chunk, latest, done, prefix)
                if self._stopping.is_set():
                    return done
        if done.newest_ms is not None and (after := self._source.marks_after(done.newest_ms)):
            self._journal.append([], {prefix + k: v for k, v in after.items()})
            self._forget_before(done.newest_ms - self._source.overlap_ms)
        return done

    def _take(self, chunk: Chunk, latest: datetime, done: Pulled, prefix: str) -> None:
        readings: list[PulledReading] = []
        for fault in chunk.faults:
            self._refuse(fault.where, fault.kind, fault.message, done)
        for row in chunk.rows:
            taken, faults = read_row(row.values, self._form, latest)
            readings += taken
            for bad in faults:
                self._refuse(row.where, bad.kind, str(bad), done)
        done.newest_ms = max(
            [r.ms for r in readings] + ([] if done.newest_ms is None else [done.newest_ms]), default=None
        )
        batch = batch_of_readings(self._unseen(readings))
        entries = [batch] if len(batch) else []
        if entries or chunk.marks:
            self._journal.append(entries, {prefix + k: v for k, v in chunk.marks.items()})
        self._remember(readings)
        done.readings += len(batch)
        for meter in batch.meters:
            self._counts.declare(meter, self._line)
        self._counts.received_batch(batch)

    # -- what comes again -----------------------------------------------------------------------------------------

    def _unseen(self, readings: list[PulledReading]) -> list[PulledReading]:
        """Without what an overlap gives again as it was."""
        return [r for r in readings if self._seen.get((r.meter, r.code, r.ms)) != r.value]

    def _remember(self, readings: list[PulledReading]) -> None:
        if self._source.overlap_ms and len(self._seen) < _MOST_SEEN:
            self._seen |= {(r.meter, r.code, r.ms): r.value for r in readings}

    def _forget_before(self, ms: int) -> None:
        self._seen = {key: value for key, value in self._seen.items() if key[2] >= ms}

    # -- what goes wrong ------------------------------------------------------------------------------------------

    def _refuse(self, where: str, kind: str, message: str, done: Pulled) -> None:
        said = f"{where}: {message}"
        if said in self._bad:
            return
        if len(self._bad) >= _KNOWN_BAD:
            self._bad.clear()
        self._bad[said] = None
        self._counts.set_aside(f"{self._line}: {kind}")
        done.faults += 1
        if len(done.named) < _NAMED:
            done.named.append(said)

    def _failed(self, error: str) -> float:
        now = self._monotonic()
        self._breaker.fail(now)
        self._counts.connection(self._line, "failed", requests=1, errors=1, error=error)
        _log.warning("a source cannot be pulled; it is asked again", source=self.name, error=error)
        return self._breaker.retry_at - now

    def _succeeded(self, pulled: Pulled) -> None:
        was_down = self._breaker.succeed()
        error = ""
        for said in pulled.named:
            _log.warning("a row is left out", source=self.name, row=said)
        if pulled.faults:
            more = f" (and {pulled.faults - 1} more)" if pulled.faults > 1 else ""
            error = f"{pulled.named[0]}{more}"
        self._counts.connection(
            self._line, "connected", requests=1, reconnects=int(was_down), error=error or None,
            meters=len(set(self._form.meters.values())),
        )  # fmt: skip
        if pulled.readings:
            _log.info("readings pulled", source=self.name, readings=pulled.readings, refused=pulled.faults)


def batch_of_readings(readings: Sequence[PulledReading]) -> ReadingBatch:
    """The readings in columns."""
    index: dict[str, int] = {}
    meter = [index.setdefault(r.meter, len(index)) for r in readings]
    return batch_of(
        tuple(index),
        meter,
        [r.code for r in readings],
        [r.ms for r in readings],
        [r.value for r in readings],
        [r.quality for r in readings],
    )


def try_once(source: PullSource, form: Form, now: datetime, most: int) -> tuple[list[PulledReading], list[Fault], int]:
    """What a pull from the beginning would read: its first readings, its bad rows, and how many rows were looked at.

    Nothing is written. It ends with the first chunk after `most` rows.

    Raises:
        SourceError: the source cannot be read.
    """
    readings: list[PulledReading] = []
    faults: list[Fault] = []
    rows = 0
    with closing(source.read({})) as chunks:  # type: ignore[type-var]
        for chunk in chunks:
            faults += chunk.faults
            for row in chunk.rows:
                rows += 1
                taken, bad = read_row(row.values, form, now + MAX_AHEAD)
                readings += taken
                faults += [_told(row.where, fault) for fault in bad]
            if rows >= most:
                break
    return readings, faults, rows


def _told(where: str, fault: RowFaultError) -> Fault:
    return Fault(where, fault.kind, str(fault))
