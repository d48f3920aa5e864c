"""What a frame states, whatever the protocol: values, and in words what has none."""

from __future__ import annotations

from dataclasses import dataclass

from collector.read_value import ReadValue


@dataclass(frozen=True, slots=True)
class Statement:
    """`values` in the frame's order; `meaning` says what a valid frame means that has no value, or misses some."""

    values: tuple[ReadValue, ...] = ()
    meaning: str = ""


def merge(statements: list[Statement]) -> Statement:
    """One statement of all, in order."""
    values = tuple(value for statement in statements for value in statement.values)
    return Statement(values, "; ".join(s.meaning for s in statements if s.meaning))
