"""M-Bus telegrams into what they state. Pure: bytes in, values out, and an error that says what is wrong.

The current record (instantaneous, storage 0, tariff 0) of energy, volume, power and flow carries our name and unit; all
others the source's name with storage number, tariff and device, in the source's unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from collector.mbus import types
from collector.mbus.frame import ACK, START_LONG, Frame, MbusError, fault_at, find_frame
from collector.mbus.record import FUNCTIONS, Record, read_records
from collector.mbus.vif import ELECTRICITY, FIXED, FIXED_MEDIA, FIXED_UNITS, GAS, HEAT, HISTORIC, MEDIA, WATER
from collector.read_value import ReadValue
from collector.statement import Statement, merge

_IDLE = b"\x00\xfe\xff\r\n \t"
_LONG_HEADER, _FIXED_LENGTH = 12, 16
_VARIABLE_CI, _FIXED_CI, _NO_HEADER, _SHORT_HEADER = {0x72, 0x76}, {0x73, 0x77}, 0x78, 0x7A
# Extensions that leave a record what it is: forward flow only, and corrections of ten.
_HARMLESS = frozenset({0x3B, *range(0x70, 0x78), 0x7D})
_STATES = ("", "application busy", "application error", "abnormal condition")
_STATE_BITS = {1 << 2: "power low", 1 << 3: "permanent error", 1 << 4: "temporary error"}
_ALARMS = {1 << 2: "low_battery", 1 << 3: "permanent_error", 1 << 4: "temporary_error"}
_CONTROLS = {0x40: "link reset", 0x5B: "request for data", 0x7B: "request for data", 0x5A: "request for alarms"}


@dataclass(frozen=True, slots=True)
class Header:
    """Who answers: the long header of a reply."""

    identification: str
    maker: str
    version: int
    medium: int
    access: int
    status: int

    @property
    def secondary(self) -> str:
        """The identification as people write it."""
        return self.identification


def decode(data: bytes) -> Statement:
    """All that the frames in `data` state.

    Raises:
        MbusError: no right frame, or something broken beside right ones. No value comes from such bytes.
    """
    if data.strip(_IDLE) == bytes([ACK]):
        return Statement(meaning="an acknowledgement")
    return merge([read_frame(frame) for frame in split(data)])


def split(data: bytes) -> list[Frame]:
    """The frames in a capture.

    Raises:
        MbusError: none is right, or bytes between or after them are no frame.
    """
    found = find_frame(data)
    if found is None:
        at = data.find(START_LONG)
        raise MbusError(f"no frame in {len(data)} bytes" if at < 0 else fault_at(data, at))
    _refuse_broken_head(data, found.start)
    frames, end = [found.frame], found.end
    while data[end:].strip(_IDLE + bytes([ACK])):
        found = find_frame(data, end)
        if found is None or data[end : found.start].strip(_IDLE + bytes([ACK])):
            raise MbusError(f"{len(data) - end} bytes after a frame are none: {data[end : end + 12].hex(' ')}")
        frames.append(found.frame)
        end = found.end
    return frames


def _refuse_broken_head(data: bytes, start: int) -> None:
    """What looks like a long frame's head before the first right one is a broken frame, not noise."""
    for at in range(start):
        if data[at] == START_LONG and at + 3 < len(data) and data[at + 3] == START_LONG:
            raise MbusError(f"a broken frame before a right one: {fault_at(data, at)}")


def read_frame(frame: Frame) -> Statement:
    """What a single frame states."""
    if frame.ci is None:
        return Statement(meaning=f"{_CONTROLS.get(frame.control, 'a short frame')} to {frame.address}")
    if not frame.is_reply:
        return Statement(meaning=f"a command to {frame.address} (CI {frame.ci:02X})")
    return read_application(frame.ci, frame.data, str(frame.address))


