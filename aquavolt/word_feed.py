"""What people say, from the records into the journal that the rules read: in order, and each word once.

The records are what the pages and the rules' program share, so a word said while that is down is not lost; it counts
from when it is journaled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from aquavolt.worker import Worker
from collector.journal import Journal
from metering.entries import Feedback, HeadCounts

MARK = "feedback"
HEAD_COUNTS = "head_counts"
_LOOK_S = 1.0


class Book(Protocol):
    """What people said, or brought, in an order."""

    def give_out(self, after: int, now: np.datetime64) -> Sequence[Feedback | HeadCounts]:
        """What comes beyond a number; what nobody was told of yet is known from `now` on."""
        ...


class WordFeed:
    """A thread that looks for new words. The journal keeps, with the words, how far it has come."""

    def __init__(self, book: Book, journal: Journal, now: Callable[[], np.datetime64], mark: str = MARK) -> None:
        self._book, self._journal, self._now, self._mark = book, journal, now, mark
        # A journal that was lost is given all of them again; the rules know which they have.
        self._after = int(journal.marks().get(mark, "0"))
        self.worker = Worker(mark, self.turn)

    def turn(self) -> None:
        """Journal what is new, or wait for more."""
        words = self._book.give_out(self._after, self._now())
        if not words:
            self.worker.pause(_LOOK_S)
            return
        self._journal.append(words, {self._mark: str(words[-1].id)})
        self._after = words[-1].id
