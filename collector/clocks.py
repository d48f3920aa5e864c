"""Clocks of meters against ours: what is so far off that it cannot be believed. Pure.

A reading that was asked for is of the moment of its answer: a wrong clock harms none. Tariffs and logs of the
meter are wrong by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from collector.read_value import ReadValue

TOLERATED_MS = 5 * 60 * 1000
CLOCK_WRONG = "clock_wrong"
_STAMPS = frozenset({"meter_time", "Time point (date & time)"})
_DATE, _TIME = "date", "time"
_MIDNIGHT_S = 120  # date and time are read one after the other: around midnight they do not belong together


def clock_word(values: Iterable[ReadValue], now_ms: int, zone: tzinfo | None) -> list[ReadValue]:
    """Whether the clock that an answer states is wrong, as a value of its own; empty where it states none.

    Meters state their local time without an offset: without the site's zone nothing is said.
    """
    texts = {v.quantity: v.value for v in values if isinstance(v.value, str)}
    stated = _stated(texts)
    if zone is None or stated is None:
        return []
    off_ms = stated.replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000 - now_ms
    return [ReadValue(CLOCK_WRONG, abs(off_ms) > TOLERATED_MS, "")]


def _stated(texts: dict[str, str]) -> datetime | None:
    stamp = next((texts[name].removesuffix("Z") for name in _STAMPS if name in texts), None)
    if stamp is None and _DATE in texts and _TIME in texts:
        stamp = f"{texts[_DATE]}T{texts[_TIME]}"
        if _seconds_to_midnight(texts[_TIME]) < _MIDNIGHT_S:
            return None
    try:
        return None if stamp is None else datetime.fromisoformat(stamp).replace(tzinfo=None)
    except ValueError:
        return None


def _seconds_to_midnight(text: str) -> int:
    """Seconds from a clock's time of day to the nearest midnight; 0 where it is none."""
    try:
        hours, minutes, seconds = (int(part) for part in text.split(":"))
    except ValueError:
        return 0
    since = hours * 3600 + minutes * 60 + seconds
    return min(since, 86_400 - since)
