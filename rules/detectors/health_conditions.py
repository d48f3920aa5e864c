"""What can be wrong with a meter, worst first, and what is said of it."""

from __future__ import annotations

from enum import IntEnum

from metering.register_event import RegisterEventKind


class Condition(IntEnum):
    """The larger, the worse: one finding a meter names the worst."""

    OFFLINE = 1
    STUCK = 2
    HELD = 3
    REVERSED = 4
    RESET = 5
    UNDECLARED_REPLACEMENT = 6


OF_EVENT: dict[RegisterEventKind, Condition] = {
    RegisterEventKind.HELD: Condition.HELD,
    RegisterEventKind.REVERSED: Condition.REVERSED,
    RegisterEventKind.RESET: Condition.RESET,
    RegisterEventKind.UNDECLARED_REPLACEMENT: Condition.UNDECLARED_REPLACEMENT,
}

MEANING: dict[Condition, str] = {
    Condition.OFFLINE: "no readings arrive",
    Condition.STUCK: "the register does not move although it usually does",
    Condition.HELD: "the register jumped implausibly; the jump is held for review",
    Condition.REVERSED: "the register runs backwards",
    Condition.RESET: "the register began again near zero",
    Condition.UNDECLARED_REPLACEMENT: "the register fell to another value: probably another meter",
}
