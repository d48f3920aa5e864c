"""What was: earlier episodes of an alert, breaches of deadlines, and past alerts that look like one of today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.desk_models import BreachRow, EpisodeRow
from alerts.drills.mark import WITH_DRILLS
from alerts.errors import RefusedError, UnknownAlertError
from alerts.models import AlertRow
from alerts.rows import alert_of, moment_of, ms_of
from alerts.texts import is_storable
from alerts.values import Alert, Outcome
from metering.incident import Category, Severity

LARGEST_PAGE = 500
_CANDIDATES = 50
_NO_END_MS = 1 << 60


@dataclass(frozen=True, slots=True)
class Episode:
    """One earlier time of an alert that came back: from its detection until the meters cleared it."""

    number: int
    incident: str
    detected_at: datetime
    onset_at: datetime
    closed_at: datetime
    severity: Severity
    loss_total: float | None
    outcome: Outcome | None
    resolved_by: str | None


@dataclass(frozen=True, slots=True)
class Breach:
    """A deadline that passed without anybody having the alert. `at` is when that was written, at or after `due_at`."""

    id: int
    alert_id: str
    due_at: datetime
    at: datetime
    node: str
    category: Category
    severity: Severity
    assigned_to: str | None


@dataclass(frozen=True, slots=True)
class BreachPage:
    """Breaches, latest first; `next_cursor` asks for the page after, None at the end."""

    items: tuple[Breach, ...]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class BreachFigures:
    """Deadlines that ended in a span of time: how many were met, and how many were not, in all and by kind.

    An alert whose deadline ran anew counts as met with its latest deadline only.
    """

    met: int
    breached: int
    by_category: dict[str, int]
    by_severity: dict[str, int]


@dataclass(frozen=True, slots=True)
class Similar:
    """A past alert, and what it has in common: `place`, `rule`."""

    alert: Alert
    common: tuple[str, ...]


class Past:
    """Reads only. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def episodes_of(self, alert_id: str) -> tuple[Episode, ...]:
        """The earlier episodes, oldest first; the alert itself is the latest. None for an unknown alert."""
        query = select(EpisodeRow).where(EpisodeRow.alert_id == alert_id).order_by(EpisodeRow.number)
        with self._database.reading() as session:
            return tuple(_episode_of(row) for row in session.scalars(query)) if is_storable(alert_id) else ()

    def breaches(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        nodes: Sequence[str] | None = None,
        cursor: int | None = None,
        limit: int = 50,
    ) -> BreachPage:
        """Breaches that were due in [since, until), at these nodes. Raises: RefusedError (limit not in 1..500)."""
        if not 1 <= limit <= LARGEST_PAGE:
            raise RefusedError(f"a page has 1 to {LARGEST_PAGE} breaches, not {limit}")
        query = select(BreachRow).where(*_due_in(since, until), *_at(nodes))
        if cursor is not None:
            query = query.where(BreachRow.id < cursor)
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(BreachRow.id.desc()).limit(limit + 1)).all()
            items = tuple(_breach_of(row) for row in rows[:limit])
            return BreachPage(items, items[-1].id if len(rows) > limit else None)

    def breach_figures(self, since: datetime, until: datetime, nodes: Sequence[str] | None = None) -> BreachFigures:
        """How many deadlines of [since, until) were met and how many were not."""
        kinds = (BreachRow.category, BreachRow.severity)
        query = select(*kinds, func.count()).where(*_due_in(since, until), *_at(nodes)).group_by(*kinds)
        by_category: Counter[str] = Counter()
        by_severity: Counter[str] = Counter()
        with self._database.reading() as session:
            for category, severity, count in session.execute(query):
                by_category[category] += count
                by_severity[severity] += count
            met = _count_met(session, since, until, nodes)
        return BreachFigures(met, by_category.total(), dict(by_category), dict(by_severity))

    def similar_to(self, alert_id: str, around: Sequence[str], limit: int = 5) -> tuple[Similar, ...]:
        """Cleared alerts of the same category and medium: at the same place, or found by the same rule around it.

        `around` are the nodes that count as its surroundings (its building). Those that share more come first, then
        the latest. Raises: UnknownAlertError.
        """
        with self._database.reading() as session:
            found = is_storable(alert_id)
            alert = session.get(AlertRow, alert_id, execution_options=WITH_DRILLS) if found else None
            if alert is None:
                raise UnknownAlertError(alert_id)
            alike = {row.id: row for row in _candidates(session, alert, [n for n in around if is_storable(n)])}
            ranked = sorted(alike.values(), key=lambda r: (-len(_common(r, alert)), -r.raised_ms, r.id))
            return tuple(Similar(alert_of(row), _common(row, alert)) for row in ranked[:limit])


def _due_in(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    out: list[ColumnElement[bool]] = []
    if since is not None:
        out.append(BreachRow.due_ms >= ms_of(since))
    if until is not None:
        out.append(BreachRow.due_ms < ms_of(until))
    return out


def _at(nodes: Sequence[str] | None) -> list[ColumnElement[bool]]:
    return [] if nodes is None else [BreachRow.node.in_([n for n in nodes if is_storable(n)])]


def _count_met(session: Session, since: datetime, until: datetime, nodes: Sequence[str] | None) -> int:
    query = select(func.count()).select_from(AlertRow).where(AlertRow.is_breached.is_(False))
    query = query.where(AlertRow.is_acknowledged.is_(True))
    query = query.where(AlertRow.due_ms >= ms_of(since), AlertRow.due_ms < ms_of(until))
    if nodes is not None:
        query = query.where(AlertRow.node.in_([n for n in nodes if is_storable(n)]))
    return session.scalar(query) or 0


def _candidates(session: Session, alert: AlertRow, around: list[str]) -> list[AlertRow]:
    past = (
        AlertRow.category == alert.category, AlertRow.medium == alert.medium, AlertRow.is_active.is_(False),
        AlertRow.closed_ms < _NO_END_MS, AlertRow.id != alert.id,
    )  # fmt: skip
    query = select(AlertRow).where(*past).order_by(AlertRow.closed_ms.desc()).limit(_CANDIDATES)
    here = session.scalars(query.where(AlertRow.node == alert.node)).all()
    near = session.scalars(query.where(AlertRow.node.in_(around), AlertRow.rule == alert.rule)).all()
    return [*here, *near]


def _common(row: AlertRow, alert: AlertRow) -> tuple[str, ...]:
    shared = {"place": row.node == alert.node, "rule": row.rule == alert.rule}
    return tuple(name for name, is_shared in shared.items() if is_shared)


def _episode_of(row: EpisodeRow) -> Episode:
    return Episode(
        number=row.number,
        incident=row.incident,
        detected_at=moment_of(row.detected_ms),
        onset_at=moment_of(row.onset_ms),
        closed_at=moment_of(row.closed_ms),
        severity=Severity(row.severity),
        loss_total=row.loss_total,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        resolved_by=row.resolved_by,
    )


def _breach_of(row: BreachRow) -> Breach:
    return Breach(
        id=row.id,
        alert_id=row.alert_id,
        due_at=moment_of(row.due_ms),
        at=moment_of(row.at_ms),
        node=row.node,
        category=Category(row.category),
        severity=Severity(row.severity),
        assigned_to=row.assigned_to,
    )
