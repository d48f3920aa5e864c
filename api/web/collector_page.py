"""The page about collecting: what is wrong first."""

from __future__ import annotations

from dataclasses import dataclass

from api.system.collector import age_s
from api.web.rendering import Reader
from metering.health import HealthReport, MeterHealth

_LATE_PERIODS = 3.0
_LATE_S = 3600.0  # where the site file does not say how often a meter is read


@dataclass(frozen=True, slots=True)
class MeterLine:
    """One meter. `state` is ok, late, silent (never heard of) or broken (its breaker is open)."""

    health: MeterHealth
    place: str
    medium: str
    age_s: float | None
    state: str
    share: float | None


@dataclass(frozen=True, slots=True)
class CollectorView:
    """The whole page. Shares are of 1."""

    report: HealthReport
    lines: tuple[MeterLine, ...]
    meters: int
    troubled: int
    connected: int
    expected: int
    received: int
    stored: int
    share: float | None
    only_troubled: bool
    journal_age_s: float | None  # of the oldest entry it keeps


_ORDER = {"broken": 0, "silent": 1, "late": 2, "ok": 3}


def build_collector_view(report: HealthReport, reader: Reader, *, only_troubled: bool) -> CollectorView:
    """Meters in trouble come first."""
    lines = sorted((_line(m, report, reader) for m in report.meters), key=lambda line: _ORDER[line.state])
    expected, received = sum(m.expected for m in report.meters), sum(m.received for m in report.meters)
    troubled = sum(line.state != "ok" for line in lines)
    return CollectorView(
        report=report,
        lines=tuple(line for line in lines if line.state != "ok" or not only_troubled),
        meters=len(lines),
        troubled=troubled,
        connected=sum(c.state == "connected" for c in report.connections),
        expected=expected,
        received=received,
        stored=sum(m.stored for m in report.meters),
        share=received / expected if expected else None,
        only_troubled=only_troubled,
        journal_age_s=age_s(report, report.journal.oldest),
    )


def _line(health: MeterHealth, report: HealthReport, reader: Reader) -> MeterLine:
    meter = reader.site.meters.get(health.meter)
    age = age_s(report, health.last_reading)
    period = meter.poll_s if meter is not None and meter.poll_s else None
    place = reader.wording.place_name(meter.node) if meter is not None and meter.node else ""
    return MeterLine(
        health=health,
        place=place,
        medium=meter.medium if meter is not None else "",
        age_s=age,
        state=_state(health, age, _LATE_PERIODS * period if period else _LATE_S),
        share=min(1.0, health.received / health.expected) if health.expected else None,
    )


def _state(health: MeterHealth, age: float | None, late_after_s: float) -> str:
    if health.breaker == "open":
        return "broken"
    if age is None:
        return "silent" if health.expected else "ok"
    return "late" if age > late_after_s else "ok"
