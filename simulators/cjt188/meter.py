"""A simulated CJ/T 188 meter, water or heat, in any of the variants that makers chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from collector.cjt188.decode import ADDRESS, READING, identifier
from collector.cjt188.frame import ANY_TYPE, READ, READ_ADDRESS, REFUSED, Frame, build, find_frame
from simulators.line.server import HEALTHY, LineFault

Values = Callable[[], Mapping[str, float]]
_FROM_METER = 0x80
_HEAT_TYPES = range(0x20, 0x30)


@dataclass(frozen=True, slots=True)
class Variant:
    """How a maker's meters answer.

    is_short       nine bytes: register and status only
    is_unit_first  unit codes in front of the numbers
    is_turned      the identifier as 1F 90
    is_clock_high  the clock high byte first
    unit           2C cubic metres with two decimals, 29 whole litres
    """

    is_short: bool = False
    is_unit_first: bool = False
    is_turned: bool = False
    is_clock_high: bool = False
    unit: int = 0x2C


USUAL = Variant()


class Cjt188Meter:
    """Answers reading only. Values by quantity: water_volume (or gas_volume, heat_energy ...), in our units."""

    def __init__(
        self,
        address: str,
        values: Values,
        *,
        meter_type: int = 0x10,
        variant: Variant = USUAL,
        clock: Callable[[], datetime] | None = None,
        status: bytes = b"\0\0",
    ) -> None:
        self.address = address.zfill(14)
        self.fault: LineFault = HEALTHY
        self.status = status
        self._values, self._type, self._variant, self._clock = values, meter_type, variant, clock

    def answer(self, heard: bytes) -> bytes | None:
        """The reply to a request to this meter."""
        found = find_frame(heard)
        while found and not self._is_meant(found.frame):
            found = find_frame(heard, found.end)
        return self._reply(found.frame) if found else None

    def _is_meant(self, frame: Frame) -> bool:
        is_address = all(a in {b, "A"} for a, b in zip(frame.address, self.address, strict=True))
        return not frame.is_reply and is_address and frame.type in {self._type, ANY_TYPE}

    def _reply(self, frame: Frame) -> bytes:
        serial = frame.data[2:3] or b"\0"
        if self.fault.exception is not None:
            return self._refusal(frame, serial, self.fault.exception)
        if frame.control == READ_ADDRESS:
            return build(self._type, self.address, READ_ADDRESS | _FROM_METER, self._di(ADDRESS) + serial)
        if frame.control == READ and identifier(frame.data) == READING:
            return build(self._type, self.address, READ | _FROM_METER, self._di(READING) + serial + self._body())
        return self._refusal(frame, serial, 0)

    def _refusal(self, frame: Frame, serial: bytes, code: int) -> bytes:
        return build(self._type, self.address, frame.control | _FROM_METER | REFUSED, serial + bytes([code, 0]))

    def _di(self, di: int) -> bytes:
        return di.to_bytes(2, "little" if self._variant.is_turned else "big")

    def _body(self) -> bytes:
        values = self._values()
        if self._type in _HEAT_TYPES:
            return self._heat(values)
        volume = values.get("water_volume", values.get("gas_volume", 0.0))
        if self._variant.is_short:
            return _digits(volume, 4, 2) + self.status
        return self._amount(volume) + self._amount(values.get("settlement", 0.0)) + self._time() + self.status

    def _amount(self, cubic_metres: float) -> bytes:
        unit = self._variant.unit
        raw = _digits(cubic_metres * 1000, 4, 0) if unit == 0x29 else _digits(cubic_metres, 4, 2)  # noqa: PLR2004
        return bytes([unit]) + raw if self._variant.is_unit_first else raw + bytes([unit])

    def _heat(self, values: Mapping[str, float]) -> bytes:
        told = (
            ("heat_energy_settlement_or_cooling", 0x05, 2), ("heat_energy", 0x05, 2), ("thermal_power", 0x17, 2),
            ("flow_rate", 0x35, 4), ("water_volume", 0x2C, 2),
        )  # fmt: skip
        amounts = b"".join(_digits(values.get(n, 0.0), 4, d) + bytes([u]) for n, u, d in told)
        plain = (("supply_temperature", 2), ("return_temperature", 2), ("operating_hours", 0))
        return amounts + b"".join(_digits(values.get(n, 0.0), 3, d) for n, d in plain) + self._time() + self.status

    def _time(self) -> bytes:
        if self._clock is None:
            return bytes(7)
        raw = bytes.fromhex(f"{self._clock():%Y%m%d%H%M%S}")
        return raw if self._variant.is_clock_high else raw[::-1]


def _digits(value: float, size: int, decimals: int) -> bytes:
    return bytes.fromhex(f"{round(value * 10**decimals) % 10 ** (2 * size):0{2 * size}d}")[::-1]
