"""What a simulated unit answers: register bytes for any range of addresses."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from device_profiles.binding import bind_points
from device_profiles.schema import ModbusProfile
from simulators.modbus.encode import Encode, compile_encoder

Values = Mapping[str, float] | Mapping[str, float | str] | Mapping[str, str]
ValueSource = Callable[[], Values]

ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3


class RefusedError(Exception):
    """The unit answers with this exception code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}")


class Image(Protocol):
    """The registers of one unit."""

    def read(self, function: int, address: int, count: int) -> bytes:
        """The bytes of `count` registers.

        Raises:
            RefusedError: the unit does not answer for these.
        """
        ...


class ProfileImage:
    """The registers of a meter as its profile describes them, each value asked for at the moment of the read.

    values      called once a request: values by the point's name, in its printed unit. A pulse counter also takes
                the medium's register (`water_volume`), which it counts in pulses of `multiplier`; other registers
                are divided by the multiplier too, so that the collector's product is the value given here.
    medium      of the site's meter, for pulse counters; the profile's own otherwise
    channel     of a pulse counter: which input it is; the others stand at 0

    What nobody gives a value for reads 0. Addresses between the points read 0 as long as some point is asked for.
    """

    def __init__(
        self,
        profile: ModbusProfile,
        values: ValueSource,
        *,
        medium: str | None = None,
        multiplier: float = 1.0,
        channel: int = 0,
    ) -> None:
        self._limits = profile.limits
        self._values = values
        self._places: dict[int, list[_Place]] = {3: [], 4: []}
        self._ends: dict[int, list[int]] = {3: [], 4: []}  # ascending, for points do not overlap
        self._restated: list[tuple[int, _Place]] = []
        names = _names(profile, medium or profile.medium, multiplier, channel)
        for i, point in sorted(enumerate(profile.points), key=lambda item: item[1].address):
            place = _Place(point.address, compile_encoder(point), names[i], point.power_of_ten)
            if point.restates:
                self._restated.append((point.function, place))
                continue
            self._places[point.function].append(place)
            self._ends[point.function].append(point.end)

    def read(self, function: int, address: int, count: int) -> bytes:
        """The bytes of `count` registers, within the profile's limits."""
        self._check(function, address, count)
        values = self._values()
        wire = bytearray(2 * count)
        places = self._places[function]
        is_known = False
        for place in places[bisect_right(self._ends[function], address) :]:
            if place.start >= address + count:
                break
            is_known = True
            if (data := place.data(values)) is not None:
                _paste(wire, data, 2 * (place.start - address))
        if not is_known:
            raise RefusedError(ILLEGAL_ADDRESS)
        for restated_function, place in self._restated:
            if restated_function == function and (data := place.data(values)) is not None:
                _paste(wire, data, 2 * (place.start - address), is_whole=True)
        return bytes(wire)

    def _check(self, function: int, address: int, count: int) -> None:
        limits = self._limits
        if count > limits.max_registers or (limits.even_start and count % 2):
            raise RefusedError(ILLEGAL_VALUE)
        if limits.even_start and address % 2:
            raise RefusedError(ILLEGAL_ADDRESS)
        for banned in limits.forbidden:
            if banned.function == function and address <= banned.last and banned.first < address + count:
                raise RefusedError(ILLEGAL_ADDRESS)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a point's bytes begin, and how they come about: by the first of its names that a value is given for."""

    start: int
    encode: Encode
    names: tuple[tuple[str, float], ...]
    exponent: str | None

    def data(self, values: Values) -> bytes | None:
        """The point's register bytes, or None where nobody gives a value."""
        for name, divisor in self.names:
            value = values.get(name)
            if isinstance(value, str):
                return self.encode(value)
            if value is not None:
                power = float(values.get(self.exponent, 0) or 0) if self.exponent else 0.0
                return self.encode(value / divisor / 10.0**power)
        return None


class FixedImage:
    """Registers that never change, by (function, address): recorded ones, or a profile's vector."""

    def __init__(self, words: Mapping[tuple[int, int], int]) -> None:
        self._words = dict(words)

    def read(self, function: int, address: int, count: int) -> bytes:
        """The bytes of `count` registers; unknown ones are 0 as long as one is known."""
        wanted = [(function, address + i) for i in range(count)]
        if not any(key in self._words for key in wanted):
            raise RefusedError(ILLEGAL_ADDRESS)
        return b"".join(self._words.get(key, 0).to_bytes(2, "big") for key in wanted)


def _names(profile: ModbusProfile, medium: str, multiplier: float, channel: int) -> list[tuple[tuple[str, float], ...]]:
    """For each point the names under which its value may be given, and what to divide it by."""
    names: list[list[tuple[str, float]]] = [[] for _ in profile.points]
    for output in bind_points(profile.points, medium=medium, multiplier=multiplier, channel=channel):
        names[output.point].append((output.quantity.name, output.factor))
    for point, given in zip(profile.points, names, strict=True):
        if point.known is None:
            given.append((point.quantity, 1.0))
    return [tuple(given) for given in names]


def _paste(wire: bytearray, data: bytes, at: int, *, is_whole: bool = False) -> None:
    """Put the data where it lies, or the part of it that lies inside; `is_whole` replaces what is there."""
    begin, end = max(at, 0), min(at + len(data), len(wire))
    # Bit fields share their registers, so bytes are joined, not replaced.
    for i in range(begin, end):
        wire[i] = data[i - at] if is_whole else wire[i] | data[i - at]
