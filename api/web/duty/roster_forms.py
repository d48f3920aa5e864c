"""The forms of duties, absences and contacts as documents."""

from __future__ import annotations

from typing import Any

from api.web.duty import reading
from api.web.duty.reading import Typed, many, names, one
from metering.site import Site


def duty_document(typed: Typed) -> dict[str, Any]:
    """A duty. A row of a shift without people is none."""
    covers = (one(typed, "covers_start") or "00:00", one(typed, "covers_end") or "24:00")
    shifts = [_shift(typed, i) for i in reading.row_numbers(typed, "people") if one(typed, f"people_{i}")]
    return {
        "role": one(typed, "role").lower().replace(" ", "_"),
        "name": one(typed, "name"),
        "nodes": many(typed, "node"),
        "shifts": shifts,
        "fallback": one(typed, "fallback"),
        "covers": _whole_day(covers),
    }


def _shift(typed: Typed, i: int) -> dict[str, Any]:
    start, end = _whole_day((one(typed, f"start_{i}") or "00:00", one(typed, f"end_{i}") or "24:00"))
    shift: dict[str, Any] = {
        "start": start,
        "end": end,
        "days": many(typed, f"days_{i}"),
        "people": names(one(typed, f"people_{i}")),
        "turn_days": reading.number(one(typed, f"turn_days_{i}", "1")),
        "first": one(typed, f"first_{i}") or None,
        "last": one(typed, f"last_{i}") or None,
    }
    return shift | ({"turn_from": turn_from} if (turn_from := one(typed, f"turn_from_{i}")) else {})


def _whole_day(hours: tuple[str, str]) -> tuple[str, str]:
    """A browser's clock knows no 24:00: midnight to midnight is the whole day."""
    start, end = hours
    return (start, "24:00") if end == "00:00" else (start, end)


def absence_document(typed: Typed, site: Site) -> dict[str, Any]:
    """Somebody is away."""
    return {
        "person": one(typed, "person"),
        "start": reading.moment(one(typed, "start"), site),
        "end": reading.moment(one(typed, "end"), site),
        "stand_in": one(typed, "stand_in") or None,
        "duties": many(typed, "duty"),
        "reason": one(typed, "reason"),
    }


def contact_document(typed: Typed) -> dict[str, Any]:
    """How somebody is reached. A row without a channel is none."""
    rows = [i for i in reading.row_numbers(typed, "channel") if one(typed, f"channel_{i}")]
    addresses = [
        {
            "channel": one(typed, f"channel_{i}"),
            "address": one(typed, f"address_{i}"),
            "severities": many(typed, f"severities_{i}"),
        }
        for i in rows
    ]
    return {"addresses": addresses, "language": one(typed, "language", "zh-CN")}
