"""From a data sheet's table to a profile: a start that a person finishes, refused row by row where it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation

from device_profiles.dtypes import DTYPES
from device_profiles.loader import ProfileError, parse_profile
from device_profiles.sheet import Row, SheetError
from device_profiles.sheet_words import CHINESE_NAMES, ENGLISH_NAMES, SAME_UNITS, TYPES, UNITS_TO_OURS
from metering.quantities import BY_NAME

_HEX = re.compile(r"0[xX]([0-9a-fA-F]+)|([0-9a-fA-F]+)[hH]")
_DECIMAL = re.compile(r"[A-Za-z]{0,3}[ :#]?(\d+)")
_RANGE = re.compile(r"\s*(?:[-~～—–]|至|\bto\b|\.\.).*|\s*[,，、/].*|\s*[（(].*")
_FUNCTION = re.compile(r"(?:0[xX])?0?([34])[hH]?")
_UNIT_SCALE = re.compile(r"(\d+(?:\.\d+)?)\s*[x×*]?\s*([A-Za-z%°℃³度吨].*)")
_ORDERS = {"abcd": "msw_first", "cdab": "lsw_first"}
_MODICON = re.compile(r"([34])(\d{4,5})")
_LAST = 0xFFFF


@dataclass(frozen=True, slots=True)
class Draft:
    """What the table does not say. `base` is the documented number of wire address 0."""

    id: str
    manufacturer: str
    model: str
    medium: str
    word_order: str
    base: int = 0
    function: int = 3


def draft_profile(
    rows: Sequence[Row], draft: Draft, name: str, *, on_left_out: Callable[[str], None] | None = None
) -> str:
    """The text of a profile with one point a row; rows with neither address nor type are headings.

    `on_left_out` is told each row that cannot be right, and the others make the profile; without it they are faults.

    Raises:
        SheetError: rows that cannot be right, all of them, each with its number, column and what is allowed.
    """
    faults: list[str] = []
    points: list[tuple[int, str]] = []
    for row in (r for r in rows if r.cells.get("address") or r.cells.get("type")):
        try:
            points.append((row.number, _point(row, draft)))
        except _CellError as error:
            faults.append(f"{name} row {row.number}: {error}")
    if on_left_out is not None and points:
        for fault in faults:
            on_left_out(fault)
        faults = []
    if not points and not faults:
        faults.append(f"{name}: there is no row below the names of the columns")
    head = _head(draft)
    text = "\n".join([*head, *(line for _, line in points)]) + "\n"
    if points:
        numbers = {len(head) + i: number for i, (number, _) in enumerate(points, 1)}
        faults += _faults_of(text, draft, name, numbers)
    if faults:
        raise SheetError("\n".join(faults))
    return text


class _CellError(ValueError):
    pass


def _faults_of(text: str, draft: Draft, name: str, numbers: dict[int, int]) -> list[str]:
    """The schema's faults, told with the rows of the table instead of the lines of the profile."""
    try:
        parse_profile(text, draft.id)
    except ProfileError as error:
        told = []
        for fault in str(error).splitlines():
            _, line, message = fault.split(":", 2)
            row = numbers.get(int(line))
            key = re.sub(r"^ points\.\d+\.", " ", message)
            told.append(f"{name} row {row}:{key}" if row else f"{name}:{message}")
        return told
    return []


def _head(draft: Draft) -> list[str]:
    return [
        f"# {draft.manufacturer} {draft.model}: a start from a table; compare every value with the display of a meter.",
        "schema: device_profile/1",
        f"id: {draft.id}",
        f"manufacturer: {_quoted(draft.manufacturer)}",
        f"models: [{_quoted(draft.model)}]",
        f"medium: {draft.medium}",
        "protocol: modbus",
        "confidence: medium  # until a live meter has confirmed it",
        "sources: [{id: S1, what: data sheet}]",
        "# Cautious limits: raise them where the maker allows it.",
        "limits: {max_registers: 40, max_gap: 0}",
        f"defaults: {{function: {draft.function}, word_order: {draft.word_order}, poll: slow, src: [S1]}}",
        "points:",
    ]


def _point(row: Row, draft: Draft) -> str:
    name = _name(row)
    known = BY_NAME.get(name)
    stated_scale, stated_unit = _scale_and_unit(row)
    unit, factor = _unit(stated_unit, known.unit if known else None)
    function, address = _address(row, draft)
    said = [f"quantity: {name}"]
    said += [] if known else [f"unit: {_quoted(unit)}"]
    said += [f"function: {function}"] if function != draft.function else []
    said += [f"address: {address:#06x}", f"documented_as: {_quoted(row.cells['address'])}"]
    dtype, order = _dtype(row.cells.get("type", ""))
    said.append(f"dtype: {dtype}")
    said += [f"word_order: {order}"] if order not in ("", draft.word_order) else []
    if DTYPES[dtype].family == "text":
        said.append(f"count: {row.cells.get('count') or 0}")
    scale = stated_scale * factor
    said += [f"scale: {scale.normalize():f}"] if scale != 1 else []
    said += ["poll: fast"] if known and (known.is_cumulative or name in ("active_power", "flow_rate")) else []
    said += [f"note: {_quoted(row.cells['note'])}"] if row.cells.get("note") else []
    return "  - {" + ", ".join(said) + "}"


