"""The page about collecting: the whole of it, and its connections. Meter by meter is the commissioning page's."""

from __future__ import annotations

from dataclasses import dataclass

from api.system.collector import age_s
from api.system.meter_states import TROUBLED, meter_rows
from api.web.rendering import Reader
from metering.health import HealthReport


@dataclass(frozen=True, slots=True)
class CollectorView:
    """The whole page. Shares are of 1."""

    report: HealthReport
    meters: int
    troubled: int
    connected: int
    expected: int
    received: int
    stored: int
    share: float | None
    journal_age_s: float | None  # of the oldest entry it keeps


def build_collector_view(report: HealthReport, reader: Reader) -> CollectorView:
    """Sums, and how many meters are in trouble."""
    states = [row.state for row in meter_rows(report, reader.site) if row.state != "unread"]
    expected, received = sum(m.expected for m in report.meters), sum(m.received for m in report.meters)
    return CollectorView(
        report=report,
        meters=len(states),
        troubled=sum(state in TROUBLED for state in states),
        connected=sum(c.state == "connected" for c in report.connections),
        expected=expected,
        received=received,
        stored=sum(m.stored for m in report.meters),
        share=received / expected if expected else None,
        journal_age_s=age_s(report, report.journal.oldest),
    )
