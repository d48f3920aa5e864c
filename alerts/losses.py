"""What an alert has lost so far: what the rules counted, and on from there at the rate they saw. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from alerts.values import Alert

# The rules tell of a leak that goes on at least once a day; beyond this their last word is too old to go on from.
_GOES_ON = timedelta(hours=26)


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
