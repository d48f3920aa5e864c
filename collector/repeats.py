"""Which messages came before: brokers deliver at least once, and a repeat must not hide one that is missing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

_MOST = 65_536  # more than a broker holds back of what was acknowledged, and 6 MB at most


class Repeats:
    """Remembers the newest messages, each by a number of its own."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: set[int] = set()
        self._order: deque[int] = deque()

    def are_new(self, messages: Iterable[int]) -> list[bool]:
        """For each message whether it is not among the newest that came."""
        known, order = self._known, self._order
        found = []
        for message in messages:
            is_new = message not in known
            found.append(is_new)
            if is_new:
                known.add(message)
                order.append(message)
        while len(order) > self._most:
            known.discard(order.popleft())
        return found
