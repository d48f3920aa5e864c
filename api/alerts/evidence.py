"""What the rules put into an alert's evidence, read with tolerance: an older or newer rule may leave members out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.values import Alert


def main_details(alert: Alert) -> Mapping[str, Any]:
    """The details of the finding that raised the alert; empty where they are not there."""
    findings = alert.evidence.get("findings")
    listed = [f for f in findings if isinstance(f, Mapping)] if isinstance(findings, list) else []
    own = [f for f in listed if f.get("rule") == alert.rule and f.get("subject") == alert.subject] or listed
    details = own[0].get("details") if own else None
    return details if isinstance(details, Mapping) else {}


def joined_rules(alert: Alert) -> tuple[str, ...]:
    """The rules whose findings make up the alert, the raising one first."""
    findings = alert.evidence.get("findings")
    rules = [str(f.get("rule", "")) for f in findings if isinstance(f, Mapping)] if isinstance(findings, list) else []
    return tuple(dict.fromkeys(r for r in (alert.rule, *rules) if r))


def loss_uncertainty(alert: Alert) -> tuple[float, float] | None:
    """One sigma of the loss's rate (m3/h or kW) and total (m3 or kWh); None where the rules did not say."""
    given = alert.evidence.get("loss")
    if not isinstance(given, Mapping):
        return None
    rate, total = (given.get(name) for name in ("rate_uncertainty", "total_uncertainty"))
    return (float(rate), float(total)) if isinstance(rate, int | float) and isinstance(total, int | float) else None
