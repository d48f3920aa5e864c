"""Lists that come page by page, read to their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

MOST = 500
"""What a page of any list may hold."""
ItemT_co = TypeVar("ItemT_co", covariant=True)


class Page(Protocol[ItemT_co]):
    """A part of a list; `next_cursor` asks for the one after, None at the end."""

    @property
    def items(self) -> tuple[ItemT_co, ...]:
        """In the list's order."""

    @property
    def next_cursor(self) -> Any:
        """None at the end."""


def every(find: Callable[..., Page[ItemT_co]], wanted: Any) -> Iterator[ItemT_co]:
    """All that `find(wanted, cursor=..., limit=...)` gives, a page at a time."""
    cursor = None
    while True:
        page = find(wanted, cursor=cursor, limit=MOST)
        yield from page.items
        if (cursor := page.next_cursor) is None:
            return
