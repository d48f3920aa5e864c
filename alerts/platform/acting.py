"""What the platform says is done to our order, in its favour: it is the master. Within one open transaction.

Where the order stands otherwise here, it is brought to where the platform's word holds, and the history says what
was overridden. Only the meters are not overruled: what it calls closed is done here until they agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from alerts import policy_book
from alerts.orders.hand import OrderHand, Person
from alerts.orders.journal import agree, last_to_act, move, open_again
from alerts.orders.models import OrderRow
from alerts.orders.states import FINISHED, OrderState, Step
from alerts.orders.values import OrderAction
from alerts.platform.links import link_row
from alerts.platform.models import LinkRow
from alerts.platform.values import PLATFORM, REMARKS, Inbound, Says
from alerts.values import Actor, Outcome

_FINISHED = frozenset(state.value for state in FINISHED)


class PlatformHand:
    """One event of the platform, done to one order.

    Raises of every act: what the orders refuse.
    """

    def __init__(self, session: Session, row: OrderRow, said: Inbound, outcome: Outcome, now_ms: int) -> None:
        self._session, self._row, self._said, self._outcome, self._now_ms = session, row, said, outcome, now_ms
        self._actor = Actor(PLATFORM, said.number or said.id)
        policy = policy_book.current(session).policy
        self._hand = OrderHand(session, Person(self._actor, manages=True), said.note, now_ms, policy)

    def act(self, says: Says) -> None:
        """Do it."""
        acts: dict[Says, Callable[[], None]] = {
            Says.ASSIGNED: self._assign,
            Says.REJECTED: self._reject,
            Says.STARTED: self._start,
            Says.DONE: self._finish,
            Says.REOPENED: self._reopen,
            Says.CLOSED: self._close,
            Says.RATED: self._rate,
            Says.NOTED: self._note,
            Says.PHOTO_ADDED: self._note,
        }
        acts[says]()
        if self._said.cost is not None:
            self._hand.change(self._row.id, None, cost=self._said.cost)

    def remark(self) -> None:
        """Of an event that comes too late only the words are taken."""
        self._note()

    def _assign(self) -> None:
        self._take_back_to_work("assigned")
        if not self._said.has_person and self._row.assignee is not None:
            return
        self._hand.assign(self._row.id, self._said.person or PLATFORM, None)

    def _reject(self) -> None:
        self._take_back_to_work("rejected")
        self._hand.assign(self._row.id, None, None)

    def _start(self) -> None:
        self._take_back_to_work("started")
        if self._row.state == OrderState.IN_WORK.value:
            return
        if self._row.assignee is None:
            self._hand.assign(self._row.id, self._said.person or PLATFORM, None)
        self._hand.start(self._row.id, None)

    def _finish(self) -> None:
        if self._row.state in _FINISHED:
            self._note()
            return
        if self._row.assignee is None and self._said.person:  # nobody had named them before: the work is theirs
            self._hand.give(self._row, self._said.person)
        self._hand.finish(self._row.id, self._outcome, None)

    def _reopen(self) -> None:
        if self._row.state in _FINISHED:
            self._open_again("reopened")

    def _close(self) -> None:
        self._keep_rating()
        self._finish()
        if self._row.alert_id is None and self._row.state == OrderState.DONE.value:
            agree(self._session, self._row, self._actor, self._now_ms)
        self.close_if_verified()

    def close_if_verified(self) -> None:
        """The platform's closing, once the meters (or, without an alert, the platform) have agreed."""
        if self._row.state != OrderState.VERIFIED.value:
            return
        before = move(self._row, Step.CLOSE)
        rating = link_row(self._session, self._row.id).rating
        self._row.closed_ms, self._row.closed_by = self._now_ms, PLATFORM
        self._row.rating = rating
        self._hand.write(self._row, OrderAction.CLOSED, before=before, rating=rating)

    def _rate(self) -> None:
        self._keep_rating()
        if self._row.state == OrderState.CLOSED.value and self._said.rating not in {None, self._row.rating}:
            was, self._row.rating = self._row.rating, self._said.rating
            self._row.rating_words = self._hand.words
            self._hand.write(self._row, OrderAction.CHANGED, changed={"rating": self._said.rating}, was={"rating": was})

    def _keep_rating(self) -> None:
        if self._said.rating is not None:
            link_row(self._session, self._row.id).rating = self._said.rating

    def _note(self) -> None:
        if self._hand.words:
            self._hand.note(self._row.id)

    def _take_back_to_work(self, says: str) -> None:
        """Here it was over; the platform says that it is not."""
        if self._row.state in _FINISHED:
            self._open_again(says)

    def _open_again(self, says: str) -> None:
        words = f"{self._hand.words}\n[{last_to_act(self._row)}; {PLATFORM}: {says}]".strip()
        self._hand.link.withdraw(self._row.alert_id)
        open_again(self._session, self._row, self._actor, self._now_ms, words, "platform")


def state_said(link: LinkRow, says: Says, at_ms: int) -> None:
    """Remember what the platform said of the order's state, and when by its own clock."""
    if says not in REMARKS:
        link.said, link.said_ms = says.value, at_ms


def standing(row: OrderRow, number: str) -> dict[str, Any]:
    """How the order stands, as the platform is answered."""
    is_open_question = row.state == OrderState.DONE.value and row.alert_id is not None
    return {
        "order": row.id,
        "number": number,
        "state": row.state,
        "awaits": "meters" if is_open_question else None,
    }
