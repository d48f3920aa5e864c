"""What the derivation of intervals noticed about a register that is no ordinary step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class RegisterEventKind(StrEnum):
    """Told apart by register width, plausible maximum x elapsed time, and the declared `lives` of a meter."""

    ROLLOVER = "rollover"  # ran over its width and went on: booked
    RESET = "reset"  # began again near zero, same counting: nothing booked for the step
    REPLACED = "replaced"  # a change of meter that `lives` declares
    UNDECLARED_REPLACEMENT = "undeclared_replacement"  # fell to another, not small value and stayed there
    HELD = "held"  # an implausible jump, held for review, nothing booked
    RELEASED = "released"  # a held jump proved true: booked
    GLITCH = "glitch"  # a held jump fell back: dropped
    CONFLICT = "conflict"  # two different values of one time: the later entry counts
    CLOCK_BACK = "clock_back"  # dated before a reading that had counted less: the clock went back
    REVERSED = "reversed"  # a small fall: the register runs backwards


@dataclass(frozen=True, slots=True)
class RegisterEvent:
    """`before` is the register at `since`, the last ordinary reading; `after` what it showed instead.

    `time` is when this was known, at the reading that decided it. Both in UTC, registers in the quantity's unit.
    """

    kind: RegisterEventKind
    meter: str
    quantity: int
    since: np.datetime64
    time: np.datetime64
    before: float
    after: float
