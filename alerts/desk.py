"""What people do at the desk, each act one transaction; the part of the records that writes for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from alerts import once as answers
from alerts import policy_book, reopening
from alerts.actions import PersonsHand, checked_name
from alerts.database import Database
from alerts.deadlines import OfficeDays
from alerts.desk_policy import DeskPolicy
from alerts.drills.mark import with_drills
from alerts.errors import AlertError, ConflictError, RefusedError
from alerts.models import AlertRow
from alerts.once import Once
from alerts.orders.meters import settle as settle_orders
from alerts.overdue import record_overdue
from alerts.past import Past
from alerts.policy_book import PolicyVersion
from alerts.rows import alert_of, maybe_ms, ms_of
from alerts.values import Actor, Alert, Clock, Outcome, utc_now

MOST_AT_ONCE = 500
Act = Callable[[PersonsHand], AlertRow]


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of one alert of many: how it stands now, or why nothing was done."""

    alert_id: str
    alert: Alert | None
    error: AlertError | None = None


class Desk:
    """Thread-safe. `once`, where an act takes it, keeps the answer for a caller who asks again.

    Raises of every act: UnknownAlertError; ConflictError (StaleError where it is the version); RefusedError;
    with `once` also AnsweredError and KeyReusedError. `said_at`: when the person did it, where that is told later.
    """

    def __init__(self, url: str, *, clock: Clock = utc_now, days: OfficeDays | None = None) -> None:
        """Raises: RecordsError if the URL is none that is known."""
        self.database = Database(url)
        self.past = Past(self.database)
        self._clock = clock
        self._days = days or OfficeDays()

    def acknowledge(
        self,
        alert_id: str,
        actor: Actor,
        *,
        note: str = "",
        expected_version: int | None = None,
        once: Once | None = None,
        said_at: datetime | None = None,
    ) -> Alert:
        """Somebody says: I have it. By the same person again: nothing changes. Assigns it where nobody was."""
        return self._act(actor, note, lambda hand: hand.acknowledge(alert_id, expected_version), once, said_at)

    def assign(
        self,
        alert_id: str,
        actor: Actor,
        assignee: str | None,
        *,
        note: str = "",
        expected_version: int | None = None,
        once: Once | None = None,
    ) -> Alert:
        """Say who is to see to it; None takes that back. Whether somebody has it stays as it is.

        Without a version it conflicts where somebody other than the actor is assigned.
        """
        if assignee is None:
            return self._act(actor, note, lambda hand: hand.unassign(alert_id, expected_version), once)
        return self._act(actor, note, lambda hand: hand.assign(alert_id, assignee, expected_version), once)

    def comment(
        self, alert_id: str, actor: Actor, text: str, *, once: Once | None = None, said_at: datetime | None = None
    ) -> Alert:
        """Refused when empty, or over 4,000 characters. Never conflicts."""
        return self._act(actor, text, lambda hand: hand.comment(alert_id), once, said_at)

    def resolve(
        self,
        alert_id: str,
        actor: Actor,
        outcome: Outcome,
        *,
        note: str = "",
        expected_version: int | None = None,
        once: Once | None = None,
        said_at: datetime | None = None,
    ) -> Alert:
        """What it was. Acknowledges too; active or cleared stays the rules' word. A later outcome replaces it.

        Without a version it conflicts where somebody else resolved it.
        """
        return self._act(actor, note, lambda hand: hand.resolve(alert_id, outcome, expected_version), once, said_at)

    def reopen(
        self,
        alert_id: str,
        actor: Actor,
        *,
        note: str = "",
        expected_version: int | None = None,
        once: Once | None = None,
    ) -> Alert:
        """Its outcome was not right: it waits for somebody again, with a new deadline if it is active."""
        return self._act(actor, note, lambda hand: hand.reopen(alert_id, expected_version, self._days), once)

    def acknowledge_many(
        self,
        wanted: Sequence[tuple[str, int | None]],
        actor: Actor,
        *,
        note: str = "",
        once: Once | None = None,
        sees: Callable[[Alert], bool] = lambda _: True,
    ) -> tuple[Handled, ...]:
        """Acknowledge each alert (its id, and the version that was seen or None), in the order given.

        One that cannot be is told and leaves the others alone; one that the actor does not see is as if it were not
        there. Raises: RefusedError (none, or more than 500).
        """
        if not 1 <= len(wanted) <= MOST_AT_ONCE:
            raise RefusedError(f"1 to {MOST_AT_ONCE} alerts are acknowledged at once, not {len(wanted)}")
        with self.database.writing() as session:
            if once is not None:
                answers.begin(session, once, self._now_ms())
            hand = PersonsHand(session, actor, note, self._now_ms(), policy_book.current(session).policy, sees)
            # Locked in one order, so that two who press at once never wait for each other in a circle.
            done = {item: _handled(hand, *item) for item in sorted(set(wanted), key=lambda w: (w[0], w[1] or 0))}
            session.flush()
            out = tuple(done[item] for item in wanted)
            if once is not None:
                answers.finish(session, once, out)
            return out

    def give_back(self, assignee: str, actor: Actor, note: str = "") -> tuple[Alert, ...]:
        """Take every assignment of an account back, as when it is closed; the alerts, now nobody's."""
        with self.database.writing() as session:
            hand = PersonsHand(session, actor, note, self._now_ms(), policy_book.current(session).policy)
            query = select(AlertRow).where(AlertRow.assigned_to == checked_name(assignee)).order_by(AlertRow.id)
            rows = session.scalars(with_drills(query.with_for_update())).all()
            return tuple(alert_of(hand.unassign(row.id, row.version)) for row in rows)

    # -- deadlines ------------------------------------------------------------------------------------------------

    def policy(self) -> PolicyVersion:
        """The policy in force."""
        with self.database.reading() as session:
            return policy_book.current(session)

    def policy_history(self) -> tuple[PolicyVersion, ...]:
        """Every policy that was put into force, latest first."""
        with self.database.reading() as session:
            return policy_book.history(session)

    def put_policy(self, policy: DeskPolicy, actor: Actor, expected_version: int) -> PolicyVersion:
        """Put a policy into force for alerts raised from now on. Raises: PolicyConflictError."""
        with self.database.writing() as session:
            return policy_book.put(session, policy, actor, expected_version, self._now_ms())

    def look_after(self) -> tuple[Alert, ...]:
        """What time alone does: breaches are written, alerts that hold still are no longer unstable, orders settled.

        The alerts that became overdue since the last look, at most 500. Answers kept for too long are dropped.
        """
        with self.database.writing() as session:
            now_ms = self._now_ms()
            policy = policy_book.current(session).policy
            reopening.settle_down(session, now_ms, policy)
            settle_orders(session, now_ms, policy)
            answers.forget(session, now_ms)
            return tuple(alert_of(row) for row in record_overdue(session, now_ms, policy))

    def _act(self, actor: Actor, note: str, act: Act, once: Once | None, said_at: datetime | None = None) -> Alert:
        with self.database.writing() as session:
            if once is not None:
                answers.begin(session, once, self._now_ms())
            policy, said_ms = policy_book.current(session).policy, maybe_ms(said_at)
            hand = PersonsHand(session, actor, note, self._now_ms(), policy, said_ms=said_ms)
            alert = alert_of(act(hand))
            if once is not None:
                answers.finish(session, once, alert)
            return alert

    def _now_ms(self) -> int:
        return ms_of(self._clock())


def _handled(hand: PersonsHand, alert_id: str, version: int | None) -> Handled:
    try:
        return Handled(alert_id, alert_of(hand.acknowledge(alert_id, version)))
    except ConflictError as error:
        return Handled(alert_id, error.current, error)
    except AlertError as error:
        return Handled(alert_id, None, error)
