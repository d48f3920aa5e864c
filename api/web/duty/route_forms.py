"""The form of a route as a document."""

from __future__ import annotations

from typing import Any

from api.web.duty import reading
from api.web.duty.reading import Typed, many, one


def match_document(typed: Typed) -> dict[str, Any]:
    """Which alerts: what is not chosen is any."""
    hours = (one(typed, "hours_start"), one(typed, "hours_end"))
    return {
        "nodes": many(typed, "node"),
        "media": many(typed, "medium"),
        "categories": many(typed, "category"),
        "severities": many(typed, "severity"),
        "rules": reading.names(one(typed, "rules")),
        "days": many(typed, "days"),
        "hours": (hours[0] or "00:00", _until(hours[1])) if any(hours) else None,
        "burst": {"yes": True, "no": False}.get(one(typed, "burst")),
    }


def _until(clock: str) -> str:
    return "24:00" if clock in {"", "00:00"} else clock


def route_document(typed: Typed) -> dict[str, Any]:
    """A route. Rows of steps without anybody, and of quiet hours without a beginning, are none."""
    repeat = one(typed, "repeat_min")
    steps = [i for i in reading.row_numbers(typed, "after") if many(typed, f"step_{i}")]
    quiet = [i for i in reading.row_numbers(typed, "quiet_start") if one(typed, f"quiet_start_{i}")]
    return {
        "name": one(typed, "name"),
        "position": reading.number(one(typed, "position", "100")),
        "match": match_document(typed),
        "targets": many(typed, "target"),
        "group_by": many(typed, "group"),
        "group_wait_s": reading.number(one(typed, "wait_s", "30")),
        "group_interval_s": reading.number(one(typed, "interval_min", "5"), 60),
        "repeat_s": reading.number(repeat, 60) if repeat else None,
        "steps": [
            {"after_s": reading.number(one(typed, f"after_{i}"), 60), "targets": many(typed, f"step_{i}")}
            for i in steps
        ],
        "quiet": [
            {
                "start": one(typed, f"quiet_start_{i}"),
                "end": _until(one(typed, f"quiet_end_{i}")),
                "days": many(typed, f"quiet_days_{i}"),
            }
            for i in quiet
        ],
        "tell_cleared": bool(one(typed, "tell_cleared")),
        "goes_on": bool(one(typed, "goes_on")),
    }
