"""Meter ids as the small numbers that the store's tables carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class MeterNumbers:
    """Every id ever stored, with its number. A number is never given to a second id.

    New ids are numbered by `assign` inside the write that needs them and known to readers after `keep`, so a write
    that fails leaves no trace.
    """

    def __init__(self, rows: Iterable[tuple[int, str]]) -> None:
        self._numbers = {name: number for number, name in rows}

    def assign(self, cursor: Any, meters: Iterable[str]) -> dict[str, int]:
        """Number the ids that have none yet and write them down; returns only these."""
        first = len(self._numbers)
        unknown = dict.fromkeys(m for m in meters if m not in self._numbers)
        fresh = {name: first + i for i, name in enumerate(unknown)}
        if fresh:
            cursor.executemany("INSERT INTO meters VALUES (?, ?)", [[n, name] for name, n in fresh.items()])
        return fresh

    def keep(self, fresh: dict[str, int]) -> None:
        """The write is durable: its new ids are known from now on."""
        if fresh:
            self._numbers = {**self._numbers, **fresh}

    def ids(self) -> tuple[str, ...]:
        """All ids; the place of each is its number."""
        return tuple(self._numbers)

    def column(self, meters: Sequence[str], fresh: dict[str, int] | None = None) -> npt.NDArray[np.int32]:
        """The number of each id; -1 where it is unknown."""
        known, new = self._numbers, fresh or {}
        return np.array([known.get(m, new.get(m, -1)) for m in meters], np.int32)
