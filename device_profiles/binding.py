"""A profile bound to one meter of a site: which points become readings, of which quantity, times what.

The site file's `multiplier` says how much of the medium passes for what the meter shows. It multiplies every
energy, power, volume and flow (kWh, kvarh, kW, kvar, kVA, m3, m3/h): the transformer ratio of a meter that shows
secondary values. Voltages and currents stay as the meter states them, for one number cannot say how a
current and a voltage transformer share it. On a pulse counter it is the worth of one pulse in the medium's unit
(m3 or kWh a pulse): the pulses are stored as `pulse_count`, and pulses x multiplier as the medium's register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from device_profiles.schema import ModbusPoint, Parameter, Point
from metering.quantities import BY_NAME, MAIN_REGISTER, Quantity

_MULTIPLIED_UNITS = frozenset({"kWh", "kvarh", "kW", "kvar", "kVA", "m3", "m3/h"})
_PULSES = BY_NAME["pulse_count"]


@dataclass(frozen=True, slots=True)
class Output:
    """One reading that a point gives: reading = point's value x factor, of `quantity`."""

    point: int
    quantity: Quantity
    factor: float


def bind_points(
    points: Sequence[Point], *, medium: str, multiplier: float = 1.0, channel: int = 0
) -> tuple[Output, ...]:
    """The readings of a meter, in the points' order; points without a name of ours give none.

    `channel` chooses among the points of a pulse counter; the other channels belong to other meters.
    """
    outputs: list[Output] = []
    register = MAIN_REGISTER.get(medium)
    for i, point in enumerate(points):
        if point.pulse_channel is not None:
            if point.pulse_channel == channel:
                outputs.append(Output(i, _PULSES, 1.0))
                outputs += [Output(i, register, multiplier)] if register else []
        elif point.known is not None:
            is_multiplied = point.is_multiplied and point.known.unit in _MULTIPLIED_UNITS
            factor = multiplier if is_multiplied else 1.0
            outputs.append(Output(i, point.known, factor))
    return tuple(outputs)


def parameter_factor(
    point: ModbusPoint, parameters: Mapping[str, Parameter], given: Mapping[str, float] | None = None
) -> float:
    """The product of the parameters that multiply a point: as given for the meter, else their defaults."""
    factor = 1.0
    for name in point.times:
        factor *= (given or {}).get(name, parameters[name].default)
    return factor
