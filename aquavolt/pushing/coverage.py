"""How far what was pushed is in the store: a rebuild takes it from there, and what is beyond from the journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from collector.journal import Journal

CURSOR = "stored"
_KEPT = 1000


class Coverage:
    """Moves the journal's cursor `stored` behind what every collector says is stored."""

    def __init__(self, journal: Journal, pushed: Mapping[str, int]) -> None:
        """`pushed`: the last sequence of each collector that is in the journal."""
        self._journal = journal
        self._stored: dict[str, int] = {}
        self._waiting: deque[tuple[int, dict[str, int]]] = deque()
        self.note(pushed)

    def note(self, pushed: Mapping[str, int]) -> None:
        """The journal's head holds each collector's entries up to these."""
        if len(self._waiting) >= _KEPT:  # coarser: each second one says as much, a little later
            self._waiting = deque(list(self._waiting)[1::2])
        self._waiting.append((self._journal.head(), dict(pushed)))

    def forget(self, collector: str) -> None:
        """Nobody will say any more what of it is stored."""
        for _, pushed in self._waiting:
            pushed.pop(collector, None)

    def stored(self, collector: str, seq: int) -> None:
        """The collector's entries up to this one are stored."""
        self._stored[collector] = seq
        reached = None
        while self._waiting and self._is_covered(self._waiting[0][1]):
            reached = self._waiting.popleft()[0]
        if reached is not None and reached > self._journal.cursor(CURSOR):
            self._journal.set_cursor(CURSOR, reached)

    def _is_covered(self, pushed: Mapping[str, int]) -> bool:
        return all(self._stored.get(name, 0) >= seq for name, seq in pushed.items())
