"""What no platform should do, on request: to see that it does no harm."""

from __future__ import annotations

from collections.abc import Callable

from simulators.repair_platform.state import WINDOW_S, Platform, Repair


def do_misdeed(platform: Platform, number: str, kind: str) -> list[int]:
    """Do it; the statuses of the answers. Raises: KeyError: there is no such order or misdeed."""
    return MISDEEDS[kind](platform, platform.by_number(number))


def _duplicate(platform: Platform, repair: Repair) -> list[int]:
    """One event, sent twice."""
    event = platform.event_of(repair, "noted", {"note": "said twice"})
    return [platform.tell(repair, event)[0] for _ in range(2)]


def _out_of_order(platform: Platform, repair: Repair) -> list[int]:
    """The later event first."""
    started = platform.event_of(repair, "started", {}, ago_s=20)
    done = platform.event_of(repair, "done", {"note": "done before it began"}, ago_s=10)
    return [platform.tell(repair, event)[0] for event in (done, started)]


def _forged(platform: Platform, repair: Repair) -> list[int]:
    """Signed by somebody else."""
    event = platform.event_of(repair, "closed", {})
    return [platform.tell(repair, event, key="not the secret of anybody")[0]]


def _replayed(platform: Platform, _repair: Repair) -> list[int]:
    """The very bytes of an earlier request, headers and all."""
    return [] if platform.last_request is None else [platform.post(*platform.last_request)[0]]


def _stale(platform: Platform, repair: Repair) -> list[int]:
    """Signed well, but long ago."""
    event = platform.event_of(repair, "noted", {"note": "old"})
    return [platform.tell(repair, event, age_s=2 * WINDOW_S)[0]]


def _unknown_order(platform: Platform, repair: Repair) -> list[int]:
    """About an order that nobody has."""
    return [platform.tell(repair, platform.event_of(repair, "closed", {"number": "BX-NOBODY"}))[0]]


def _unknown_event(platform: Platform, repair: Repair) -> list[int]:
    """Of a kind that no mapping knows."""
    return [platform.tell(repair, platform.event_of(repair, "teleported", {}))[0]]


MISDEEDS: dict[str, Callable[[Platform, Repair], list[int]]] = {
    "duplicate": _duplicate,
    "out_of_order": _out_of_order,
    "forged": _forged,
    "replayed": _replayed,
    "stale": _stale,
    "unknown_order": _unknown_order,
    "unknown_event": _unknown_event,
}
