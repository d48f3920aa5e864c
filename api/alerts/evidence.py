"""What the rules put into an alert's evidence, read with tolerance: an older or newer rule may leave members out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from alerts.values import Alert

# The rules tell of a leak that goes on at least once a day; beyond this their last word is too old to go on from.
_GOES_ON = timedelta(hours=26)


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


def as_of(alert: Alert) -> datetime:
    """The moment up to which the figures count: the end of the series the rules name, else when it was written."""
    series = alert.evidence.get("series")
    try:
        said = datetime.fromisoformat(str(series["end"])) if isinstance(series, Mapping) else None
    except (KeyError, ValueError):
        said = None
    return said if said is not None and said.tzinfo else alert.updated_at


def is_counting(alert: Alert, now: datetime) -> bool:
    """Whether its loss may be thought on from `loss_total` at `loss_rate`: it is active and not told long ago."""
    rate = alert.loss_rate or 0.0
    return alert.is_active and rate > 0 and alert.loss_total is not None and now - as_of(alert) <= _GOES_ON


def loss_until(alert: Alert, now: datetime) -> float | None:
    """The loss up to now, m3 or kWh: what the rules counted, and since then at the rate they saw. An estimate."""
    if not is_counting(alert, now) or alert.loss_total is None or alert.loss_rate is None:
        return alert.loss_total
    return alert.loss_total + alert.loss_rate * max(0.0, (now - as_of(alert)) / timedelta(hours=1))


def loss_uncertainty(alert: Alert) -> tuple[float, float] | None:
    """One sigma of the loss's rate (m3/h or kW) and total (m3 or kWh); None where the rules did not say."""
    given = alert.evidence.get("loss")
    if not isinstance(given, Mapping):
        return None
    rate, total = (given.get(name) for name in ("rate_uncertainty", "total_uncertainty"))
    return (float(rate), float(total)) if isinstance(rate, int | float) and isinstance(total, int | float) else None
