"""Kamstrup flowIQ and MULTICAL on LoRaWAN: M-Bus records without a link layer, with hourly profiles. Pure.

    CI (78, 7A, 72) [header] records; a profile is 4D 93 13 length, spacing control, spacing, differences

After EN 13757-3 annex F and the integration guide's examples. The meter's time states no zone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from collector.lorawan.uplink import UplinkError
from collector.mbus.frame import MbusError
from collector.mbus.record import Record, read_records
from collector.read_value import ReadValue
from collector.statement import Statement

_HEADERS = {0x78: 0, 0x7A: 4, 0x72: 12}
_PROFILE, _MAKER_VIF = 0x13, 0x7F
_INFO, _LEAK_COUNTER, _LEAK_COUNTER_NOW = 0x25, 0x1C, 0x1B
_BITS = ("dry", "reverse", "leak", "burst", "tamper", "low_battery", "low_ambient_temperature",
         "high_ambient_temperature")  # fmt: skip
_SPACINGS = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
_MAX, _MIN = 1, 2
_SIDES = {_MIN: "_min", _MAX: "_max"}
_NAMES = {"Volume flow": ("flow", "m3/h"), "External temperature": ("ambient_temperature", "°C"),
          "Flow temperature": ("water_temperature", "°C")}  # fmt: skip


def decode(payload: bytes) -> Statement:
    """All values of a payload, those of a profile with their own times, the newest first.

    Raises:
        UplinkError: it is cut short, encrypted, of another form, or a profile without the volume it starts from.
    """
    if not payload or payload[0] not in _HEADERS:
        raise UplinkError(f"begins with CI {payload[:1].hex()}; allowed: 78, 7A, 72")
    length = _HEADERS[payload[0]]
    if len(payload) < 1 + length:
        raise UplinkError("cut short inside its header")
    if length and payload[length] & 0x1F:
        raise UplinkError("the records are encrypted")
    try:
        records = read_records(payload[1 + length :])
    except MbusError as error:
        raise UplinkError(str(error)) from error
    times = {r.storage: _time(r.value) for r in records if r.meaning.kind == "moment"}
    values, notes = [], []
    for record in records:
        told = _told(record, records, times.get(record.storage))
        values += told
        if not told and record.meaning.kind != "moment":
            notes.append(f"{record.meaning.quantity}: no value ({record.raw.hex(' ').upper()})")
    return Statement(tuple(values), "; ".join(notes))


def _time(value: float | str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _told(record: Record, records: list[Record], time: datetime | None) -> list[ReadValue]:
    if record.is_maker:
        return _maker(record, time)
    if _PROFILE in record.vifes:
        return _profile(record, records, time)
    if record.meaning.kind == "moment" or not isinstance(record.value, int | float) or _is_invalid(record.raw):
        return []
    name, unit = record.meaning.quantity, record.meaning.unit
    if name == "Volume" and not record.function:
        return [ReadValue("water_volume", record.value, "m3", time)]
    if name == "Energy" and not record.function:
        return [ReadValue("heat_energy", record.value / (1000 if unit == "Wh" else 3.6e6), "kWh", time)]
    if name == "Volume flow" and not record.function:
        return [ReadValue("flow_rate", record.value, "m3/h", time)]
    known, unit = _NAMES.get(name, (name, unit))
    return [ReadValue(known + _SIDES.get(record.function, ""), record.value, unit, time)]


def _is_invalid(raw: bytes) -> bool:
    """The lowest number of a width means "no value"."""
    return bool(raw) and raw[-1] == 0x80 and not raw[:-1].strip(b"\0")  # noqa: PLR2004


def _maker(record: Record, time: datetime | None) -> list[ReadValue]:
    number = int.from_bytes(record.raw, "little")
    code = record.vifes[0] if record.vifes else None
    if code == _INFO:
        return [ReadValue(name, bool(number & 1 << bit), "", time) for bit, name in enumerate(_BITS)]
    if code in {_LEAK_COUNTER, _LEAK_COUNTER_NOW}:
        name = "leak_counter_last_day" if code == _LEAK_COUNTER else "leak_counter"
        return [ReadValue(name, number, "", time)]
    return []


def _profile(record: Record, records: list[Record], time: datetime | None) -> list[ReadValue]:
    """Values before the base value, from the differences that lead back to them."""
    base = next((r for r in records if _is_base(r, record)), None)
    if base is None or not isinstance(base.value, int | float) or time is None:
        raise UplinkError("a profile without the value and time it starts from")
    control, spacing, deltas = *record.raw[:2].ljust(2, b"\0"), record.raw[2:]
    width, unit, mode = control & 0x0F, control >> 4 & 3, control >> 6
    if not 1 <= width <= 4 or mode == 0 or len(deltas) % width or not 0 < spacing <= 250:  # noqa: PLR2004
        raise UplinkError(f"a profile of a form that is not read: {record.raw[:2].hex(' ')}")
    values, raw, step = [], round(base.value / record.meaning.factor), _SPACINGS[unit] * spacing
    for i in range(0, len(deltas), width):
        part = deltas[i : i + width]
        if mode != 3 and not part.strip(b"\xff"):  # noqa: PLR2004 - a difference that was not logged ends the row
            break
        delta = int.from_bytes(part, "little", signed=mode == 3)  # noqa: PLR2004
        raw += delta if mode == 2 else -delta  # noqa: PLR2004 - going back, an increment makes the value smaller
        time -= step
        shown = raw / round(1 / record.meaning.factor) if record.meaning.factor < 1 else raw * record.meaning.factor
        values.append(ReadValue("water_volume", shown, "m3", time))
    return values


def _is_base(candidate: Record, profile: Record) -> bool:
    return (
        candidate.meaning.quantity == profile.meaning.quantity
        and candidate.storage == profile.storage
        and not candidate.vifes
        and not candidate.function
    )
