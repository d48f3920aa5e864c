"""Open alerts and a rebuilt state of the rules, brought in line within one open transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.changes import ChangeWriter
from alerts.models import AlertRow
from metering.incident import ChangeKind, Incident, IncidentChange

_GONE = "no longer seen after a change of the program or of its rules"


def reconcile(session: Session, writer: ChangeWriter, incidents: Sequence[Incident], at_ms: int) -> list[AlertRow]:
    """Continue, raise and clear as `Records.reconcile` says; the rows written."""
    query = select(AlertRow).where(AlertRow.is_active.is_(True)).order_by(AlertRow.detected_ms, AlertRow.id)
    open_rows = {row.incident: row for row in session.scalars(query.with_for_update())}
    unseen = {incident: row for incident, row in open_rows.items() if incident not in {i.id for i in incidents}}
    _relink(session, unseen, [i for i in incidents if i.id not in open_rows])
    out = []
    for position, incident in enumerate(incidents):
        known = session.scalars(select(AlertRow).where(AlertRow.incident == incident.id)).one_or_none()
        goes_on = known is not None and known.is_active
        kind = ChangeKind.UPDATED if goes_on else ChangeKind.RAISED
        out.append(writer.write(position, IncidentChange(kind, incident, np.datetime64(at_ms, "ms"))))
    for row in unseen.values():
        writer.close(row, at_ms, _GONE)
        out.append(row)
    return out


def record_passed(session: Session, writer: ChangeWriter, passed: Sequence[Incident]) -> list[AlertRow]:
    """Alerts that were never seen open: raised and cleared at their own times; the rows written."""
    known = set(session.scalars(select(AlertRow.incident).where(AlertRow.incident.in_([i.id for i in passed]))))
    out = []
    for incident in passed:
        if incident.id in known or incident.closed_at is None:
            continue
        began = replace(incident, closed_at=None)
        writer.write(0, IncidentChange(ChangeKind.RAISED, began, incident.detected_at))
        out.append(writer.write(0, IncidentChange(ChangeKind.CLEARED, incident, incident.closed_at)))
    return out


def _relink(session: Session, unseen: dict[str, AlertRow], incidents: Sequence[Incident]) -> None:
    """Give an alert whose incident is gone the new incident of the same key, and take it out of `unseen`."""
    taken = set(session.scalars(select(AlertRow.incident).where(AlertRow.incident.in_([i.id for i in incidents]))))
    by_key = {(row.category, row.medium, row.node): row for row in unseen.values()}
    for incident in incidents:
        if incident.id in taken:  # a cleared alert of this very incident: it is opened again
            continue
        row = by_key.pop((incident.category.value, incident.medium, incident.node), None)
        if row is not None:
            del unseen[row.incident]
            row.incident = incident.id
    session.flush()
