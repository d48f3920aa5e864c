"""`/metrics` for Prometheus, collected when asked for; one registry an application, no globals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.responses import Response

from alerts.users.roles import Permission
from api.parts import ApiParts
from api.permits import needs
from api.problem_schema import problems
from api.system.collector import age_s
from metering.health import HealthReport, MeterHealth

router = APIRouter(tags=["health"])

_METER_COUNTERS = {
    "expected": "Readings that were due",
    "received": "Readings that arrived",
    "stored": "Readings the store confirmed",
    "skipped": "Polls skipped because the one before still ran",
    "errors": "Requests that failed",
}
_BREAKERS = ("closed", "probing", "open")


class HealthCollector(Collector):
    """Reads the health report and the alert counts at every scrape."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """Every metric family."""
        report = self._parts.health()
        yield from _meter_metrics(report)
        yield from _connection_metrics(report)
        yield from _journal_metrics(report)
        yield from self._program_metrics()

    def _program_metrics(self) -> Iterator[Metric]:
        counts = self._parts.records.count_alerts()
        values = {
            "active": counts.active,
            "unacknowledged": counts.unacknowledged,
            "critical": counts.critical,
            "inhibited": counts.inhibited,
        }
        rows = (([k], v) for k, v in values.items())
        yield _gauge("aquavolt_alerts", "Alerts, by how they stand", ["state"], rows)
        ready = float(self._parts.is_ready().is_ready)
        yield GaugeMetricFamily("aquavolt_ready", "1 once history is judged", value=ready)
        yield GaugeMetricFamily("aquavolt_stream_readers", "Open live streams", value=self._parts.stream.readers)


Rows = Iterable[tuple[list[str], float]]


def _gauge(name: str, text: str, labels: list[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _counter(name: str, text: str, labels: list[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _meter_metrics(report: HealthReport) -> Iterator[Metric]:
    def rows(of: Callable[[MeterHealth], float]) -> Rows:
        return (([m.meter, m.connection], of(m)) for m in report.meters)

    labels = ["meter", "connection"]
    for name, text in _METER_COUNTERS.items():
        yield _counter(f"aquavolt_meter_{name}", text, labels, rows(lambda m, name=name: getattr(m, name)))  # type: ignore[misc]
    ages = ((m, age_s(report, m.last_reading)) for m in report.meters)
    known = (([m.meter, m.connection], age) for m, age in ages if age is not None)
    yield _gauge("aquavolt_meter_reading_age_seconds", "Age of the newest reading", labels, known)
    opened = rows(lambda m: float(_BREAKERS.index(m.breaker)) if m.breaker in _BREAKERS else -1.0)
    yield _gauge("aquavolt_meter_breaker", "0 closed, 1 probing, 2 open", labels, opened)


def _connection_metrics(report: HealthReport) -> Iterator[Metric]:
    lines, labels = report.connections, ["connection"]
    up = (([c.connection], float(c.state == "connected")) for c in lines)
    yield _gauge("aquavolt_connection_up", "1 while connected", labels, up)
    for name in ("requests", "errors", "reconnects"):
        rows = (([c.connection], getattr(c, name)) for c in lines)
        yield _counter(f"aquavolt_connection_{name}", f"{name.capitalize()} on the connection", labels, rows)


def _journal_metrics(report: HealthReport) -> Iterator[Metric]:
    journal = report.journal
    yield GaugeMetricFamily("aquavolt_journal_entries", "Entries in the journal", value=journal.entries)
    yield GaugeMetricFamily("aquavolt_journal_bytes", "Bytes of the journal", value=journal.bytes)
    # Both absent where there is nothing to say: an empty journal has no oldest entry.
    if (age := age_s(report, journal.oldest)) is not None:
        yield GaugeMetricFamily("aquavolt_journal_oldest_age_seconds", "Age of the oldest entry kept", value=age)
    if journal.free_bytes is not None:
        yield GaugeMetricFamily("aquavolt_journal_free_bytes", "Free on the journal's volume", value=journal.free_bytes)
    lag = (([k], v) for k, v in journal.lag.items())
    yield _gauge("aquavolt_journal_lag_entries", "Entries behind the journal's head", ["reader"], lag)
    dropped = (([k], v) for k, v in journal.dropped.items())
    yield _counter("aquavolt_journal_dropped", "Entries dropped", ["reason"], dropped)
    aside = (([k], v) for k, v in report.set_aside.items())
    yield _counter("aquavolt_set_aside", "What was refused", ["reason"], aside)


def registry_of(parts: ApiParts) -> CollectorRegistry:
    """The registry of one application."""
    registry = CollectorRegistry()
    # Not asked once at registration: the health report may not be there yet.
    registry.register(HealthCollector(parts))
    return registry


@router.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(401, 403, 421)},
    response_class=Response,
    summary="Metrics for Prometheus",
    dependencies=[needs(Permission.METRICS_READ)],
)
def get_metrics(request: Request) -> Response:
    """Text format 0.0.4."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