def read_application(ci: int, data: bytes, address: str | None = None) -> Statement:
    """What the application layer states, whatever carried it: `ci` and the bytes after it.

    Raises:
        MbusError: it is cut short, or of a kind that is not read.
    """
    if ci in _VARIABLE_CI:
        header = read_header(data)
        told = tell(read_records(data[_LONG_HEADER:]), header.medium, header.identification)
        return merge([told, _status(header.status, header.identification)])
    if ci in _FIXED_CI:
        return _fixed(data)
    if ci == _NO_HEADER:
        return tell(read_records(data), None, address)
    if ci == _SHORT_HEADER:
        if len(data) < 4:  # noqa: PLR2004
            raise MbusError("cut short inside its header")
        return merge([tell(read_records(data[4:]), None, address), _status(data[1], address)])
    if ci == 0x70:  # noqa: PLR2004
        return Statement(meaning=f"the meter reports an application error: {data.hex(' ').upper() or 'unspecified'}")
    if ci == 0x71:  # noqa: PLR2004
        return Statement(meaning=f"an alarm report: {data.hex(' ').upper()}")
    return Statement(meaning=f"a reply of kind CI {ci:02X}, whose content is not read")


def read_header(data: bytes) -> Header:
    """The long header: identification, maker, version, medium, access number, status, signature.

    Raises:
        MbusError: it is cut short, or what follows is encrypted.
    """
    if len(data) < _LONG_HEADER:
        raise MbusError(f"cut short inside its header: {len(data)} bytes of {_LONG_HEADER}")
    signature = int.from_bytes(data[10:12], "little")
    if signature >> 8 & 0x1F in {4, 5, 7, 13} and len(data) > _LONG_HEADER and data[12:14] != b"\x2f\x2f":
        raise MbusError(f"the records are encrypted (configuration {signature:04X})")
    maker = int.from_bytes(data[4:6], "little")
    letters = "".join(chr((maker >> shift & 0x1F) + 64) for shift in (10, 5, 0))
    return Header(data[:4][::-1].hex().upper(), letters, data[6], data[7], data[8], data[9])


# -- records ---------------------------------------------------------------------------------------------


def tell(records: list[Record], medium: int | None, address: str | None) -> Statement:
    """The records' values; the first current one of a kind carries our name."""
    values: list[ReadValue] = []
    missing: list[str] = []
    taken: set[str] = set()
    for record in records:
        if record.has_more:
            missing.append("more records follow in another telegram")
        if record.value is None or not _is_tellable(record.value):
            missing += [] if record.is_maker else [f"{_name(record)}: no value"]
            continue
        if record.meaning.kind == "unknown":
            missing.append(f"{record.meaning.quantity}: not known what it measures ({record.value})")
            continue
        ours = _ours(record, medium)
        if ours and ours[0] not in taken:
            taken.add(ours[0])
            values.append(ReadValue(*ours, address=address))
        else:
            values.append(ReadValue(_name(record), _shown(record), record.meaning.unit, address=address))
    return Statement(tuple(values), "; ".join(missing))


def _is_tellable(value: float | str) -> bool:
    return isinstance(value, str) or math.isfinite(value)


def _shown(record: Record) -> float | str:
    value = record.value
    assert value is not None  # noqa: S101 - told apart before
    # The source writes a meter's clock with Z, though it states no zone; a date has none.
    return f"{value}Z" if record.meaning.kind == "moment" and isinstance(value, str) and "T" in value else value


def _name(record: Record) -> str:
    """The source's name, and what tells the record from its neighbours."""
    parts = [record.meaning.quantity]
    for label, number in (("storage", record.storage), ("tariff", record.tariff), ("device", record.device)):
        if number:
            parts.append(f"{label} {number}")
    if record.function:
        parts.append(FUNCTIONS[record.function].lower())
    return ", ".join(parts) if len(parts) == 1 else f"{parts[0]} ({', '.join(parts[1:])})"


def _ours(record: Record, medium: int | None) -> tuple[str, float, str] | None:
    """Our quantity, value and unit, if this is a current record of one."""
    is_current = not (record.function or record.storage or record.tariff or record.device)
    value = record.value
    if not is_current or not isinstance(value, int | float) or set(record.vifes) - _HARMLESS:
        return None
    quantity, unit = record.meaning.quantity, record.meaning.unit
    name = _OURS_OF[quantity](medium) if quantity in _OURS_OF else None
    factor = _FACTORS.get((name or "", unit))
    return None if name is None or factor is None else (name, _times(value, factor), _UNITS[name])


