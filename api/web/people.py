"""To whom an alert can be handed up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from alerts.routing.book import Book
from alerts.routing.receivers import duties_near
from alerts.users.values import Account

# Who is asked after the maintainer, in this order.
_CLIMB = ("zone_manager", "head_of_logistics")


@dataclass(frozen=True, slots=True)
class Climb:
    """Somebody further up: who has a duty of that role now, nearest to the place."""

    role: str
    person: str


def climb_from(node: str, people: Iterable[Account], book: Book, moment: datetime) -> tuple[Climb, ...]:
    """To whom an alert at this place can be handed up now, among those it can be given to."""
    able = {a.name for a in people}
    return tuple(
        Climb(role, there.person)
        for role in _CLIMB
        for duty in duties_near(role, node, book)
        for there in book.roster.on_duty(duty, moment, book.local)
        if there.person in able
    )