def _name(row: Row) -> str:
    given = row.cells.get("name", "")
    name = CHINESE_NAMES.get(given.replace(" ", "")) or re.sub(r"[^a-z0-9]+", "_", given.casefold()).strip("_")
    if not name:
        raise _CellError(f"name: {given!r} is neither a quantity of ours nor a name in letters and digits")
    name = ENGLISH_NAMES.get(name, name)
    for end in ("_total", "_sum"):
        if name.endswith(end) and name.removesuffix(end) in BY_NAME:
            name = name.removesuffix(end)
    return name


def _unit(given: str, ours: str | None) -> tuple[str, Decimal]:
    """The unit to write, and the factor from the sheet's to it."""
    key = given.casefold().replace(" ", "")
    same = SAME_UNITS.get(key, given)
    if ours is None or not given or same == ours:
        return same, Decimal(1)
    unit, factor = UNITS_TO_OURS.get(key, ("", "1"))
    if unit != ours:
        raise _CellError(f"unit: {given!r} cannot be turned into {ours or 'a number without unit'}, the quantity's own")
    return unit, Decimal(factor)


def _address(row: Row, draft: Draft) -> tuple[int, int]:
    given = row.cells.get("address", "")
    stated = row.cells.get("function", "") or str(draft.function)
    function = _FUNCTION.fullmatch(stated)
    if function is None:
        raise _CellError(f"function: {stated!r}; allowed: 3 (holding registers) or 4 (input registers)")
    first_of = _RANGE.sub("", given).strip()
    hexadecimal, modicon = _HEX.fullmatch(first_of), _MODICON.fullmatch(first_of)
    if modicon and draft.base == 0:
        raise _CellError(
            f"address: {given} looks like a number of the old form; say --base {modicon[1]}{'1':0>{len(modicon[2])}}"
        )
    first = _DECIMAL.fullmatch(first_of)
    if hexadecimal:
        number = int(hexadecimal[1] or hexadecimal[2], 16)
    elif first:
        number = int(first[1])
    else:
        raise _CellError(f"address: {given!r} is no address; allowed: 4096, 0x1000, 1000H")
    if not 0 <= number - draft.base <= _LAST:
        raise _CellError(f"address: {given} less the base {draft.base} is {number - draft.base}; allowed: 0 to 65535")
    return int(function[1]), number - draft.base


def _dtype(given: str) -> tuple[str, str]:
    """Type and, where it is stated as ABCD or CDAB, word order; else an empty text."""
    plain, _, beside = given.casefold().replace("（", "(").partition("(")
    key = re.sub(r"[\s_-]", "", plain)
    name = TYPES.get(plain.strip()) or TYPES.get(key, key)
    order = re.sub(r"[^a-d]", "", beside) if re.search("[a-d][^a-z]?[a-d][^a-z]?[a-d]", beside) else ""
    if name not in DTYPES:
        raise _CellError(f"type: {given!r} is not known; allowed: {', '.join(DTYPES)}")
    if order and order not in _ORDERS:
        raise _CellError(f"type: {given!r} has an order that is not known here; allowed: ABCD, CDAB")
    return name, _ORDERS.get(order, "")


def _scale_and_unit(row: Row) -> tuple[Decimal, str]:
    """Scale and unit; sheets write both in one cell too, as 0.1V."""
    scale, unit = row.cells.get("scale", ""), row.cells.get("unit", "")
    both = _UNIT_SCALE.fullmatch(unit)
    if both is None:
        return _scale(scale), unit
    if scale and _scale(scale) != _scale(both[1]):
        raise _CellError(f"unit: {unit!r} has a factor of its own beside the scale {scale!r}; say it once")
    return _scale(both[1]), both[2]


def _scale(given: str) -> Decimal:
    text = given.replace("×", "").replace("*", "").replace("x", "").strip() or "1"
    above, _, below = text.partition("/")
    try:
        scale = Decimal(above or "1") / Decimal(below or "1")
    except (InvalidOperation, DivisionByZero):
        raise _CellError(f"scale: {given!r} is no factor; allowed: 0.1, 1/10, /10") from None
    if not scale.is_finite() or scale == 0:
        raise _CellError(f"scale: {given!r} is no factor; allowed: 0.1, 1/10, /10")
    return scale


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