def _times(value: float, factor: float) -> float:
    # Dividing by a whole number keeps 1621.119 what it is, multiplying by 0.001 does not.
    return value * factor if factor >= 1 else value / (1 / factor)


def _energy_name(medium: int | None) -> str | None:
    if medium in ELECTRICITY:
        return "active_energy_import"
    return "heat_energy" if medium in HEAT | WATER else None


def _volume_name(medium: int | None) -> str | None:
    if medium in GAS:
        return "gas_volume"
    return "water_volume" if medium is None or medium in WATER | HEAT else None


_OURS_OF: dict[str, Callable[[int | None], str | None]] = {
    "Energy": _energy_name,
    "Volume": _volume_name,
    "Power": lambda medium: "active_power" if medium in ELECTRICITY else None,
    "Volume flow": lambda _: "flow_rate",
}
_UNITS = {"active_energy_import": "kWh", "heat_energy": "kWh", "water_volume": "m3", "gas_volume": "m3",
          "active_power": "kW", "flow_rate": "m3/h"}  # fmt: skip
_FACTORS = {
    **{(name, unit): factor for name in ("active_energy_import", "heat_energy")
       for unit, factor in (("Wh", 1e-3), ("J", 1 / 3.6e6))},
    ("active_power", "W"): 1e-3,
    **{(name, "m3"): 1.0 for name in ("water_volume", "gas_volume")},
    ("flow_rate", "m3/h"): 1.0, ("flow_rate", "m3/min"): 60.0, ("flow_rate", "m3/s"): 3600.0,
}  # fmt: skip


# -- the fixed structure ---------------------------------------------------------------------------------


def _fixed(data: bytes) -> Statement:
    """Two counters with a unit byte each: identification, access, status, units and medium, values."""
    if len(data) != _FIXED_LENGTH:
        raise MbusError(f"the fixed structure takes {_FIXED_LENGTH} bytes, here are {len(data)}")
    address, status = data[:4][::-1].hex().upper(), data[5]
    medium = FIXED_MEDIA.get(data[6] >> 6 | (data[7] & 0xC0) >> 4, 0x0F)
    codes = (data[6] & 0x3F, data[7] & 0x3F)
    is_binary, is_stored = bool(status & 1), bool(status & 2)
    told: list[Statement] = []
    for place, code in enumerate(codes):
        raw = data[8 + 4 * place : 12 + 4 * place]
        is_old = code == HISTORIC
        number = int.from_bytes(raw, "little") if is_binary else types.bcd(raw)
        told.append(_counter(codes[0] if is_old else code, number, medium, address, storage=int(is_old or is_stored)))
    return merge([*told, Statement(meaning=f"the old fixed structure; medium: {MEDIA.get(medium, 'unknown')}")])


def _counter(code: int, number: int | None, medium: int, address: str, *, storage: int) -> Statement:
    """One counter of the fixed structure: by our name, else as counted, in the unit as written."""
    meaning = FIXED.get(code)
    if meaning is None or number is None:
        return Statement(meaning=f"a counter of unit code {code:02X} has no value")
    record = Record(meaning, _times(number, meaning.factor), storage=storage)
    ours = _ours(record, medium)
    if ours:
        return Statement((ReadValue(*ours, address=address),))
    return Statement((ReadValue(_name(record), number, FIXED_UNITS.get(code, meaning.unit), address=address),))


def _status(status: int, address: str | None) -> Statement:
    """The header's status byte: alarms that are set, as values, and the application's state."""
    values = tuple(ReadValue(name, True, "", address=address) for bit, name in _ALARMS.items() if status & bit)
    said = [text for text in (_STATES[status & 3], *(t for b, t in _STATE_BITS.items() if status & b)) if text]
    return Statement(values, f"status {status:02X}: {', '.join(said)}" if said else "")
