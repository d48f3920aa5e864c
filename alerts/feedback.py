"""What people said, for those who ask: how cautious it makes the rules and why, planned use, and the rules themselves.

Every word is kept. The rules are told in the order of `number`, each word from one event time on for ever: so a state
rebuilt from stored readings comes out as the one that lived through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerts import policy_book
from alerts.actions import PersonsHand, checked_name, checked_text
from alerts.database import Database
from alerts.errors import RefusedError
from alerts.feedback_models import FeedbackRow
from alerts.rows import alert_of, moment_of, ms_of
from alerts.said import put, word_of
from alerts.values import Actor, Alert, Clock, utc_now
from metering.entries import Feedback
from metering.feedback import CAUTIOUS_RULES, CONFIRMED, FALSE, PLANNED_USE, REPAIRED, RESET, WITHDRAWN, caution_after
from metering.quantities import MEDIA
from metering.site import PlannedUse

LONGEST_PLAN = timedelta(days=366)
LONGEST_PLAN_TEXT = 200
LARGEST_PLAN = 1e9
CORRECTABLE = timedelta(days=1)  # since it was entered: of what is over later, that it was so stays
_MOVING = (FALSE, CONFIRMED, REPAIRED, RESET)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Word:
    """One word of those that make a rule as cautious as it is. `alert_id` None: it was reset."""

    outcome: str
    alert_id: str | None
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Caution:
    """How many times its thresholds a rule takes for a meter, and the words that make it so, oldest first."""

    rule: str
    subject: str
    caution: float
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Planned use that somebody entered; `alert_id`: as an alert's outcome.

    expected  its size as people expect it, m3 or kWh
    """

    id: int
    use: PlannedUse
    who: str
    at: datetime
    alert_id: str | None
    expected: float | None = None


class UnknownPlanError(RefusedError):
    """No planned use of this id stands."""


