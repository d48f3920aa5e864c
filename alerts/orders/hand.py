"""What people do with an order, within one open transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from alerts.actions import LONGEST_TEXT, PersonsHand, checked_name, checked_said, checked_text
from alerts.desk_policy import DeskPolicy
from alerts.drills.mark import WITH_DRILLS
from alerts.errors import RefusedError
from alerts.orders.alert_link import AlertLink
from alerts.orders.errors import OrderConflictError, OrderStateError, UnknownOrderError
from alerts.orders.journal import METERS, agree, last_to_act, maker_of, move, open_again, write
from alerts.orders.models import OrderRow
from alerts.orders.rows import order_of
from alerts.orders.states import UNFINISHED, OrderState, Step
from alerts.orders.values import Order, OrderAction
from alerts.rows import iso, maybe_ms, moment_of
from alerts.values import Actor, Outcome

BEST_RATING = 5
MOST_COST = 100_000_000.0
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts on orders.

    manages  acts for the office: on everybody's orders
    sees     an order that the person does not see is as if it were not there
    """

    actor: Actor
    manages: bool = False
    sees: Callable[[Order], bool] = lambda _: True


class OrderHand:
    """One person's act at one moment. `link`: the same act on the order's alert.

    `said_ms`: when it was done, by the person's own clock, where it comes later: it stands in the history, and what
    counts is when it was heard here.

    Raises of every act: UnknownOrderError; OrderConflictError (it is not at the version that was seen);
    OrderStateError; RefusedError.
    """

    def __init__(
        self, session: Session, person: Person, words: str, now_ms: int, policy: DeskPolicy, said_ms: int | None = None
    ) -> None:
        """Raises: RefusedError."""
        self.session = session
        self.person = person
        self.words = checked_text(words, "a note", LONGEST_TEXT)
        self.now_ms = now_ms
        self._said_ms = None if said_ms is None else checked_said(said_ms, now_ms)
        self.link = AlertLink(PersonsHand(session, person.actor, self.words, now_ms, policy, said_ms=self._said_ms))

    def assign(self, order_id: int, assignee: str | None, expected: int | None) -> OrderRow:
        """Give it to somebody, or (None) take it back."""
        row = self.seen(order_id)
        name = None if assignee is None else checked_name(assignee)
        if row.assignee == name and row.state != OrderState.REOPENED.value:
            return row  # pressed twice, or asked again after a lost answer
        self.check_version(row, expected)
        assigned_before = row.assignee
        self.give(row, name)
        action = OrderAction.UNASSIGNED if name is None else OrderAction.ASSIGNED
        self.write(row, action, assigned_before=assigned_before)
        return row

    def give(self, row: OrderRow, name: str | None) -> None:
        """The order and its alert have this assignee; not written to the history yet."""
        move(row, Step.UNASSIGN if name is None else Step.ASSIGN)
        row.assignee = name
        row.assigned_by, row.assigned_ms = (None, None) if name is None else (self._name, self.now_ms)
        self.link.hand_over(row.alert_id, name)

    def change(self, order_id: int, expected: int | None, **values: Any) -> OrderRow:
        """Other words, another owner or due time: what is given, of `title`, `words`, `owner`, `due_at`, `cost`.

        Of a closed order only the cost: bills come late.
        """
        row = self.seen(order_id)
        self.check_version(row, expected)
        if OrderState(row.state) is OrderState.CLOSED and set(values) != {"cost"}:
            raise OrderStateError("a closed order is not changed any more, but for its cost")
        changed = {name: value for name, value in stored(values).items() if getattr(row, name) != value}
        if not changed:
            return row
        was = {name: getattr(row, name) for name in changed}
        for name, value in changed.items():
            setattr(row, name, value)
        self.write(row, OrderAction.CHANGED, changed=changed, was=was)
        return row

    def start(self, order_id: int, expected: int | None) -> OrderRow:
        """I am at it. Where nobody was to, it is the one who begins."""
        row = self.seen(order_id)
        if row.state == OrderState.IN_WORK.value and row.assignee == self._name:
            return row
        self.check_version(row, expected)
        self._check_own(row)
        before = move(row, Step.START)
        row.started_ms = self.now_ms
        if row.assignee is None:
            row.assignee, row.assigned_by, row.assigned_ms = self._name, self._name, self.now_ms
            self.link.hand_over(row.alert_id, self._name)
        self.write(row, OrderAction.STARTED, before=before)
        return row

    def note(self, order_id: int) -> OrderRow:
        """Add a remark. Never conflicts."""
        row = self.seen(order_id)
        if not self.words:
            raise RefusedError("a note must have a text")
        self.write(row, OrderAction.NOTED, is_new_version=False)
        return row

    def check(self, order_id: int, line: int, *, is_done: bool) -> OrderRow:
        """Tick a line of the checklist off, or take that back. Never conflicts: the last one counts."""
        row = self.seen(order_id)
        self._check_own(row)
        if not 0 <= line < len(row.checklist):
            raise RefusedError(f"this order's checklist has the lines 0 to {len(row.checklist) - 1}, not {line}")
        if OrderState(row.state) not in UNFINISHED:
            raise OrderStateError(f"the order is {row.state}: its checklist stays as it is")
        if (row.checklist[line].get("done_ms") is not None) == is_done:
            return row
        marks = {"done_by": self._name, "done_ms": self.now_ms} if is_done else {"done_by": None, "done_ms": None}
        row.checklist = [{**item, **marks} if i == line else item for i, item in enumerate(row.checklist)]
        self.write(row, OrderAction.CHECKED, is_new_version=False, line=line, is_done=is_done)
        return row

    def finish(self, order_id: int, outcome: Outcome, expected: int | None, *, cost: float | None = None) -> OrderRow:
        """It is done, with what it was found to be and cost. Where the meters agree already, it is verified at once."""
        row = self.seen(order_id)
        if self.has_finished(row, outcome):
            return row
        self.check_version(row, expected)
        self._check_own(row)
        before = move(row, Step.FINISH)
        if row.assignee is None:
            row.assignee, row.assigned_by, row.assigned_ms = self._name, self._name, self.now_ms
        row.done_ms, row.done_by, row.outcome = self.now_ms, self._name, outcome.value
        self.link.resolve(row.alert_id, outcome)
        self.write(row, OrderAction.DONE, before=before, outcome=outcome.value, **_priced(row, cost))
        self.agree_if_cleared(row)
        return row

    def agree_if_cleared(self, row: OrderRow) -> None:
        """Of what is done, where the meters see its alert no more."""
        if row.alert_id is not None and not self.link.is_active(row.alert_id):
            agree(self.session, row, METERS, self.now_ms)

    def has_finished(self, row: OrderRow, outcome: Outcome) -> bool:
        """Whether this person said this already: pressed twice, or asked again after a lost answer."""
        return row.done_by == self._name and row.outcome == outcome.value

    def verify(self, order_id: int, expected: int | None) -> OrderRow:
        """The office has seen that it holds: only where there is no alert, whose meters would say so."""
        row = self.seen(order_id)
        if row.state == OrderState.VERIFIED.value and row.verified_by == self._name:
            return row
        self.check_version(row, expected)
        if row.alert_id is not None and row.state == OrderState.DONE.value:
            raise OrderStateError(
                "the meters have not agreed yet: the alert of this order is still active", "meters_disagree"
            )
        agree(self.session, row, self.person.actor, self.now_ms, self.words)
        return row

    def reopen(self, order_id: int, expected: int | None) -> OrderRow:
        """It does not hold: whoever had it has it again. A reason is needed."""
        row = self.seen(order_id)
        if row.state == OrderState.REOPENED.value:
            return row
        self.check_version(row, expected)
        if row.drill is not None and row.state == OrderState.CLOSED.value:
            raise OrderStateError("an order of a drill that is closed stays so: nothing is really wrong", "drill_over")
        if not self.words:
            raise RefusedError("say why the order is opened again")
        self.link.withdraw(row.alert_id)
        open_again(self.session, row, self.person.actor, self.now_ms, self.words)
        return row

    def close(self, order_id: int, rating: int, expected: int | None, *, cost: float | None = None) -> OrderRow:
        """The office's last word: 1 to 5, in words, and what it cost. Only once the meters (or the office) agreed."""
        row = self.seen(order_id)
        if not 1 <= rating <= BEST_RATING:
            raise RefusedError(f"a rating is 1 to {BEST_RATING}, not {rating}")
        if row.closed_by == self._name and row.rating == rating:
            return row
        self.check_version(row, expected)
        if row.state == OrderState.DONE.value and row.alert_id is not None:
            raise OrderStateError(
                "the meters have not agreed yet: the alert of this order is still active", "meters_disagree"
            )
        before = move(row, Step.CLOSE)
        row.closed_ms, row.closed_by = self.now_ms, self._name
        row.rating, row.rating_words = rating, self.words
        self.write(row, OrderAction.CLOSED, before=before, rating=rating, **_priced(row, cost))
        return row

    def seen(self, order_id: int) -> OrderRow:
        """The order, held until the act is over. Raises: UnknownOrderError."""
        is_number = 0 < order_id < 10**_DIGITS
        held: dict[str, Any] = {"with_for_update": True, "execution_options": WITH_DRILLS}
        row = self.session.get(OrderRow, order_id, **held) if is_number else None
        if row is None or not self.person.sees(order_of(row)):
            raise UnknownOrderError(order_id)
        return row

    def check_may_work(self, row: OrderRow) -> None:
        """Raises: OrderStateError, it is somebody else's."""
        self._check_own(row)

    @property
    def _name(self) -> str:
        return self.person.actor.name

    def _check_own(self, row: OrderRow) -> None:
        if row.assignee not in {None, self._name} and not self.person.manages:
            raise OrderStateError(f"this order is {row.assignee}'s", "not_yours", row.assignee)

    def write(
        self,
        row: OrderRow,
        action: OrderAction,
        *,
        before: OrderState | None = None,
        is_new_version: bool = True,
        **detail: Any,
    ) -> None:
        """Add a line to its history."""
        if self._said_ms is not None:
            detail["said_at"] = iso(moment_of(self._said_ms))
        write(
            self.session, row, action, self.person.actor, self.now_ms, words=self.words, before=before,
            is_new_version=is_new_version, detail=detail,
        )  # fmt: skip

    def check_version(self, row: OrderRow, expected: int | None) -> None:
        """Raises: OrderConflictError, it is not as it was seen."""
        if expected is not None and row.version != expected:
            raise OrderConflictError(
                f"{last_to_act(row)} in between: the order is {row.state} and at version {row.version}, not {expected}",
                row.version,
                maker_of(self.session, row),
            )


def cents_of(cost: float) -> int:
    """Money as it is kept. Raises: RefusedError."""
    if not 0 <= cost <= MOST_COST:
        raise RefusedError(f"what a repair cost is 0 to {MOST_COST:.0f}, not {cost}")
    return round(cost * 100)


def _priced(row: OrderRow, cost: float | None) -> dict[str, Any]:
    """Keep what it cost, where that is said; as the history tells it."""
    if cost is None:
        return {}
    row.cost_cents = cents_of(cost)
    return {"cost_cents": row.cost_cents}


def stored(values: dict[str, Any]) -> dict[str, Any]:
    """Members of an order as its row has them. Raises: RefusedError."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, datetime) or name == "due_at":
            out["due_ms"] = maybe_ms(value)
        elif name == "cost":
            out["cost_cents"] = cents_of(value)
        elif name == "owner":
            out[name] = checked_name(value)
        else:
            out[name] = checked_text(value, f"the order's {name}", LONGEST_TEXT if name == "words" else 200)
    return out
