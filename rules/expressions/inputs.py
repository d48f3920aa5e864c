"""What a condition may speak of: the one place where names become arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64
from metering.quantities import ELECTRICITY, GAS, HEAT, WATER
from rules.blocks import STEPS_PER_HOUR

_EVERY = frozenset({WATER, ELECTRICITY, GAS, HEAT})
_MINUTES_PER_HOUR = 60


@dataclass(frozen=True)
class Steps:
    """The newest steps of some meters of one medium, with those before them that windows reach back to.

    usage         steps x columns, m3 or kWh in the step; NaN where it is not known
    local_minute  by step: minute of the local day at which it begins; NaN where there was no step
    """

    usage: Float64
    local_minute: Float64
    values: dict[str, Float64] = field(default_factory=dict)

    def take(self, columns: npt.NDArray[np.intp]) -> Steps:
        """Those columns only."""
        return Steps(self.usage[:, columns], self.local_minute)

    def of(self, name: str) -> Float64:
        """That input, steps x columns."""
        if name not in self.values:
            self.values[name] = INPUTS[name].read(self)
        return self.values[name]


@dataclass(frozen=True)
class Input:
    """A quantity by its name. `media`: of which meters there is one; `unit` by medium."""

    meaning: str
    media: frozenset[str]
    units: Mapping[str, str]
    read: Callable[[Steps], Float64]


def _mean_rate(steps: Steps) -> Float64:
    return steps.usage * STEPS_PER_HOUR


def _hour(steps: Steps) -> npt.NDArray[np.float64]:
    return np.broadcast_to(steps.local_minute[:, None] / _MINUTES_PER_HOUR, steps.usage.shape)


INPUTS: dict[str, Input] = {
    "usage": Input(
        "what the register counted in a step of 15 minutes, m3 or kWh",
        _EVERY,
        {WATER: "m3", GAS: "m3", ELECTRICITY: "kWh", HEAT: "kWh"},
        lambda steps: steps.usage,
    ),
    "flow": Input(
        "mean flow of the step, from the register, m3/h (water, gas)",
        frozenset({WATER, GAS}),
        {WATER: "m3/h", GAS: "m3/h"},
        _mean_rate,
    ),
    "power": Input(
        "mean power of the step, from the register, kW (electricity, heat)",
        frozenset({ELECTRICITY, HEAT}),
        {ELECTRICITY: "kW", HEAT: "kW"},
        _mean_rate,
    ),
    "hour": Input("local hour of the day at which the step begins, 0 to 23.75", _EVERY, {}, _hour),
}
"""By name. Raw quantities of the meters (voltage, power factor, ...) will stand here once samples are judged too."""
