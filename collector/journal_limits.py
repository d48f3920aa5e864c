"""How large a journal may grow, and how long a reader may hold it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FreeSpace = Callable[[Path], int]

_GIB = 1 << 30


def free_bytes(path: Path) -> int:
    """Bytes that an ordinary program may still write on the volume of `path`."""
    return shutil.disk_usage(path).free


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """Limits of a journal; the defaults hold a campus of 500 meters for days.

    cap_bytes        bytes of entries; past it the oldest goes first, read or not
    free_floor_bytes free bytes on the volume, below which sources must not hand in readings
    stream_lag_s     a reader of `hurried` that is further behind is moved on
    hurried          readers that may not hold the journal to its cap
    """

    cap_bytes: int = 4 * _GIB
    free_floor_bytes: int = _GIB // 2
    stream_lag_s: float = 24 * 3600.0
    hurried: tuple[str, ...] = ("stream",)

    def __post_init__(self) -> None:
        if self.cap_bytes <= 0:
            raise ValueError(f"the journal's cap_bytes is {self.cap_bytes}; it must be more than 0")
        if self.free_floor_bytes < 0:
            raise ValueError(f"the journal's free_floor_bytes is {self.free_floor_bytes}; it must be 0 or more")
