"""An incident that comes back soon after the meters cleared it is the same alert, within one open transaction."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.desk_models import EpisodeRow
from alerts.desk_policy import DeskPolicy
from alerts.models import AlertRow
from alerts.notices import look_at
from metering.incident import Category, Incident

_HOUR_MS = 3_600_000


def find_cleared(session: Session, incident: Incident, at_ms: int, policy: DeskPolicy) -> AlertRow | None:
    """The alert that this new incident continues: of the same key, cleared within the policy's window before it.

    A meter's fault is continued by the same meter's only: a node has many meters.
    """
    if not policy.reopen_h:
        return None
    earliest = at_ms - int(policy.reopen_h * _HOUR_MS)
    key = (
        AlertRow.category == incident.category.value,
        AlertRow.medium == incident.medium,
        AlertRow.node == incident.node,
    )
    query = select(AlertRow).where(*key, AlertRow.closed_ms.between(earliest, at_ms), AlertRow.is_active.is_(False))
    if incident.category is Category.DATA_QUALITY:
        query = query.where(AlertRow.subject == incident.subject)
    latest = query.order_by(AlertRow.closed_ms.desc(), AlertRow.id).limit(1)
    return session.scalars(latest.with_for_update()).one_or_none()


def reopen(session: Session, row: AlertRow, incident: str, at_ms: int, policy: DeskPolicy) -> None:
    """Keep what the row says as an episode of the past, and let it stand for the incident from `at_ms` (event time).

    Who has it keeps it, unless it was settled: then somebody has to take it anew, and the outcome was of that episode.
    """
    session.add(
        EpisodeRow(
            alert_id=row.id, number=row.reopened + 1, incident=row.incident, detected_ms=row.detected_ms,
            onset_ms=row.onset_ms, closed_ms=at_ms if row.closed_ms is None else row.closed_ms,
            severity=row.severity, loss_total=row.loss_total, outcome=row.outcome, resolved_by=row.resolved_by,
        )
    )  # fmt: skip
    session.flush()
    row.incident, row.reopened, row.reopened_ms = incident, row.reopened + 1, at_ms
    row.version += 1
    if row.outcome is not None:
        row.outcome = row.resolved_by = row.resolved_ms = None
        row.is_acknowledged, row.acknowledged_by, row.acknowledged_ms = False, None, None
    row.is_unstable = row.is_unstable or _times_back(session, row, at_ms, policy) >= policy.unstable_times


def _times_back(session: Session, row: AlertRow, at_ms: int, policy: DeskPolicy) -> int:
    """How often it came back within the policy's hours: each episode of the past was ended by one return."""
    since = at_ms - int(policy.unstable_h * _HOUR_MS)
    query = select(func.count()).where(EpisodeRow.alert_id == row.id, EpisodeRow.closed_ms >= since)
    return session.scalar(query) or 0


def alert_of_episode(session: Session, incident: str) -> AlertRow | None:
    """The alert that stood for an incident before it came back as another one."""
    query = select(AlertRow).join(EpisodeRow, EpisodeRow.alert_id == AlertRow.id)
    latest = query.where(EpisodeRow.incident == incident).order_by(EpisodeRow.detected_ms.desc()).limit(1)
    return session.scalars(latest.with_for_update()).one_or_none()


def settle_down(session: Session, now_ms: int, policy: DeskPolicy) -> list[AlertRow]:
    """The unstable alerts that neither came nor went for the policy's hours are unstable no more; these."""
    quiet_since = now_ms - int(policy.unstable_h * _HOUR_MS)
    last_change = func.coalesce(AlertRow.closed_ms, AlertRow.reopened_ms)
    query = select(AlertRow).where(AlertRow.is_unstable.is_(True), last_change < quiet_since)
    rows = list(session.scalars(query.with_for_update()))
    for row in rows:
        row.is_unstable = False
        look_at(session, row.id, now_ms)  # its groups kept it until now
    return rows
