"""How many messages one receiver gets, however much happens: a few at once, then fewer, each with all that waits.

A main burst or a power cut raises thousands of alerts within a minute. The first two messages go out as they come;
what follows waits and is joined, each message with all that waited, so that ten minutes of storm are at most five.
Bursts wait less than the rest. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=10)
AT_ONCE = 2
# Seconds after the last message, by how many went out within the window; the last figure holds for all beyond.
# Bursts at 0, 0, 30, 120, 300, 600 s: however long it storms, no ten minutes have more than five.
_BURST_GAPS_S = (0, 0, 30, 90, 180, 300)
_GAPS_S = (0, 0, 60, 180, 300)


def earliest(sent: Sequence[datetime], now: datetime, *, has_burst: bool) -> datetime:
    """When the next message may go to a receiver who got one at each of these times; `now` or before: at once."""
    recent = [moment for moment in sent if now - WINDOW < moment <= now]
    if not recent:
        return now
    gaps = _BURST_GAPS_S if has_burst else _GAPS_S
    return max(recent) + timedelta(seconds=gaps[min(len(recent), len(gaps) - 1)])


def may_go_apart(sent: Sequence[datetime], waiting: int, now: datetime) -> bool:
    """Whether so many waiting messages still go out one by one, rather than as one summary."""
    recent = sum(now - WINDOW < moment <= now for moment in sent)
    return recent + waiting <= AT_ONCE
