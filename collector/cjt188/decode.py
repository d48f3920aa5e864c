"""CJ/T 188 frames into what they state. Pure: bytes in, values out, and an error that says what is wrong.

Meters differ: both orders of the identifier, a unit before or after its number, long and short replies, both orders of
the clock, a type in the reply that is not the one asked for. Which it is shows in the frame itself.
"""

from __future__ import annotations

from collector.bcd import number
from collector.cjt188.fields import AMOUNT, Amount, amount, clock, is_battery_low, is_unit_first, valve_state
from collector.cjt188.frame import START, TYPES, Cjt188Error, Frame, fault_at, find_frame
from collector.cjt188.units import VOLUME
from collector.read_value import ReadValue
from collector.statement import Statement, merge

READING, ADDRESS = 0x901F, 0x810A
_IDLE = b"\x00\xfe\xff\r\n \t"
_GAS, _POWER_METER, _COOLING = 0x30, 0x40, 0x21
_HEAT = range(0x20, 0x30)
_DI, _HEADER = 2, 3
_LONG, _SHORT, _HEAT_LENGTH = 0x16 - _HEADER, 0x09 - _HEADER, 0x2E - _HEADER
_FIRST_MONTH, _LAST_MONTH = 0xD120, 0xD12B
_CONTROLS = {
    0x01: "read", 0x03: "read address", 0x04: "write", 0x15: "write address", 0x16: "write base reading",
    0x2A: "a maker's own command", 0x09: "read key version",
}  # fmt: skip
_HEAT_AMOUNTS = (
    ("heat_energy_settlement_or_cooling", "energy"), ("heat_energy", "energy"), ("thermal_power", "power"),
    ("flow_rate", "flow"), ("water_volume", "volume"),
)  # fmt: skip
_OURS = {"heat_energy": "kWh", "flow_rate": "m3/h", "water_volume": "m3", "gas_volume": "m3",
         "active_energy_import": "kWh"}  # fmt: skip


def decode(data: bytes) -> Statement:
    """All that the frames in `data` state. Wake bytes, noise and a gateway's text before a frame are skipped.

    Raises:
        Cjt188Error: no right frame, or something broken beside right ones. No value comes from such bytes.
    """
    return merge([read_frame(frame) for frame in split(data)])


def split(data: bytes) -> list[Frame]:
    """The frames in a capture.

    Raises:
        Cjt188Error: none is right, or bytes after one are no frame.
    """
    found = find_frame(data)
    if found is None:
        raise Cjt188Error(_why_none(data))
    frames, end = [found.frame], found.end
    while data[end:].strip(_IDLE):
        found = find_frame(data, end)
        if found is None or data[end : found.start].strip(_IDLE):
            raise Cjt188Error(f"{len(data) - end} bytes after a frame are none: {data[end : end + 12].hex(' ')}")
        frames.append(found.frame)
        end = found.end
    return frames


def _why_none(data: bytes) -> str:
    at = data.find(START)
    if at < 0:
        return f"no frame: 68 does not occur in {len(data)} bytes"
    while (later := data.find(START, at + 1)) >= 0 and (len(data) <= at + 1 or data[at + 1] not in TYPES):
        at = later
    return fault_at(data, at)


def read_frame(frame: Frame) -> Statement:
    """What a single frame states."""
    named = _CONTROLS.get(frame.control & 0x3F, f"control {frame.control:02X}")
    if not frame.is_reply:
        return Statement(meaning=f"a request to meter {frame.address}: {named}")
    if frame.is_refusal:
        return Statement(meaning=f"meter {frame.address} refuses to {named}: {frame.data.hex(' ').upper()}")
    if frame.control == 0x83:  # noqa: PLR2004
        return Statement(meaning=f"the meter's address is {frame.address}")
    if frame.control != 0x81:  # noqa: PLR2004
        return Statement(meaning=f"meter {frame.address} acknowledges: {named}")
    if len(frame.data) < _HEADER:
        return Statement(meaning=f"meter {frame.address}: a reply of {len(frame.data)} bytes, without an identifier")
    statement = _state(frame, identifier(frame.data), frame.data[_HEADER:])
    return Statement(tuple(_with_address(v, frame.address) for v in statement.values), statement.meaning)


def identifier(data: bytes) -> int:
    """The identifier that a frame's data begins with, whichever byte comes first."""
    plain, turned = int.from_bytes(data[:_DI], "big"), int.from_bytes(data[:_DI], "little")
    return turned if turned in {READING, ADDRESS} or _FIRST_MONTH <= turned <= _LAST_MONTH else plain


