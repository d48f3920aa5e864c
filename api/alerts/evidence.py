"""What the rules put into an alert's evidence, read with tolerance: an older or newer rule may leave members out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alerts.values import Alert


def main_details(alert: Alert) -> Mapping[str, Any]:
    """The details of the finding that raised the alert; empty where they are not there."""
    findings = alert.evidence.get("findings")
    listed = [f for f in findings if isinstance(f, Mapping)] if isinstance(findings, list) else []
    own = [f for f in listed if f.get("rule") == alert.rule and f.get("subject") == alert.subject] or listed
    details = own[0].get("details") if own else None
    return details if isinstance(details, Mapping) else {}


def as_of(alert: Alert) -> datetime:
    """The moment up to which the figures count: the end of the series the rules name, else when it was written."""
    series = alert.evidence.get("series")
    try:
        said = datetime.fromisoformat(str(series["end"])) if isinstance(series, Mapping) else None
    except (KeyError, ValueError):
        said = None
    return said if said is not None and said.tzinfo else alert.updated_at