class FeedbackBook:
    """Thread-safe; every write is one transaction."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    # -- what people do -------------------------------------------------------------------------------------------

    def withdraw(
        self,
        alert_id: str,
        actor: Actor,
        *,
        note: str = "",
        expected_version: int | None = None,
        sees: Callable[[Alert], bool] = lambda _: True,
    ) -> Alert:
        """Take an alert's outcome back, and all that followed from it. `sees`: see PersonsHand.

        Raises: UnknownAlertError; ConflictError (version, or another's outcome and no version given); RefusedError.
        """
        with self._database.writing() as session:
            hand = PersonsHand(session, actor, note, self._now_ms(), policy_book.current(session).policy, sees)
            return alert_of(hand.withdraw(alert_id, expected_version))

    def reset(self, rule: str, subject: str, actor: Actor) -> Caution:
        """Let the rule judge the meter as it is set; later outcomes count again. Raises: RefusedError."""
        if rule not in CAUTIOUS_RULES:
            raise RefusedError(f"no outcome moves the rule {rule!r}; these can be reset: {', '.join(_rules())}")
        name = checked_name(actor.name)
        with self._database.writing() as session:
            found = _cautions(session, (subject,)).get((rule, subject), Caution(rule, subject, 1.0, ()))
            if found.caution == 1.0:
                return found
            word = word_of(Actor(name, actor.origin), self._now_ms(), outcome=RESET, judged=[[rule, subject]])
            put(session, word, None)
            return _cautions(session, (subject,))[rule, subject]

    def plan(self, use: PlannedUse, actor: Actor, expected: float | None = None) -> Plan:
        """Enter planned use. Whoever asks has seen to it that the place exists. Raises: RefusedError."""
        row = planned_word(use, expected, actor, self._now_ms())
        with self._database.writing() as session:
            put(session, row, None)
            return plan_of(row)

    def check(self, use: PlannedUse, expected: float | None = None) -> None:
        """Whether it could be entered. Raises: RefusedError."""
        _check_plan(use, expected)
        checked_text(use.text, "what it is for", LONGEST_PLAN_TEXT)

    def unplan(self, plan_id: int, actor: Actor) -> None:
        """Take planned use back. Raises: as `standing_plan`."""
        who = Actor(checked_name(actor.name), actor.origin)
        with self._database.writing() as session:
            row = standing_plan(session, plan_id, self._now_ms())
            put(session, word_of(who, self._now_ms(), outcome=WITHDRAWN), row)

    # -- what is shown --------------------------------------------------------------------------------------------

    def cautions(self, subjects: Sequence[str] | None = None) -> tuple[Caution, ...]:
        """Of these meters (None: all), each rule that people said something of, by meter and rule."""
        with self._database.reading() as session:
            found = _cautions(session, subjects)
        return tuple(found[key] for key in sorted(found, key=lambda key: (key[1], key[0])))

    def plans(self, since: datetime) -> tuple[Plan, ...]:
        """Planned use that ends after a moment, by its begin."""
        query = select(FeedbackRow).where(_stands(), FeedbackRow.end_ms > ms_of(since))
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(FeedbackRow.start_ms, FeedbackRow.id))
            return tuple(plan_of(row) for row in rows)

    def place_of(self, plan_id: int) -> str | None:
        """Where the planned use of this id is; None: there never was one."""
        with self._database.reading() as session:
            row = session.get(FeedbackRow, plan_id)
            return None if row is None or row.start_ms is None else row.node

    # -- what the rules are told ----------------------------------------------------------------------------------

    def give_out(self, after: int, now: np.datetime64) -> tuple[Feedback, ...]:
        """Words beyond a number, in order; what nobody was told of yet counts from `now` on."""
        unsaid = select(FeedbackRow).where(FeedbackRow.number.is_(None))
        with self._database.reading() as session:
            has_new = session.scalars(unsaid.limit(1)).first() is not None
        if has_new:
            with self._database.writing() as session:
                last = session.scalar(select(func.max(FeedbackRow.number))) or 0
                # Numbered here, not where they are said: of two transactions the later may end first.
                for i, row in enumerate(session.scalars(unsaid.order_by(FeedbackRow.id).limit(_AT_ONCE)).all()):
                    row.number, row.event_ms = last + 1 + i, ms_of(now)
        return self.given_out(after, _AT_ONCE)

    def given_out(self, after: int = 0, limit: int | None = None) -> tuple[Feedback, ...]:
        """Words that the rules were told, in that order."""
        query = select(FeedbackRow).where(FeedbackRow.number > after).order_by(FeedbackRow.number).limit(limit)
        with self._database.reading() as session:
            rows = session.scalars(query).all()
            before = [row.replaces for row in rows if row.replaces is not None]
            numbered = select(FeedbackRow.id, FeedbackRow.number).where(FeedbackRow.id.in_(before))
            numbers = {row_id: int(number or 0) for row_id, number in session.execute(numbered)}
            return tuple(_entry_of(row, numbers) for row in rows)

    def _now_ms(self) -> int:
        return ms_of(self._clock())


def _rules() -> list[str]:
    return sorted(CAUTIOUS_RULES)


def planned_word(use: PlannedUse, expected: float | None, actor: Actor, now_ms: int) -> FeedbackRow:
    """Planned use as a word. Raises: RefusedError."""
    _check_plan(use, expected)
    text = checked_text(use.text, "what it is for", LONGEST_PLAN_TEXT)
    return word_of(
        Actor(checked_name(actor.name), actor.origin), now_ms, outcome=PLANNED_USE, text=text, node=use.node,
        medium=use.medium, start_ms=ms_of(use.start), end_ms=ms_of(use.end), expected_size=expected,
    )  # fmt: skip


def standing_plan(session: Session, plan_id: int, now_ms: int) -> FeedbackRow:
    """The word of a planned use that may still be changed.

    Raises:
        UnknownPlanError: it does not stand.
        RefusedError: it is an alert's outcome, or over.
    """
    row = session.get(FeedbackRow, plan_id, with_for_update=True)
    if row is None or row.start_ms is None or row.end_ms is None or row.replaced_by is not None:
        raise UnknownPlanError(f"there is no planned use {plan_id}")
    if row.alert_id is not None:
        raise RefusedError(f"it is the outcome of alert {row.alert_id!r}: withdraw that")
    if is_past(row.end_ms, row.at_ms, now_ms):
        raise RefusedError("it is over: what was planned then stays as it was")
    return row


def is_past(end_ms: int, said_ms: int, now_ms: int) -> bool:
    """Whether planned use is over, and was entered too long ago for a mistake to be mended."""
    return end_ms <= now_ms and now_ms - said_ms > CORRECTABLE / timedelta(milliseconds=1)


def _check_plan(use: PlannedUse, expected: float | None) -> None:
    if expected is not None and not 0 <= expected <= LARGEST_PLAN:
        raise RefusedError(f"the size that is expected lies between 0 and {LARGEST_PLAN:.0f}")
    if use.medium is not None and use.medium not in MEDIA:
        raise RefusedError(f"the medium {use.medium!r} is none; allowed: {', '.join(MEDIA)}, or none for all")
    if use.end <= use.start:
        raise RefusedError("planned use ends after it begins")
    if use.end - use.start > LONGEST_PLAN:
        raise RefusedError(f"planned use lasts at most {LONGEST_PLAN.days} days")


def _stands() -> ColumnElement[bool]:
    return FeedbackRow.replaced_by.is_(None) & (FeedbackRow.outcome != WITHDRAWN)


def _cautions(session: Session, subjects: Sequence[str] | None) -> dict[tuple[str, str], Caution]:
    query = select(FeedbackRow).where(_stands(), FeedbackRow.outcome.in_(_MOVING)).order_by(FeedbackRow.id)
    said: dict[tuple[str, str], list[FeedbackRow]] = {}
    for row in session.scalars(query):
        for rule, subject in row.judged:
            if rule in CAUTIOUS_RULES and (subjects is None or subject in subjects):
                said.setdefault((rule, subject), []).append(row)
    return {(rule, subject): _caution_of(rule, subject, rows) for (rule, subject), rows in said.items()}


def _caution_of(rule: str, subject: str, rows: Sequence[FeedbackRow]) -> Caution:
    words = tuple(Word(row.outcome, row.alert_id, row.actor, moment_of(row.at_ms)) for row in rows)
    return Caution(rule, subject, caution_after(word.outcome for word in words), words)


def plan_of(row: FeedbackRow) -> Plan:
    """Planned use as it stands."""
    return Plan(row.id, _use_of(row), row.actor, moment_of(row.at_ms), row.alert_id, row.expected_size)


def _use_of(row: FeedbackRow) -> PlannedUse:
    start, end = moment_of(row.start_ms or 0), moment_of(row.end_ms or 0)
    return PlannedUse(row.node or "", start, end, row.text, row.medium)


def _entry_of(row: FeedbackRow, numbers: dict[int, int]) -> Feedback:
    return Feedback(
        time=np.datetime64(row.event_ms or 0, "ms"),
        id=row.number or 0,
        outcome=row.outcome,
        who=row.actor,
        said=np.datetime64(row.at_ms, "ms"),
        alert=row.alert_id or "",
        replaces=None if row.replaces is None else numbers.get(row.replaces),
        judged=tuple((rule, subject) for rule, subject in row.judged),
        use=None if row.start_ms is None else _use_of(row),
    )