def _state(frame: Frame, di: int, body: bytes) -> Statement:
    if di == READING:
        return _reading(frame.type, body)
    if _FIRST_MONTH <= di <= _LAST_MONTH and len(body) in {4, AMOUNT}:
        found = amount(body, "volume") if len(body) == AMOUNT else Amount(number(body, 2), VOLUME)
        return _amounts([(f"settlement_month_{di - _FIRST_MONTH + 1}", found)])
    return Statement(meaning=f"{di:04X}: the layout of {len(body)} bytes is not known: {body.hex(' ').upper()}")


def _reading(meter_type: int, body: bytes) -> Statement:
    if len(body) == _HEAT_LENGTH:
        return _heat(body)
    if len(body) == _SHORT:
        status = body[4:]
        found = Amount(number(body[:4], 2), VOLUME, "not supported or no digits")
        return merge([_amounts([(_register(meter_type)[0], found)]), _status(status, has_valve=True)])
    if len(body) == _LONG:
        return _long(meter_type, body)
    return Statement(meaning=f"901F: the layout of {len(body)} bytes is not known: {body.hex(' ').upper()}")


def _register(meter_type: int) -> tuple[str, str]:
    """The quantity that the meter counts, and what its unit measures."""
    if meter_type in _HEAT:
        return "heat_energy", "energy"
    if meter_type == _POWER_METER:
        return "active_energy_import", "energy"
    return ("gas_volume" if meter_type & 0xF0 == _GAS else "water_volume"), "volume"


def _long(meter_type: int, body: bytes) -> Statement:
    """Register and settlement reading, clock, status."""
    name, measures = _register(meter_type)
    first = is_unit_first(body, (measures, measures))
    cumulative = amount(body[:AMOUNT], measures, is_unit_first=first)
    settlement = amount(body[AMOUNT : 2 * AMOUNT], measures, is_unit_first=first)
    return merge([
        _amounts([(name, cumulative), ("settlement", settlement)]),
        _clock(body[2 * AMOUNT : 2 * AMOUNT + 7]),
        _status(body[-2:], has_valve=True),
    ])  # fmt: skip


def _heat(body: bytes) -> Statement:
    """Energies, power, flow, volume; temperatures, hours; clock, status."""
    first = is_unit_first(body, tuple(kind for _, kind in _HEAT_AMOUNTS))
    told = []
    for i, (name, measures) in enumerate(_HEAT_AMOUNTS):
        part = body[AMOUNT * i : AMOUNT * (i + 1)]
        told.append((name, amount(part, measures, is_unit_first=first)))
    at = AMOUNT * len(_HEAT_AMOUNTS)
    plain = (("supply_temperature", 2, "°C"), ("return_temperature", 2, "°C"), ("operating_hours", 0, "h"))
    values, missing = [], []
    for i, (name, decimals, unit) in enumerate(plain):
        value = number(body[at + 3 * i : at + 3 * i + 3], decimals)
        if value is None:
            missing.append(f"{name}: not supported or no digits")
        else:
            values.append(ReadValue(name, value, unit))
    return merge([
        _amounts(told), Statement(tuple(values), "; ".join(missing)), _clock(body[at + 9 : at + 16]),
        _status(body[-2:], has_valve=False),
    ])  # fmt: skip


def _amounts(told: list[tuple[str, Amount]]) -> Statement:
    """Numbers by name: in our unit where the name is ours, else in the meter's own."""
    values, missing = [], []
    for name, found in told:
        if found.value is None or found.unit is None:
            missing.append(f"{name}: {found.why}")
        elif name in _OURS:
            # Rounded to what the digits say: 1.27 x 1000 is 1270, not 1270.0000000000002.
            values.append(ReadValue(name, round(found.value * found.unit.to_ours, 9), _OURS[name]))
        else:
            values.append(ReadValue(name, found.value, found.unit.name))
    return Statement(tuple(values), "; ".join(missing))


def _clock(data: bytes) -> Statement:
    moment = clock(data)
    if moment is None:
        return Statement(meaning="" if not data.strip(b"\0") else f"the clock is none: {data.hex(' ').upper()}")
    return Statement((ReadValue("meter_time", moment.isoformat(sep=" "), ""),))


def _status(status: bytes, *, has_valve: bool) -> Statement:
    values = [ReadValue("status_hex", status.hex(" ").upper(), "")]
    valve, battery = valve_state(status), is_battery_low(status)
    if has_valve and valve is not None:
        values.append(ReadValue("valve_state", valve, ""))
    if has_valve and battery is not None:
        values.append(ReadValue("battery_low", battery, ""))
    return Statement(tuple(values))


def _with_address(value: ReadValue, address: str) -> ReadValue:
    return ReadValue(value.quantity, value.value, value.unit, value.time, address)
