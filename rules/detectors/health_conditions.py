"""What can be wrong with a meter, worst first, and what is said of it."""

from __future__ import annotations

from enum import IntEnum

from metering.register_event import RegisterEventKind


class Condition(IntEnum):
    """The larger, the worse: one finding a meter names the worst."""

    OFFLINE = 1
    STUCK = 2
    CLOCK_BACK = 3
    CONFLICT = 4
    HELD = 5
    REVERSED = 6
    RESET = 7
    UNDECLARED_REPLACEMENT = 8


OF_EVENT: dict[RegisterEventKind, Condition] = {
    RegisterEventKind.CLOCK_BACK: Condition.CLOCK_BACK,
    RegisterEventKind.CONFLICT: Condition.CONFLICT,
    RegisterEventKind.HELD: Condition.HELD,
    RegisterEventKind.REVERSED: Condition.REVERSED,
    RegisterEventKind.RESET: Condition.RESET,
    RegisterEventKind.UNDECLARED_REPLACEMENT: Condition.UNDECLARED_REPLACEMENT,
}

MEANING: dict[Condition, str] = {
    Condition.OFFLINE: "no readings arrive",
    Condition.STUCK: "the register does not move although it usually does",
    Condition.CLOCK_BACK: "its clock goes back: later readings are dated before earlier ones",
    Condition.CONFLICT: "it sends different readings for one time",
    Condition.HELD: "the register jumped implausibly; the jump is held for review",
    Condition.REVERSED: "the register runs backwards",
    Condition.RESET: "the register began again near zero",
    Condition.UNDECLARED_REPLACEMENT: "the register fell to another value: probably another meter",
}

ONCE_IS_CHANCE = frozenset({Condition.REVERSED, Condition.CONFLICT, Condition.CLOCK_BACK})
"""Once may be a reading mixed up; the second within a day is not."""
