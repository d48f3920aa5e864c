"""The journal's bookkeeping: who has read how far, what is removed, what is given up and counted.

All of it runs within one transaction of the writer, on a copy of the book that is kept only if it commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.journal_file import JournalFile, Place
from collector.journal_limits import JournalLimits
from collector.journal_salvage import Loss

_DELETE_AT_ONCE = 2000
_DELETE_BYTES_AT_ONCE = 32 << 20  # appends wait meanwhile


@dataclass(slots=True)
class Book:
    """What the journal knows of itself without looking into the file.

    head     last sequence given, and readings up to it
    cursors  last sequence each reader is done with
    dropped  (entries, readings) given up, by reason
    bytes    bytes of all entries
    """

    head: tuple[int, int] = (0, 0)
    cursors: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, tuple[int, int]] = field(default_factory=dict)
    bytes: int = 0

    def copy(self) -> Book:
        """A book of its own."""
        return Book(self.head, dict(self.cursors), dict(self.dropped), self.bytes)

    def count(self, file: JournalFile, reason: str, loss: Loss) -> None:
        """Note, here and in the file, what was given up."""
        file.add_dropped(reason, loss.entries, loss.readings)
        entries, readings = self.dropped.get(reason, (0, 0))
        self.dropped[reason] = entries + loss.entries, readings + loss.readings


def tend(file: JournalFile, book: Book, limits: JournalLimits, now_ms: int, *, is_held: bool = False) -> None:
    """Move hurried readers on, remove what all have passed, hold the cap (later if it is held), write the cursors."""
    _move_hurried(file, book, limits, now_ms)
    _delete_passed(file, book)
    if not is_held:
        _hold_cap(file, book, limits)
    file.set_cursors(book.cursors)


def _move_hurried(file: JournalFile, book: Book, limits: JournalLimits, now_ms: int) -> None:
    cutoff = now_ms - round(limits.stream_lag_s * 1000)
    for name in limits.hurried:
        if name not in book.cursors:
            continue
        first = file.first_since(book.cursors[name] + 1)
        if first is None or first.at_ms >= cutoff:
            continue
        seq, upto = _last_before(file, cutoff, first.seq, book.head[0])
        book.count(file, f"{name}_behind", Loss(seq - first.seq + 1, upto - first.before))
        book.cursors[name] = seq


def _last_before(file: JournalFile, cutoff: int, low: int, high: int) -> tuple[int, int]:
    """(seq, upto) of the last entry older than the cutoff; the one at `low` is. Halving: arrival times increase."""
    low_upto = 0
    while low <= high:
        middle = (low + high) // 2
        found = file.first_since(middle)
        if found is not None and found.at_ms < cutoff:
            low, low_upto = found.seq + 1, found.upto
        else:
            high = middle - 1
    return low - 1, low_upto


def _delete_passed(file: JournalFile, book: Book) -> None:
    passed = min(book.cursors.values(), default=0)
    freed = 0
    last = None
    for row in file.oldest(_DELETE_AT_ONCE):
        if row.seq > passed or freed > _DELETE_BYTES_AT_ONCE:
            break
        freed += row.size
        last = row
    if last is not None:
        file.delete_through(last)
        book.bytes -= freed


def _hold_cap(file: JournalFile, book: Book, limits: JournalLimits) -> None:
    while book.bytes > limits.cap_bytes:
        gone = []
        for row in file.oldest(_DELETE_AT_ONCE):
            if book.bytes <= limits.cap_bytes:
                break
            book.bytes -= row.size
            gone.append(row)
        if not gone:
            return
        _count_over_cap(file, book, gone, limits.hurried)
        file.delete_through(gone[-1])
        book.cursors = {name: max(seq, gone[-1].seq) for name, seq in book.cursors.items()}


def _count_over_cap(file: JournalFile, book: Book, gone: Sequence[Place], hurried: Sequence[str]) -> None:
    """Lost is what a store has not passed; what only hurried readers waited for is counted as theirs."""
    passed = min((seq for name, seq in book.cursors.items() if name not in hurried), default=0)
    behind = [name for name in hurried if book.cursors.get(name, gone[-1].seq) < gone[-1].seq]
    for reason, rows in (
        ("over_cap", [row for row in gone if row.seq > passed]),
        *((f"{name}_over_cap", [row for row in gone if book.cursors[name] < row.seq <= passed]) for name in behind),
    ):
        if rows:
            book.count(file, reason, Loss(rows[-1].seq - rows[0].seq + 1, rows[-1].upto - rows[0].before))
