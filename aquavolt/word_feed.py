"""What people say, from the records into the journal that the rules read: in order, and each word once.

The records are what the pages and the rules' program share, so a word said while that is down is not lost; it counts
from when it is journaled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from alerts.feedback import FeedbackBook
from aquavolt.worker import Worker
from collector.journal import Journal

MARK = "feedback"
_LOOK_S = 1.0


class WordFeed:
    """A thread that looks for new words. The journal keeps, with the words, how far it has come."""

    def __init__(self, book: FeedbackBook, journal: Journal, now: Callable[[], np.datetime64]) -> None:
        self._book, self._journal, self._now = book, journal, now
        # A journal that was lost is given all of them again; the rules know which they have.
        self._after = int(journal.marks().get(MARK, "0"))
        self.worker = Worker("feedback", self.turn)

    def turn(self) -> None:
        """Journal what is new, or wait for more."""
        words = self._book.give_out(self._after, self._now())
        if not words:
            self.worker.pause(_LOOK_S)
            return
        self._journal.append(words, {MARK: str(words[-1].id)})
        self._after = words[-1].id
