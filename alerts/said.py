"""Words for the rules, written in the transaction of the act that says them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.feedback_models import FeedbackRow
from alerts.models import AlertRow
from alerts.values import Actor, Outcome
from metering.feedback import WITHDRAWN
from metering.quantities import MEDIA

_ECHO = "echo"  # the part of a finding that another place's meter shows again


def say_outcome(session: Session, alert: AlertRow, before: str | None, actor: Actor, text: str, now_ms: int) -> None:
    """The alert's outcome is another one than `before`.

    Of a drill nothing is said. An alert that came back is a case of its own: its new outcome stands beside the one it
    had.
    """
    if alert.outcome == before or alert.drill is not None:  # of a drill the rules learn nothing
        return
    word = word_of(actor, now_ms, outcome=WITHDRAWN if alert.outcome is None else alert.outcome, alert_id=alert.id)
    word.judged, word.text = judged_in(alert), text
    if alert.outcome == Outcome.PLANNED_USE.value:
        word.node, word.medium = alert.node, alert.medium if alert.medium in MEDIA else None
        word.start_ms = alert.onset_ms
        word.end_ms = max(alert.closed_ms or now_ms, alert.onset_ms + 1)
    standing = None if before is None else _latest(session, alert.id)
    if standing is not None or alert.outcome is not None:
        put(session, word, standing)


def word_of(actor: Actor, now_ms: int, **values: Any) -> FeedbackRow:
    """A word of nothing else than these values."""
    blank: dict[str, Any] = {"judged": [], "text": ""}
    return FeedbackRow(at_ms=now_ms, actor=actor.name, origin=actor.origin, **blank | values)


def put(session: Session, word: FeedbackRow, standing: FeedbackRow | None) -> None:
    """Add the word, in the place of one that stood."""
    word.replaces = None if standing is None else standing.id
    session.add(word)
    session.flush()
    if standing is not None:
        standing.replaced_by = word.id


def judged_in(alert: AlertRow) -> list[list[str]]:
    """Rule and subject of each finding that the alert is made of, the raising one first; echoes are left out."""
    findings = alert.evidence.get("findings")
    own = [f for f in findings if isinstance(f, Mapping)] if isinstance(findings, list) else []
    pairs = [(str(f.get("rule")), str(f.get("subject"))) for f in own if f.get("role") != _ECHO]
    return [list(pair) for pair in dict.fromkeys([(alert.rule, alert.subject), *pairs])]


def _latest(session: Session, alert_id: str) -> FeedbackRow | None:
    """The alert's newest word that stands."""
    standing = select(FeedbackRow).where(
        FeedbackRow.alert_id == alert_id, FeedbackRow.replaced_by.is_(None), FeedbackRow.outcome != WITHDRAWN
    )
    return session.scalars(standing.order_by(FeedbackRow.id.desc()).limit(1)).one_or_none()
