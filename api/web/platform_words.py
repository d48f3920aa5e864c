"""The words of the repair platform's page, and of what it says wherever that is shown."""

from __future__ import annotations

from typing import Any

from alerts.orders.values import OrderAction
from alerts.platform.values import Direction, Placing, Says, SentState
from api.web.wording import N_

PLATFORM_SAYS = {
    Says.ASSIGNED: N_("given to somebody"),
    Says.REJECTED: N_("handed back"),
    Says.STARTED: N_("begun"),
    Says.DONE: N_("done"),
    Says.REOPENED: N_("opened again"),
    Says.CLOSED: N_("closed"),
    Says.NOTED: N_("a note"),
    Says.PHOTO_ADDED: N_("a photo"),
    Says.RATED: N_("rated"),
}
WORDS: dict[str, Any] = {
    "whys": {
        "unknown_event": N_("what happened is “%(said)s”; the mapping knows: %(known)s"),
        "unknown_order": N_("no order is known here as %(number)s"),
        "late": N_("a later event of this order was here before: its state stays"),
        "refused": N_("the order does not take it: %(error)s"),
        "photo": N_("photo %(number)s was not taken: %(error)s"),
    },
    "directions": {
        Direction.BOTH: N_("both ways: it is told of orders, and says what becomes of them"),
        Direction.OUT: N_("out: it is told of orders"),
        Direction.IN: N_("in: it says what becomes of orders"),
    },
    "sent_states": {
        SentState.PENDING: N_("waits"),
        SentState.DELIVERED: N_("taken"),
        SentState.FAILED: N_("refused"),
    },
    "placings": {
        Placing.APPLIED: N_("applied"),
        Placing.LATE: N_("came too late"),
        Placing.UNPLACED: N_("not placed"),
        Placing.SET_ASIDE: N_("set aside"),
    },
    "told": {
        OrderAction.CREATED: N_("opened"),
        OrderAction.ASSIGNED: N_("given to somebody"),
        OrderAction.UNASSIGNED: N_("taken back"),
        OrderAction.CHANGED: N_("changed"),
        OrderAction.STARTED: N_("begun"),
        OrderAction.CHECKED: N_("checklist"),
        OrderAction.NOTED: N_("a note"),
        OrderAction.PHOTO_ADDED: N_("a photo"),
        OrderAction.REPORT_JOINED: N_("a report joined"),
        OrderAction.DONE: N_("done, awaits the meters"),
        OrderAction.VERIFIED: N_("confirmed"),
        OrderAction.REOPENED: N_("opened again"),
        OrderAction.CLOSED: N_("closed"),
    },
    "says": PLATFORM_SAYS,
}
