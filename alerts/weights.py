"""What matters more: the order in which alerts stand in a message."""

from __future__ import annotations

from datetime import datetime

from alerts.values import Alert
from metering.incident import Category, Severity

SEVERITIES = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


def rank_of(severity: Severity) -> int:
    """0 to 2, more is worse."""
    return SEVERITIES.index(severity)


def worst(severities: list[Severity]) -> Severity:
    """The worst of them. Raises: ValueError without any."""
    return max(severities, key=rank_of)


def is_burst(alert: Alert) -> bool:
    """A leak so large that every minute counts."""
    return alert.category is Category.LEAK and alert.severity is Severity.CRITICAL


def weight_of(alert: Alert) -> tuple[bool, int, datetime, str]:
    """Sorts the weightiest first: bursts, then by severity, then the one that is known longest."""
    return (not is_burst(alert), -rank_of(alert.severity), alert.detected_at, alert.id)
