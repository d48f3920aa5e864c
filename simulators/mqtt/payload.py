"""What a simulated meter publishes: the profile read backwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from collector.mqtt.paths import compile_path
from device_profiles.schema import JsonPoint, JsonProfile, TimePath


def encode_payload(profile: JsonProfile, values: Mapping[str, float], moment: datetime) -> bytes:
    """A payload that states these values, as the meter shows them, at this moment.

    `values` are by quantity as the profile names it, in our unit (or the profile's, where we have no name). Meters
    that state no zone say the moment (aware) as it reads on its own zone's clock.

    Raises:
        ValueError: the profile knows none of the values.
    """
    if profile.is_plain:
        document: dict[str, Any] = {**values, "time": _stated(moment, "iso8601")}
        return _bytes(document)
    document = {}
    known = [point for point in profile.points if point.quantity in values]
    if not known:
        raise ValueError(f"{profile.id} has none of: {', '.join(values)}")
    for point in known:
        _place(document, compile_path(point.path[0]), _raw(point, values[point.quantity]))
    if isinstance(profile.time, TimePath):
        _place(document, compile_path(profile.time.path[0]), _stated(moment, profile.time.form))
    return _bytes(document)


def _raw(point: JsonPoint, value: float) -> float:
    raw = (value - point.offset) / point.scale
    return int(raw) if raw.is_integer() else raw


def _stated(moment: datetime, form: str) -> str | float:
    if form == "iso8601":
        return moment.astimezone(UTC).isoformat(timespec="milliseconds")
    if form == "iso8601_local":
        return moment.replace(tzinfo=None).isoformat(timespec="seconds")
    seconds = moment.timestamp()
    return seconds if form == "unix_s" else round(seconds * 1000)


def _place(document: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    """Put the value where the path says; lists are filled up with empty objects.

    A place that holds something of another form keeps it: a meter states a total or a list of phases, not both.
    """
    place: Any = document
    for step, following in zip(path, (*path[1:], None), strict=True):
        if isinstance(step, int) is not isinstance(place, list):
            return
        inner: Any = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(step, int):
            place.extend({} for _ in range(step + 1 - len(place)))
            if following is None or not place[step]:
                place[step] = inner
        elif following is None:
            place[step] = inner
        else:
            place.setdefault(step, inner)
        place = place[step]


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
