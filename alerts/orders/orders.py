"""Work orders, reports and photos of one records database; every act is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from alerts import once as answers
from alerts import policy_book
from alerts.database import Database
from alerts.once import Once
from alerts.orders import reporting
from alerts.orders.hand import OrderHand, Person
from alerts.orders.making import Ground, NewOrder, attach_alert, open_order
from alerts.orders.models import OrderRow
from alerts.orders.photos import add_photo, keep_photo
from alerts.orders.pictures import Picture
from alerts.orders.reading import OrderReading, everywhere
from alerts.orders.rows import order_of, photo_of, report_of
from alerts.orders.values import (
    Order,
    OrderAction,
    Photo,
    PhotoStage,
    Report,
)
from alerts.playbook import Playbook, shipped_playbook
from alerts.rows import maybe_ms, ms_of
from alerts.values import Actor, Clock, Outcome, utc_now
from metering.site import Site

_Act = Callable[[OrderHand], OrderRow]


class Orders(OrderReading):
    """Thread-safe. `once`, where an act takes it, keeps the answer for a caller who asks again.

    `said_at`: when the person did it, where that is told later.

    Raises of every act: UnknownOrderError; OrderConflictError (not at `expected_version`, which None leaves out);
    OrderStateError; RefusedError; with `once` also AnsweredError and KeyReusedError.
    """

    def __init__(
        self, database: Database, site: Callable[[], Site], playbook: Playbook | None = None, clock: Clock = utc_now
    ) -> None:
        super().__init__(database)
        self._site = site
        self._playbook = playbook or shipped_playbook()
        self._clock = clock

    # -- acts -----------------------------------------------------------------------------------------------------

    def open(
        self, person: Person, new: NewOrder, sees_node: Callable[[str], bool] = everywhere, *, once: Once | None = None
    ) -> Order:
        """A new order, with its alert taken or its report answered. Raises also: UnknownAlertError, UnknownReportError.

        Whether the person sees the alert is for the caller to ask.
        """

        def act(hand: OrderHand) -> OrderRow:
            policy = policy_book.current(hand.session).policy
            return open_order(hand, new, Ground(self._site, self._playbook, policy.repair_h), sees_node)

        return self._act(person, "", act, once)

    def assign(
        self, order_id: int, person: Person, assignee: str | None, *, words: str = "",
        expected_version: int | None = None, once: Once | None = None,
    ) -> Order:  # fmt: skip
        """Who works on it; None takes that back. The order's alert goes along."""
        return self._act(person, words, lambda hand: hand.assign(order_id, assignee, expected_version), once)

    def change(
        self, order_id: int, person: Person, *, expected_version: int | None = None, once: Once | None = None,
        **values: Any,
    ) -> Order:  # fmt: skip
        """Other `title`, `words`, `owner`, `due_at` or `cost`."""
        return self._act(person, "", lambda hand: hand.change(order_id, expected_version, **values), once)

    def attach_alert(
        self, order_id: int, person: Person, alert_id: str, *, words: str = "", expected_version: int | None = None,
        once: Once | None = None,
    ) -> Order:  # fmt: skip
        """What was reported is what the meters see: the order is this alert's now. Raises also: UnknownAlertError.

        Whether the person sees the alert is for the caller to ask.
        """
        return self._act(person, words, lambda hand: attach_alert(hand, order_id, alert_id, expected_version), once)

    def start(
        self, order_id: int, person: Person, *, words: str = "", expected_version: int | None = None,
        once: Once | None = None, said_at: datetime | None = None,
    ) -> Order:  # fmt: skip
        """I am at it. `said_at`: by the person's clock, where it comes later (see `OrderHand`)."""
        return self._act(person, words, lambda hand: hand.start(order_id, expected_version), once, said_at)

    def note(
        self, order_id: int, person: Person, words: str, *, once: Once | None = None, said_at: datetime | None = None
    ) -> Order:
        """Add a remark. Never conflicts."""
        return self._act(person, words, lambda hand: hand.note(order_id), once, said_at)

    def check(
        self, order_id: int, person: Person, line: int, *, is_done: bool = True, once: Once | None = None,
        said_at: datetime | None = None,
    ) -> Order:  # fmt: skip
        """Tick a line of the checklist off, or take that back. Never conflicts."""
        return self._act(person, "", lambda hand: hand.check(order_id, line, is_done=is_done), once, said_at)

    def finish(
        self, order_id: int, person: Person, outcome: Outcome, *, words: str = "", cost: float | None = None,
        expected_version: int | None = None, pictures: Sequence[Picture] = (), once: Once | None = None,
        said_at: datetime | None = None,
    ) -> Order:  # fmt: skip
        """It is done: from here the meters say whether it holds; of an order without an alert, the office.

        Its photos are kept with it, or nothing is; said again, they are not kept twice.
        """

        def act(hand: OrderHand) -> OrderRow:
            row = hand.seen(order_id)
            if not hand.has_finished(row, outcome):
                for picture in pictures:
                    add_photo(hand, row, picture, PhotoStage.CLOSING)
            return hand.finish(order_id, outcome, expected_version, cost=cost)

        return self._act(person, words, act, once, said_at)

    def verify(
        self, order_id: int, person: Person, *, words: str = "", expected_version: int | None = None,
        once: Once | None = None,
    ) -> Order:  # fmt: skip
        """It holds, says the office; only of an order without an alert."""
        return self._act(person, words, lambda hand: hand.verify(order_id, expected_version), once)

    def reopen(
        self, order_id: int, person: Person, *, words: str, expected_version: int | None = None,
        once: Once | None = None,
    ) -> Order:  # fmt: skip
        """It does not hold; `words` say why."""
        return self._act(person, words, lambda hand: hand.reopen(order_id, expected_version), once)

    def close(
        self, order_id: int, person: Person, rating: int, *, words: str = "", cost: float | None = None,
        expected_version: int | None = None, once: Once | None = None,
    ) -> Order:  # fmt: skip
        """The office's rating, 1 to 5. Refused while the meters have not agreed."""
        return self._act(person, words, lambda hand: hand.close(order_id, rating, expected_version, cost=cost), once)

    # -- reports --------------------------------------------------------------------------------------------------

    def report(
        self, node: str, words: str, spot: str, language: str, pictures: Sequence[Picture] = (), *,
        once: Once | None = None,
    ) -> Report:  # fmt: skip
        """Keep what somebody saw, with its photos. Raises: RefusedError, OrderStateError (too many photos)."""
        now_ms = self._now_ms()
        with self.database.writing() as session:
            if once is not None:
                answers.begin(session, once, now_ms)
            reporting.check_photos(session, len(pictures), now_ms)
            row = reporting.new_report(session, node, spot, words, language, now_ms)
            for picture in pictures:
                keep_photo(session, picture, PhotoStage.REPORT, "report", now_ms, report_id=row.id)
            row.photos = len(pictures)
            report = report_of(row)
            if once is not None:
                answers.finish(session, once, report)
            return report

    def dismiss_report(
        self, report_id: int, actor: Actor, answer: str, sees_node: Callable[[str], bool] = everywhere
    ) -> Report:
        """Nothing is done about it, and why: whoever reported reads that."""
        with self.database.writing() as session:
            row = reporting.seen_report(session, report_id, sees_node)
            return report_of(reporting.dismiss(row, actor.name, answer, self._now_ms()))

    def join_report(
        self, report_id: int, order_id: int, person: Person, sees_node: Callable[[str], bool] = everywhere
    ) -> Order:
        """What was reported is what an order is about already. Raises also: UnknownReportError."""

        def act(hand: OrderHand) -> OrderRow:
            row = hand.seen(order_id)
            report = reporting.link_report(hand.session, report_id, person.actor.name, hand.now_ms, sees_node)
            report.order_id, report.drill = row.id, row.drill
            hand.write(row, OrderAction.REPORT_JOINED, is_new_version=False, report_id=report_id)
            return row

        return self._act(person, "", act, None)

    # -- photos ---------------------------------------------------------------------------------------------------

    def add_photo(
        self,
        order_id: int,
        person: Person,
        picture: Picture,
        stage: PhotoStage = PhotoStage.WORK,
        *,
        once: Once | None = None,
    ) -> Photo:
        """Put a photo to an order that is not closed; at most 8. Never conflicts."""
        now_ms = self._now_ms()
        with self.database.writing() as session:
            if once is not None:
                answers.begin(session, once, now_ms)
            hand = OrderHand(session, person, "", now_ms, policy_book.current(session).policy)
            photo = photo_of(add_photo(hand, hand.seen(order_id), picture, stage))
            if once is not None:
                answers.finish(session, once, photo)
            return photo

    # -- within ---------------------------------------------------------------------------------------------------

    def _act(self, person: Person, words: str, act: _Act, once: Once | None, said_at: datetime | None = None) -> Order:
        with self.database.writing() as session:
            now_ms = self._now_ms()
            if once is not None:
                answers.begin(session, once, now_ms)
            policy, said_ms = policy_book.current(session).policy, maybe_ms(said_at)
            hand = OrderHand(session, person, words, now_ms, policy, said_ms)
            order = order_of(act(hand))
            if once is not None:
                answers.finish(session, once, order)
            return order

    def _now_ms(self) -> int:
        return ms_of(self._clock())
