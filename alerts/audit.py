"""Writing a line of an alert's history."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from alerts.models import AuditRow
from alerts.values import Action, Actor


def record(
    session: Session, alert_id: str, actor: Actor, action: Action, now_ms: int, detail: dict[str, Any], *,
    event_ms: int | None = None, text: str = "",
) -> None:  # fmt: skip
    """What somebody did to the alert, and how it stood then; `event_ms`: when it was so by the meters' time."""
    session.add(
        AuditRow(
            alert_id=alert_id, at_ms=now_ms, event_ms=event_ms, actor=actor.name, origin=actor.origin,
            action=action.value, text=text, detail=detail,
        )
    )  # fmt: skip
