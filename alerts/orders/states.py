"""The life of a work order, as one table. Pure: who may do what is asked elsewhere."""

from __future__ import annotations

from enum import StrEnum


class OrderState(StrEnum):
    """Where an order stands.

    DONE      whoever works on it says so; the meters (or, of an order without an alert, the office) have not agreed yet
    VERIFIED  they agree; only the office's rating is missing
    REOPENED  the meters or a person disagreed: somebody has to see to it again
    """

    OPEN = "open"
    ASSIGNED = "assigned"
    IN_WORK = "in_work"
    DONE = "done"
    VERIFIED = "verified"
    REOPENED = "reopened"
    CLOSED = "closed"


class Step(StrEnum):
    """What moves an order on."""

    ASSIGN = "assign"
    UNASSIGN = "unassign"
    START = "start"
    FINISH = "finish"
    AGREE = "agree"  # by the meters, or the office where there is no alert
    REOPEN = "reopen"
    CLOSE = "close"


_S = OrderState
# Somebody still has to work on these.
UNFINISHED = (_S.OPEN, _S.ASSIGNED, _S.IN_WORK, _S.REOPENED)
# The work is said to be over.
FINISHED = (_S.DONE, _S.VERIFIED, _S.CLOSED)

_TABLE: dict[Step, dict[OrderState, OrderState]] = {
    Step.ASSIGN: dict.fromkeys(UNFINISHED, _S.ASSIGNED),
    Step.UNASSIGN: dict.fromkeys(UNFINISHED, _S.OPEN),
    Step.START: {_S.OPEN: _S.IN_WORK, _S.ASSIGNED: _S.IN_WORK, _S.REOPENED: _S.IN_WORK},
    Step.FINISH: dict.fromkeys(UNFINISHED, _S.DONE),
    Step.AGREE: {_S.DONE: _S.VERIFIED},
    Step.REOPEN: dict.fromkeys(FINISHED, _S.REOPENED),
    Step.CLOSE: {_S.VERIFIED: _S.CLOSED},
}


def after(state: OrderState, step: Step) -> OrderState | None:
    """The state that a step leads to; None where it cannot be taken."""
    return _TABLE[step].get(state)


def states_before(step: Step) -> tuple[OrderState, ...]:
    """The states in which a step can be taken."""
    return tuple(_TABLE[step])
