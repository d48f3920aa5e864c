"""A simulated M-Bus slave: primary and secondary address, one telegram or several, values by quantity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from collector.mbus.frame import (
    ACK,
    ANY_WITH_ANSWER,
    REQ_UD2,
    REQ_UD2_FCB,
    SELECT,
    SELECTED,
    SND_NKE,
    Frame,
    build,
    find_frame,
)
from simulators.line.server import HEALTHY, LineFault

Values = Callable[[], Mapping[str, float]]
_RSP_UD, _VARIABLE, _APPLICATION_ERROR = 0x08, 0x72, 0x70
# Our quantities as records: DIF 04 (32 bit), VIF and the factor from our unit.
_RECORDS = {
    "active_energy_import": (0x03, 1000.0),
    "heat_energy": (0x06, 1.0),
    "water_volume": (0x13, 1000.0),
    "gas_volume": (0x13, 1000.0),
    "active_power": (0x2B, 1000.0),
    "flow_rate": (0x3B, 1000.0),
}
_MORE = b"\x1f"


class MbusMeter:
    """`telegrams` are how many replies its records are spread over; `clock` is the meter's own, if it has one."""

    def __init__(
        self,
        primary: int,
        identification: str,
        values: Values,
        *,
        medium: int = 0x07,
        telegrams: int = 1,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.primary, self.identification = primary, identification.zfill(8)
        self.fault: LineFault = HEALTHY
        self._values, self._medium, self._telegrams = values, medium, telegrams
        self._clock = clock
        self._is_selected = False
        self._turn = 0

    def answer(self, heard: bytes) -> bytes | None:
        """The reply to a request to this meter."""
        found = find_frame(heard)
        while found:
            reply = self._reply(found.frame)
            if reply is not None:
                return reply
            found = find_frame(heard, found.end)
        return None

    def _reply(self, frame: Frame) -> bytes | None:
        if frame.ci == SELECT and frame.address == SELECTED:
            self._is_selected = self._matches(frame.data)
            return bytes([ACK]) if self._is_selected else None
        is_meant = frame.address in {self.primary, ANY_WITH_ANSWER} or (frame.address == SELECTED and self._is_selected)
        if not is_meant:
            return None
        if frame.control == SND_NKE:
            self._turn = 0
            return bytes([ACK])
        return self._telegram() if frame.control in {REQ_UD2, REQ_UD2_FCB} else None

    def _matches(self, data: bytes) -> bool:
        asked = data[:4][::-1].hex().upper()
        return all(a in {b, "F"} for a, b in zip(asked, self.identification, strict=True))

    def _telegram(self) -> bytes:
        if self.fault.exception is not None:
            return build(_RSP_UD, self.primary, _APPLICATION_ERROR, bytes([self.fault.exception]))
        records = [_record(name, value) for name, value in self._values().items()]
        if self._clock is not None:
            records.append(b"\x04\x6d" + type_f(self._clock()))
        size = -(-len(records) // self._telegrams)
        part = records[self._turn * size : (self._turn + 1) * size]
        self._turn = (self._turn + 1) % self._telegrams
        head = bytes.fromhex(self.identification)[::-1] + b"\x2d\x2c\x01" + bytes([self._medium, 1, 0, 0, 0])
        body = head + b"".join(part) + (_MORE if self._turn else b"")
        return build(_RSP_UD, self.primary, _VARIABLE, body)


def type_f(moment: datetime) -> bytes:
    """A time to the minute, of the meter's own clock (EN 13757-3, type F)."""
    year = moment.year - 2000
    return bytes([moment.minute, moment.hour, moment.day | (year & 7) << 5, moment.month | (year >> 3) << 4])


def _record(name: str, value: float) -> bytes:
    vif, factor = _RECORDS[name]
    return bytes([0x04, vif]) + round(value * factor).to_bytes(4, "little", signed=True)
