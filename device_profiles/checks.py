"""Whether the parts of a profile fit together: what a schema of single keys cannot see."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from device_profiles.dtypes import WordOrder
from device_profiles.kinds import Profile
from device_profiles.relations import check_relations
from device_profiles.schema import JsonProfile, ModbusPoint, ModbusProfile, Point
from metering.meter_alarms import BY_ALARM_CODE
from metering.quantities import BY_NAME
from metering.site_document import Fault

# Scales are powers of ten between a meter's unit and ours; anything beyond is a slip of the keyboard.
_SCALE_MIN, _SCALE_MAX = 1e-12, 1e12
_STATUS_WORDS = ("uint16", "uint32")
_FLOAT32_MAX = 3.4028235e38
_LAST_ADDRESS = 0x10000
_PAIRED = 4
_ANY_LENGTH = (WordOrder.MSW_FIRST, WordOrder.LSW_FIRST)
_PARTS_ORDERS = (WordOrder.MSW_FIRST, WordOrder.PAIRS_SWAPPED)
_POWER_UNITS = frozenset({"W", "kW", "var", "kvar", "VA", "kVA", "Wh", "kWh", "varh", "kvarh", "A"})


def find_faults(profile: Profile) -> list[Fault]:
    """All that is wrong with a profile whose keys are right, each fault at its path."""
    faults = [*_check_names(profile), *_check_references(profile)]
    for i, point in enumerate(profile.points):
        faults += [Fault(("points", i, key), text) for key, text in _check_point(point)]
    if isinstance(profile, ModbusProfile):
        faults += _check_map(profile)
    if isinstance(profile, JsonProfile) and profile.is_plain == bool(profile.points):
        faults.append(Fault(("points",), "give points, or `is_plain: true` and none"))
    return faults


def _check_names(profile: Profile) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for i, point in enumerate(profile.points):
        name = point.quantity
        if name in seen:
            yield Fault(("points", i, "quantity"), f"{name!r} is point {seen[name]} already; names are unique")
        seen.setdefault(name, i)
        plain = name.removesuffix("_total").removesuffix("_sum")
        if plain != name and plain in BY_NAME:
            yield Fault(("points", i, "quantity"), f"{name!r} is our {plain!r}; write that name")


def _check_references(profile: Profile) -> Iterator[Fault]:
    sources = [s.id for s in profile.sources]
    names = {p.quantity for p in profile.points} or set(BY_NAME)
    for i, point in enumerate(profile.points):
        for source in point.src:
            if source not in sources:
                yield Fault(("points", i, "src"), f"no source {source!r}; there are: {', '.join(sources) or 'none'}")
    for i, test in enumerate(profile.tests):
        for name in test.expect:
            if name not in names:
                yield Fault(("tests", i, "expect", name), f"no point {name!r}; there are: {', '.join(sorted(names))}")


def _check_point(point: Point) -> Iterator[tuple[str, str]]:
    known = point.known
    if known is None and point.unit is None:
        yield "quantity", f"{point.quantity!r} is no quantity of ours, so it needs `unit`; ours: {', '.join(BY_NAME)}"
    if known is not None and point.unit is not None and point.unit != known.unit:
        yield "unit", f"{point.quantity} is in {known.unit or 'no unit'}; let `scale` turn the meter's unit into it"
    if not _SCALE_MIN <= abs(point.scale) <= _SCALE_MAX:
        yield "scale", f"{point.scale:g} is impossible; allowed: {_SCALE_MIN:g} to {_SCALE_MAX:g}, either sign"
    if point.valid_range and point.valid_range[0] >= point.valid_range[1]:
        yield "valid_range", "the lower end must be below the upper"
    if isinstance(point, ModbusPoint):
        yield from _check_layout(point)
        yield from _check_numbers(point)
        yield from _check_alarms(point)


def _check_alarms(point: ModbusPoint) -> Iterator[tuple[str, str]]:
    if not point.alarms:
        return
    if point.dtype not in _STATUS_WORDS or (point.scale, point.offset) != (1, 0):
        yield "alarms", f"stand in a whole word: dtype {' or '.join(_STATUS_WORDS)}, without scale; not {point.dtype}"
    bits = 16 * point.registers
    for bit, code in point.alarms.items():
        if code not in BY_ALARM_CODE:
            yield "alarms", f"{code!r} is no alarm; allowed: {', '.join(BY_ALARM_CODE)}"
        if not 0 <= bit < bits:
            yield "alarms", f"there is no bit {bit}; allowed: 0 to {bits - 1}"


def _check_layout(point: ModbusPoint) -> Iterator[tuple[str, str]]:
    family = point.type.family
    if (family == "text") != (point.count is not None):
        yield "count", "is the length of `ascii` or `bcd_text` in registers: needed there, and nowhere else"
    if family == "text" and point.known:
        yield "dtype", f"{point.quantity} is a number, `{point.dtype}` is text"
    if (family == "bits") != (point.width is not None):
        yield "width", "is how many bits of `bits16` or `bits32` count: needed there, and nowhere else"
    if family == "bits" and point.bit + (point.width or 0) > point.type.bits:
        yield "bit", f"bits {point.bit} to {point.bit + (point.width or 0) - 1} leave the {point.type.bits} there are"
    if point.end > _LAST_ADDRESS:
        yield "address", f"{point.address} and {point.registers} registers run past 65535"
    if point.registers > 1 and family != "text":
        yield from _check_order(point)


def _check_order(point: ModbusPoint) -> Iterator[tuple[str, str]]:
    if point.word_order is None:
        yield "word_order", "is never guessed: msw_first or lsw_first, here or in `defaults`"
    elif point.type.family == "parts":
        allowed = _PARTS_ORDERS if point.registers == _PAIRED else _PARTS_ORDERS[:1]
        if point.word_order not in allowed:
            yield "word_order", f"two halves of {8 * point.registers} bits are {' or '.join(allowed)}, no other"
    elif point.registers != _PAIRED and point.word_order not in _ANY_LENGTH:
        yield "word_order", f"{point.word_order} is for values of 4 registers, not {point.registers}"


def _check_numbers(point: ModbusPoint) -> Iterator[tuple[str, str]]:
    largest = _largest_raw(point)
    if not math.isfinite(largest * point.scale + point.offset):
        yield "scale", f"{point.scale:g} overflows: the largest raw value is {largest:g}"
    if point.positive == "export" and not _is_power(point):
        yield "positive", "turns the sign of a power or energy; this is none"
    for marker in point.invalid:
        if not -(1 << (point.type.bits - 1 if point.type.bits else 0)) <= marker < 1 << point.type.bits:
            yield "invalid", f"{marker:#x} does not fit into {point.type.bits} bits"


def _largest_raw(point: ModbusPoint) -> float:
    family, bits = point.type.family, point.type.bits
    if family == "float":
        # A float64 can hold anything; what a meter means by it is below a float32's end.
        return _FLOAT32_MAX
    return 10.0 ** (bits // 4) if family == "bcd" else 2.0**bits


def _is_power(point: ModbusPoint) -> bool:
    return point.printed_unit in _POWER_UNITS


def _check_map(profile: ModbusProfile) -> Iterator[Fault]:
    yield from _check_overlaps(profile)
    yield from check_relations(profile)
    for i, point in enumerate(profile.points):
        if point.registers > profile.limits.max_registers:
            yield Fault(("points", i, "dtype"), f"takes {point.registers} registers, a request may ask for fewer")
        for banned in profile.limits.forbidden:
            if banned.function == point.function and point.address <= banned.last and banned.first < point.end:
                yield Fault(("points", i, "address"), f"lies in the forbidden {banned.first} to {banned.last}")
        for name in point.times:
            if name not in profile.parameters:
                there = ", ".join(profile.parameters) or "none"
                yield Fault(("points", i, "times"), f"no parameter {name!r}; there are: {there}")


def _check_overlaps(profile: ModbusProfile) -> Iterator[Fault]:
    single = [(i, p) for i, p in enumerate(profile.points) if not p.restates]
    by_place = sorted(single, key=lambda item: (item[1].function, item[1].address, item[1].bit))
    for (_, left), (i, right) in pairwise(by_place):
        if left.function != right.function or left.end <= right.address or _are_fields(left, right):
            continue
        text = f"{right.quantity!r} at {right.address} overlaps {left.quantity!r} ({left.address} to {left.end - 1})"
        yield Fault(("points", i, "address"), text)


def _are_fields(left: ModbusPoint, right: ModbusPoint) -> bool:
    """Whether both are bit fields of the same registers that share no bit."""
    if (left.address, left.dtype) != (right.address, right.dtype) or left.type.family != "bits":
        return False
    return left.bit + (left.width or 0) <= right.bit
