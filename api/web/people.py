"""To whom an alert can be given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from alerts.routing.book import Book
from alerts.routing.receivers import duties_near
from alerts.users.roles import Permission
from alerts.users.values import Account, AccountState
from metering.site import Site


def able_accounts(accounts: Iterable[Account]) -> list[Account]:
    """Those that may handle alerts at all."""
    return [a for a in accounts if a.state is AccountState.ACTIVE and Permission.ALERTS_HANDLE in a.granted]


def sees_place(account: Account, node: str, site: Site) -> bool:
    """Whether the place is within an account's parts of the (whole) site."""
    above = site.place_path(node) if node in site.nodes else (node,)
    return account.is_whole_site or not set(above).isdisjoint(account.nodes)


def assignees(accounts: Iterable[Account], node: str, site: Site) -> list[Account]:
    """Those that an alert at this place can be assigned to: they may handle it, and see the place."""
    return [a for a in able_accounts(accounts) if sees_place(a, node, site)]


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
