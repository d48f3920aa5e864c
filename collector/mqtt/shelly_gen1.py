"""Shelly Gen1: one topic a value, numbers as text. Pure; the sum over phases remembers what each phase last said.

<prefix>/emeter/<0..2>/{power,pf,current,voltage,total,total_returned,reactive_power}      EM, 3EM; total is Wh
<prefix>/relay/<n>/{power,energy}                                                          plugs; energy is W min
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from collector.read_value import ReadValue

_TOPIC = re.compile(r"(?:^|/)(?P<kind>emeter|relay|meter)/(?P<n>\d)/(?P<field>\w+)$")
_WATT_MINUTES = 60_000.0
# Field to (our or the maker's name, unit, divisor); {p} is the phase.
_EMETER = {
    "power": ("active_power_l{p}", "kW", 1000.0),
    "pf": ("power_factor_l{p}", "", 1.0),
    "current": ("current_l{p}", "A", 1.0),
    "voltage": ("voltage_l{p}", "V", 1.0),
    "reactive_power": ("reactive_power_l{p}", "var", 1.0),
    "total": ("active_energy_import_l{p}", "kWh", 1000.0),
    "total_returned": ("active_energy_export_l{p}", "kWh", 1000.0),
}
_RELAY = {
    "power": ("active_power", "kW", 1000.0),
    "energy": ("active_energy_import", "kWh", _WATT_MINUTES),
}
# A relay's own JSON (HTTP status, or gathered by a bridge).
_METER = {**_RELAY, "total": ("active_energy_import", "kWh", _WATT_MINUTES)}
_PHASES = (1, 2, 3)
_SUMMED = {"active_energy_import": "kWh", "active_energy_export": "kWh", "active_power": "kW"}


class ShellyError(ValueError):
    """A topic or payload that is none of a Shelly's; the message says why."""


def read_topic(topic: str, payload: bytes) -> list[ReadValue]:
    """The value of one topic; a topic that carries no measurement gives none.

    Raises:
        ShellyError: a measurement that is no number.
    """
    found = _TOPIC.search(topic)
    if not found:
        return []
    table = _EMETER if found["kind"] == "emeter" else _RELAY
    if found["field"] not in table:
        return []
    try:
        number = float(payload)
    except ValueError as error:
        raise ShellyError(f"must be a number, is {payload[:40]!r}") from error
    return [_value(table[found["field"]], number, int(found["n"]) + 1)]


def _value(field: tuple[str, str, float], number: float, phase: int) -> ReadValue:
    if not math.isfinite(number):
        raise ShellyError(f"must be a number, is {number}")
    name, unit, divisor = field
    return ReadValue(name.format(p=phase), number / divisor, unit)


def read_document(payload: bytes) -> list[ReadValue]:
    """A JSON object of topics and values, or a meter's own status (`power`, `total` in watt-minutes).

    Raises:
        ShellyError: it is neither.
    """
    try:
        document = msgspec.json.decode(payload)
    except (ValueError, RecursionError) as error:
        raise ShellyError(f"is no JSON: {error}; a bare number needs its topic") from error
    if not isinstance(document, dict):
        raise ShellyError("a bare value needs its topic")
    values = [v for topic, value in document.items() for v in _member(topic, value)]
    if not values:
        raise ShellyError(f"states none of a Shelly's values; it has {', '.join(list(document)[:8])}")
    return values


def _member(topic: str, value: Any) -> list[ReadValue]:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        if topic in _METER:
            return [_value(_METER[topic], _number(value), 1)]
        return read_topic(topic, str(value).encode())
    meters = value if topic in {"meters", "emeters"} and isinstance(value, list) else []
    table = _METER if topic == "meters" else _EMETER
    return [
        _value(table[k], _number(v), phase)
        for phase, meter in enumerate(meters, 1)
        if isinstance(meter, dict)
        for k, v in meter.items()
        if k in table and isinstance(v, str | int | float) and not isinstance(v, bool)
    ]


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ShellyError(f"must be a number, is {value!r}") from error


class PhaseSums:
    """The total over phases, which a Gen1 meter does not state: known once every phase has told its part."""

    def __init__(self, phases: int = 3) -> None:
        self._phases = phases
        self._parts: dict[str, dict[int, float]] = {name: {} for name in _SUMMED}

    def add(self, values: list[ReadValue]) -> list[ReadValue]:
        """The totals that these values make or change."""
        changed = []
        for value in values:
            name, _, phase = value.quantity.rpartition("_l")
            if name in self._parts and phase.isdecimal() and isinstance(value.value, int | float):
                self._parts[name][int(phase)] = value.value
                changed.append(name)
        return [
            ReadValue(name, sum(self._parts[name].values()), _SUMMED[name])
            for name in dict.fromkeys(changed)
            if len(self._parts[name]) == self._phases
        ]
