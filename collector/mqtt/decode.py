"""JSON payloads into readings, by profile. Pure: bytes in, samples out, and an error that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from collector.mqtt.paths import compile_path, pick
from collector.read_value import ReadValue
from device_profiles.binding import Output, bind_points
from device_profiles.schema import JsonPoint, JsonProfile, TimePath
from metering.batch import Quality
from metering.quantities import BY_CODE, BY_NAME, MAIN_REGISTER, QUANTITIES

_decode_json = msgspec.json.Decoder().decode
_HELD = int(Quality.HELD)
_SHOWN = 60
_NUMBERS = frozenset({int, float})
_PLAIN_TIME = "time"


class PayloadError(ValueError):
    """A payload that cannot be read; the message says what is wrong with it. The caller knows the topic."""


class Sample(NamedTuple):
    """Values of one moment: codes of `metering.quantities`, in our units.

    time_ms    Unix milliseconds as the device says, None where it says nothing
    qualities  bits of `Quality` per value, None where all are good
    """

    time_ms: int | None
    codes: Sequence[int]
    values: list[float]
    qualities: list[int] | None = None


Decode = Callable[[bytes], Sample]


def payload_decoder(
    profile: JsonProfile, *, medium: str, multiplier: float = 1.0, channel: int = 0, zone: tzinfo | None = None
) -> Decode:
    """The function that reads this meter's payloads.

    It raises PayloadError for a payload that is no JSON object, states no value of the profile, or states one
    that is no number.
    """
    if profile.is_plain:
        return _plain_decoder(medium, multiplier)
    outputs = bind_points(profile.points, medium=medium, multiplier=multiplier, channel=channel)
    return _points_decoder(profile, outputs, zone)


def read_values(profile: JsonProfile, payload: bytes) -> list[ReadValue]:
    """All that a payload states by its profile, ours and the source's names, for people to look at.

    Raises:
        PayloadError: as `payload_decoder`.
    """
    if payload.lstrip()[:1] == b"[":
        return [value for part in _series(payload) for value in read_values(profile, part)]
    document = _object(payload)
    if profile.is_plain:
        moment = _moment(document.get(_PLAIN_TIME), "unix_ms", _PLAIN_TIME)
        found = [(name, value, BY_NAME[name].unit if name in BY_NAME else "") for name, value in document.items()]
        found = [
            (name, value, unit) for name, value, unit in found if name not in ("", _PLAIN_TIME) and value is not None
        ]
        _plain_decoder("other", 1.0)(payload)  # the same refusals
    else:
        moment = _stated_time(document, profile.time, compile_time(profile.time))
        states = [(p, _state(document, p, [compile_path(x) for x in p.path])) for p in profile.points]
        found = [(p.quantity, value, p.printed_unit) for p, value in states if value is not None]
    if not found:
        raise PayloadError(_nothing_found(profile))
    time = None if moment is None else _datetime(moment)
    if time is not None and profile.time is not None and profile.time.form == "iso8601_local":
        time = time.replace(tzinfo=None)  # as the device shows it: it states no offset
    return [ReadValue(name, _printable(value), unit, time) for name, value, unit in found]


# -- members named as our quantities ---------------------------------------------------------------------


def _plain_decoder(medium: str, multiplier: float) -> Decode:
    points = tuple(JsonPoint(quantity=q.name, path=(q.name,)) for q in QUANTITIES)
    bound = bind_points(points, medium=medium, multiplier=multiplier)
    known = {o.quantity.name: (o.quantity.code, o.factor) for o in bound}
    pulses, register = BY_NAME["pulse_count"].code, MAIN_REGISTER.get(medium)

    def decode(payload: bytes) -> Sample:
        document = _object(payload)
        codes: list[int] = []
        values: list[float] = []
        for name, value in document.items():
            target = known.get(name)
            if target is None or value is None:
                continue
            kind = type(value)
            if kind is not float and kind is not int:
                raise PayloadError(f"{name} must be a number, is {_shown(value)}")
            codes.append(target[0])
            values.append(_times(value, target[1]))
        if not codes:
            raise PayloadError(f"states no quantity; it has {_names(document)}; allowed: {', '.join(known)}")
        if register is not None and pulses in codes and register.code not in codes:
            values.append(values[codes.index(pulses)] * multiplier)
            codes.append(register.code)
        moment = document.get(_PLAIN_TIME)
        return Sample(
            None if moment is None else _moment(moment, "unix_ms", _PLAIN_TIME), codes, _finite(codes, values)
        )

    return decode


# -- members found by the profile's paths ----------------------------------------------------------------


def _points_decoder(profile: JsonProfile, outputs: Sequence[Output], zone: tzinfo | None = None) -> Decode:
    wanted = sorted({o.point for o in outputs})
    paths = {i: [compile_path(p) for p in profile.points[i].path] for i in wanted}
    time_paths = compile_time(profile.time)

    def decode(payload: bytes) -> Sample:
        document = _object(payload)
        stated: dict[int, float] = {}
        for i in wanted:
            value = _state(document, profile.points[i], paths[i])
            if value is not None:
                stated[i] = _number(profile.points[i], value)
        used = [o for o in outputs if o.point in stated]
        if not used:
            raise PayloadError(_nothing_found(profile))
        codes = [o.quantity.code for o in used]
        qualities = [_range_quality(profile.points[o.point], stated[o.point]) for o in used]
        values = _finite(codes, [stated[o.point] * o.factor for o in used])
        # A clock without offset and zone says nothing that can be kept: the arrival counts.
        is_unknown = zone is None and profile.time is not None and profile.time.form == "iso8601_local"
        moment = None if is_unknown else _stated_time(document, profile.time, time_paths, zone)
        return Sample(moment, codes, values, qualities if any(qualities) else None)

    return decode


def compile_time(time: TimePath | None) -> list[tuple[str | int, ...]]:
    """The steps to where the payload states its time, one list a place where it may stand."""
    return [compile_path(p) for p in time.path] if time else []


def _state(document: Any, point: JsonPoint, paths: Sequence[tuple[str | int, ...]]) -> Any:
    """What the payload says at a point: a number already scaled, or text; None where it says nothing."""
    for path in paths:
        value = pick(document, path)
        if value is None or type(value) is list:
            continue
        if value in point.invalid:
            return None
        kind = type(value)
        if point.only_within is not None and not (
            kind in _NUMBERS and point.only_within[0] <= value <= point.only_within[1]
        ):
            continue
        return _times(value, point.scale) + point.offset if kind is float or kind is int else value
    return None


def _number(point: JsonPoint, value: Any) -> float:
    kind = type(value)
    if kind is not float and kind is not int:
        raise PayloadError(f"{point.path[0]} ({point.quantity}) must be a number, is {_shown(value)}")
    return float(value)


def _range_quality(point: JsonPoint, value: float) -> int:
    if point.valid_range is None or point.valid_range[0] <= value <= point.valid_range[1]:
        return 0
    return _HELD


def _series(payload: bytes) -> list[bytes]:
    """The objects of a JSON list, each a message of its own."""
    try:
        documents = _decode_json(payload)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"is no JSON: {error}; it begins {payload[:_SHOWN]!r}") from error
    if not documents or not all(type(d) is dict for d in documents):
        raise PayloadError("must be a JSON object, or a list of them")
    return [msgspec.json.encode(d) for d in documents]


# -- what both share -------------------------------------------------------------------------------------


def _object(payload: bytes) -> dict[str, Any]:
    try:
        document = _decode_json(payload)
    except ValueError as error:
        raise PayloadError(f"is no JSON: {error}; it begins {payload[:_SHOWN]!r}") from error
    except RecursionError as error:
        raise PayloadError("is nested too deep") from error
    if type(document) is not dict:
        raise PayloadError(f"must be a JSON object, is {_shown(document)}")
    return document


def _times(value: float, factor: float) -> float:
    try:
        return value * factor
    except OverflowError as error:  # JSON knows integers of any length
        raise PayloadError(f"a value is too large: {_shown(value)}") from error


def _finite(codes: Sequence[int], values: list[float]) -> list[float]:
    if isfinite(sum(values)):
        return values
    raise PayloadError(f"a value is too large: {_shown(max(values, key=abs))} of {BY_CODE[codes[0]].name} or beside it")


def _stated_time(
    document: Any, time: TimePath | None, paths: Sequence[tuple[str | int, ...]], zone: tzinfo | None = None
) -> int | None:
    if time is None:
        return None
    for text, path in zip(time.path, paths, strict=True):
        value = pick(document, path)
        if value is not None:
            return _moment(value, time.form, text, (zone or UTC) if time.form == "iso8601_local" else None)
    return None


def _moment(value: Any, form: str, name: str, zone: tzinfo | None = None) -> int | None:
    """Unix ms. Text is ISO 8601 whatever the form, with an offset or in `zone`; any decimals, rounded to ms."""
    kind = type(value)
    if kind is str:
        return _iso_moment(value, name, zone)
    if kind is int or kind is float:
        try:
            return int(value * 1000) if form == "unix_s" else int(value)
        except (OverflowError, ValueError) as error:
            raise PayloadError(f"{name} is no moment: {_shown(value)}") from error
    if value is None:
        return None
    raise PayloadError(f"{name} must be ISO 8601 with an offset or Unix time, is {_shown(value)}")


def _datetime(moment: int) -> datetime:
    try:
        return datetime.fromtimestamp(moment / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise PayloadError(f"states a time that no calendar has: {_shown(moment)} ms") from error


def _iso_moment(text: str, name: str, zone: tzinfo | None) -> int:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None and zone is not None:
            moment = moment.replace(tzinfo=zone)
        if moment.tzinfo is None:
            raise PayloadError(f"{name} has no offset: {_shown(text)}; for example 2026-03-01T08:00:00+08:00")
        return int(moment.timestamp() * 1000 + 0.5)
    except PayloadError:
        raise
    except (ValueError, OverflowError) as error:
        raise PayloadError(f"{name} is no ISO 8601 time: {_shown(text)}") from error


def _nothing_found(profile: JsonProfile) -> str:
    if profile.is_plain:
        return "states no quantity"
    places = ", ".join(p.path[0] for p in profile.points)
    return f"states none of the values of {profile.id}, which stand at {places}"


def _names(document: dict[str, Any]) -> str:
    return ", ".join(list(document)[:10])[:200] or "no members"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _printable(value: Any) -> float | str:
    kind = type(value)
    return value if kind is float or kind is int else str(value)
