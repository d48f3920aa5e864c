"""Which texts a database can hold at all."""

from __future__ import annotations


def is_storable(text: str) -> bool:
    """Whether every database takes the text: no NUL (PostgreSQL), no lone surrogate (it is no UTF-8)."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
