"""Values as people read them into readings as the journal takes them: quantities of ours only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from collector.read_value import ReadValue
from metering.quantities import BY_NAME, MAIN_REGISTER

_MULTIPLIED_UNITS = frozenset({"kWh", "kvarh", "kW", "kvar", "kVA", "m3", "m3/h"})
_PULSES = BY_NAME["pulse_count"]


class Moment(NamedTuple):
    """Values of one moment: codes of `metering.quantities`, in our units; `time_ms` None where none is stated."""

    time_ms: int | None
    codes: Sequence[int]
    values: list[float]


def moments(
    values: Iterable[ReadValue], *, medium: str, multiplier: float = 1.0, zone: tzinfo | None = None
) -> list[Moment]:
    """The readings among the values, gathered by their times, in order of appearance.

    A time without an offset is of the site's zone; without a zone given the value counts for its arrival, but only
    once a quantity: older values without a usable time are left out.
    """
    found: dict[int | None, tuple[list[int], list[float]]] = {}
    for value in values:
        quantity = BY_NAME.get(value.quantity)
        if quantity is None or isinstance(value.value, str | bool):
            continue
        time_ms = _unix_ms(value.time, zone)
        codes, numbers = found.setdefault(time_ms, ([], []))
        if quantity.code in codes:
            continue
        codes.append(quantity.code)
        numbers.append(value.value * (multiplier if quantity.unit in _MULTIPLIED_UNITS else 1.0))
        register = MAIN_REGISTER.get(medium) if quantity is _PULSES else None
        if register is not None and register.code not in codes:
            codes.append(register.code)
            numbers.append(value.value * multiplier)
    return [Moment(time_ms, codes, numbers) for time_ms, (codes, numbers) in found.items()]


def _unix_ms(moment: datetime | None, zone: tzinfo | None) -> int | None:
    if moment is None or (moment.tzinfo is None and zone is None):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return round(aware.astimezone(UTC).timestamp() * 1000)
