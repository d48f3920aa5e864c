"""Data records: DIF, DIFE, VIF, VIFE and a value each, one after the other. Pure.

After EN 13757-3 as libmbus reads it; a record that says more than its bytes hold ends the parse with an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.mbus import types
from collector.mbus.frame import MbusError
from collector.mbus.vif import ALTERNATE, EXTENDED, PRIMARY, Meaning

_EXTENSION = 0x80
_FILLER, _MAKER, _MAKER_MORE, _GLOBAL = 0x2F, 0x0F, 0x1F, 0x7F
_LONGEST_CHAIN = 10
FUNCTIONS = ("Instantaneous value", "Maximum value", "Minimum value", "Value during error state")
_SIZES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 6, 7: 8, 8: 0, 9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
_REAL, _VARIABLE, _BCD_FIRST = 5, 0xD, 9
_ERROR_STATE = 3
# Extensions of a compact profile: a row of older values behind a length.
_PROFILES = frozenset({0x13, 0x1E, 0x1F})
_TEXT_VIF, _MAKER_VIF = 0x7C, 0x7F


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `value` is None where the meter states none; `vifes` are the extensions without their top bit.

    has_more  only on the maker's part at the end: another telegram follows
    """

    meaning: Meaning
    value: float | str | None
    function: int = 0
    storage: int = 0
    tariff: int = 0
    device: int = 0
    vifes: tuple[int, ...] = ()
    is_maker: bool = False
    has_more: bool = False
    raw: bytes = b""


class _Bytes:
    """Bytes read one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int = 1) -> bytes:
        """The next bytes.

        Raises:
            MbusError: there are not so many.
        """
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise MbusError(f"a record runs past the end: {size} bytes at {self._at} of {len(self._data)}")
        self._at += size
        return part

    def byte(self) -> int:
        """The next byte."""
        return self.take()[0]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data) - self._at)

    def chain(self, first: int) -> list[int]:
        """The bytes that extend one whose top bit is set."""
        found = []
        while first & _EXTENSION:
            first = self.byte()
            found.append(first)
            if len(found) > _LONGEST_CHAIN:
                raise MbusError(f"a record with more than {_LONGEST_CHAIN} extensions")
        return found


def read_records(data: bytes) -> list[Record]:
    """All records of a telegram.

    Raises:
        MbusError: a record runs past the end.
    """
    source, found = _Bytes(data), []
    while source:
        dif = source.byte()
        if dif == _FILLER:
            continue
        if dif in {_MAKER, _MAKER_MORE}:
            rest = source.rest()
            shown = rest.hex(" ").upper()
            meaning = Meaning("Manufacturer specific", kind="maker")
            found.append(Record(meaning, shown or None, is_maker=True, has_more=dif == _MAKER_MORE, raw=rest))
        elif dif & _GLOBAL in {_GLOBAL, 0x6F, 0x5F, 0x4F, 0x3F}:  # global readout and reserved: nothing to tell
            continue
        else:
            found.append(_record(dif, source))
    return found


def _record(dif: int, source: _Bytes) -> Record:
    difes = source.chain(dif)
    storage = dif >> 6 & 1
    tariff = device = 0
    for i, dife in enumerate(difes):
        storage |= (dife & 0x0F) << (4 * i + 1)
        tariff |= (dife >> 4 & 3) << (2 * i)
        device |= (dife >> 6 & 1) << i
    meaning, vifes = _value_information(source)
    coding = dif & 0x0F
    is_profile = coding == _VARIABLE and bool(_PROFILES.intersection(vifes))
    size = source.byte() if is_profile else _SIZES.get(coding, 0)
    raw = source.take(size)
    value = _variable(source) if coding == _VARIABLE and not is_profile else _value(coding, raw, meaning)
    value = None if is_profile else value
    if value is None and dif >> 4 & 3 == _ERROR_STATE and coding >= _BCD_FIRST and raw.strip(b"\xff"):
        value = types.weighed(raw)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = _scaled(value, meaning, vifes)
    return Record(meaning, value, dif >> 4 & 3, storage, tariff, device, vifes, meaning.kind == "maker", raw=raw)


def _value_information(source: _Bytes) -> tuple[Meaning, tuple[int, ...]]:
    vif = source.byte()
    if vif & ~_EXTENSION == _TEXT_VIF:
        name = types.text(source.take(source.byte()))
        return Meaning(name.strip() or "Unknown", "-"), tuple(v & ~_EXTENSION for v in source.chain(vif))
    chain = [v & ~_EXTENSION for v in source.chain(vif)]
    if vif in {0xFB, 0xFD}:
        table = EXTENDED if vif == 0xFD else ALTERNATE  # noqa: PLR2004
        code, chain = chain[0], chain[1:]
        return table.get(code, Meaning(f"VIF {vif:02X} {code:02X}", kind="unknown")), tuple(chain)
    code = vif & ~_EXTENSION
    return PRIMARY.get(code, Meaning(f"VIF {code:02X}", kind="unknown")), tuple(chain)


def _value(coding: int, raw: bytes, meaning: Meaning) -> float | str | None:
    if not raw:
        return None
    if meaning.kind in {"date", "moment"} and coding < _BCD_FIRST and coding != _REAL:
        return types.date(raw) if meaning.kind == "date" and len(raw) == 2 else types.moment(raw)  # noqa: PLR2004
    if coding == _REAL:
        return types.real(raw)
    return types.bcd(raw) if coding >= _BCD_FIRST else types.integer(raw)


def _variable(source: _Bytes) -> float | str | None:
    """A value that states its own length: text, digits, a number or bytes."""
    length = source.byte()
    if length < 0xC0:  # noqa: PLR2004
        return types.text(source.take(length)) or None
    if length < 0xCA:  # noqa: PLR2004
        return types.bcd(source.take(length - 0xC0)) if length > 0xC0 else None  # noqa: PLR2004
    if 0xD0 <= length < 0xDA:  # noqa: PLR2004
        found = types.bcd(source.take(length - 0xD0)) if length > 0xD0 else None  # noqa: PLR2004
        return None if found is None else -found
    if 0xE0 <= length < 0xF0:  # noqa: PLR2004
        return types.integer(source.take(length - 0xE0)) if length > 0xE0 else None  # noqa: PLR2004
    if length == 0xF4:  # noqa: PLR2004
        return source.take(8).hex(" ").upper()
    raise MbusError(f"a value of the reserved length code {length:02X}")


def _scaled(raw: float, meaning: Meaning, vifes: tuple[int, ...]) -> float:
    """The number in the record's unit: the factor of its VIF, and the corrections among its extensions."""
    value = raw * meaning.factor if meaning.factor >= 1 else raw / round(1 / meaning.factor)
    for vife in vifes:
        if vife == _MAKER_VIF:
            break  # what follows is the maker's own
        if 0x70 <= vife <= 0x77:  # noqa: PLR2004 - multiplicative correction 10^(n-6)
            value *= float(f"1e{(vife & 7) - 6}")
        elif vife == 0x7D:  # noqa: PLR2004
            value *= 1000
    return value
