"""Whether what a Modbus profile says of its points among each other holds: exponents, ratios, probes, numbering."""

from __future__ import annotations

import re
from collections.abc import Iterator

from device_profiles.schema import ModbusPoint, ModbusProfile, Probe
from metering.site_document import Fault

_NUMBER = re.compile(r"\d+")


def check_relations(profile: ModbusProfile) -> Iterator[Fault]:
    """What is wrong between points, each fault at its path."""
    by_name = {p.quantity: p for p in profile.points}
    for i, point in enumerate(profile.points):
        yield from (Fault(("points", i, key), text) for key, text in _check_exponent(point, by_name, profile))
        yield from (Fault(("points", i, key), text) for key, text in _check_number(point, profile.documented_base))
        if point.restates and not any(_meet(point, p) for p in profile.points):
            yield Fault(("points", i, "restates"), "no other point has these registers; leave it out")
    for name in profile.ratios:
        if name not in by_name:
            yield Fault(("ratios", name), f"no point {name!r}; there are: {', '.join(by_name)}")
    for i, probe in enumerate(profile.identify):
        yield from (Fault(("identify", i, key), text) for key, text in _check_probe(probe))


def _check_exponent(
    point: ModbusPoint, by_name: dict[str, ModbusPoint], profile: ModbusProfile
) -> Iterator[tuple[str, str]]:
    if point.power_of_ten is None:
        return
    exponent = by_name.get(point.power_of_ten)
    if exponent is None:
        yield "power_of_ten", f"no point {point.power_of_ten!r}; there are: {', '.join(by_name)}"
    elif exponent.function != point.function or exponent.type.family not in ("int", "uint"):
        yield "power_of_ten", f"{exponent.quantity} must be a whole number read with function {point.function}"
    elif (span := max(point.end, exponent.end) - min(point.address, exponent.address)) > profile.limits.max_registers:
        yield "power_of_ten", f"{exponent.quantity} is too far away to be read along: {span} registers"


def _check_number(point: ModbusPoint, base: int | None) -> Iterator[tuple[str, str]]:
    """The maker's number against the wire address: the classic slip by one."""
    number = _NUMBER.search(point.documented_as)
    if base is None or number is None or "x" in point.documented_as.lower():
        return
    if int(number[0]) - base != point.address:
        yield "documented_as", f"{number[0]} is wire address {int(number[0]) - base} (documented_base {base})"


def _check_probe(probe: Probe) -> Iterator[tuple[str, str]]:
    if bool(probe.one_of) == (probe.between is not None):
        yield "one_of", "give the values it may have, or `between`, not both"
    if probe.between and probe.between[0] >= probe.between[1]:
        yield "between", "the lower end must be below the upper"
    is_text = probe.as_point().type.family == "text"
    if is_text != (probe.count is not None):
        yield "count", "is the length of text in registers: needed there, and nowhere else"
    if probe.as_point().registers > 1 and not is_text and probe.word_order is None:
        yield "word_order", "is never guessed: msw_first or lsw_first"


def _meet(left: ModbusPoint, right: ModbusPoint) -> bool:
    return (
        not right.restates and left.function == right.function and left.address < right.end and right.address < left.end
    )
