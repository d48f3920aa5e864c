"""What may break while readings come in, and what must be true of every reading afterwards."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.harness.account import Row, account
from bench.harness.damage import damage
from bench.harness.history import History
from bench.harness.services import ALERTS, until
from bench.harness.stage import COLLECTOR, Ground, Stage
from deploy.services.influxd import Influx
from metering.health import HealthReport

Alerts = list[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Case:
    """One fault.

    fault         does it, `seconds` long, and mends it
    is_survived   one copy of every reading outlives it: nothing may be lost
    are_alerts_same  what is lost is lost to the store alone: the rules had it
    told          how many readings the program itself says are lost
    """

    name: str
    fault: Callable[[Stage, float], None]
    is_survived: bool = True
    are_alerts_same: bool = True
    told: Callable[[HealthReport, History], int] = field(default=lambda health, _: dropped(health))
    ground: Ground = field(default_factory=Ground)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case's row of the table, the alerts there were, and those that are not as they would have been."""

    row: Row
    alerts: Alerts
    differing: Alerts


def run(
    case: Case, folder: Path, influx: Influx, seconds: float, *, seed: int = 1, undisturbed: Alerts | None = None
) -> Outcome:
    """Let it happen, and account for every reading. Without `undisturbed` alerts there is nothing to compare with."""
    history = History()
    stage = Stage(folder, influx, history, seed=seed, ground=case.ground, trickle_s=seconds)
    try:
        case.fault(stage, seconds)
        health = stage.see_through()
        store = stage.services.store()
        try:
            found = account(history.readings(), store)
        finally:
            store.close()
        alerts = [_content(row) for row in stage.services.alerts()]
    finally:
        stage.close()
    is_compared = undisturbed is not None and case.are_alerts_same
    differing = sorted(set(alerts) ^ set(undisturbed or ()), key=str) if is_compared else []
    told = case.told(health, history)
    row = Row(
        case.name,
        found.expected,
        found.stored,
        found.lost,
        told,
        found.doubled,
        len(differing) if is_compared else None,
    )
    return Outcome(row, alerts, differing)


def _content(alert: Sequence[object]) -> tuple[object, ...]:
    """An alert but for its evidence and what was usual: those depend on how readings were cut into entries."""
    columns = zip(ALERTS.split(", "), alert, strict=True)
    return tuple(value for name, value in columns if name not in {"evidence", "expected"})


def dropped(health: HealthReport) -> int:
    """Readings that the collector's journal has given up. What its stream alone gave up, the store has."""
    prefix, ending = f"{COLLECTOR}/", "_readings"
    return sum(
        count
        for reason, count in health.journal.dropped.items()
        if reason.startswith(prefix) and reason.endswith(ending) and not reason.startswith(f"{prefix}stream_")
    )


def missing(health: HealthReport, history: History) -> int:
    """Readings that were due by the meters' periods and never came, but for those that no meter sent."""
    due = sum(max(0, meter.expected - meter.received) for meter in health.meters)
    return due - history.never_sent() + dropped(health)


# -- faults ----------------------------------------------------------------------------------------------


def nothing(_stage: Stage, _seconds: float) -> None:
    pass


def broker_stopped(stage: Stage, seconds: float) -> None:
    stage.broker.stop()
    time.sleep(seconds)
    stage.broker.start()


def broker_killed(stage: Stage, seconds: float) -> None:
    """While the collector hangs, so that the broker alone has what it acknowledged."""
    collector = stage.processes["collect"]
    collector.send(signal.SIGSTOP)
    until(lambda: stage.meters.is_at(0.3), "the broker has messages for a collector that hangs")
    stage.broker.stop(is_kill=True)
    collector.send(signal.SIGCONT)
    time.sleep(seconds / 4)
    stage.broker.start()


def store_stopped(stage: Stage, seconds: float) -> None:
    stage.influx.stop()
    try:
        time.sleep(seconds)
    finally:
        stage.influx.start()


def killed(service: str, times: int) -> Callable[[Stage, float], None]:
    def fault(stage: Stage, seconds: float) -> None:
        moments = [0.0, *sorted(stage.random.uniform(0.0, 1.0, times).tolist())]
        for before, moment in pairwise(moments):
            time.sleep((moment - before) * seconds / 2)
            stage.kill(service)
            stage.start(service)

    return fault


def page_killed(stage: Stage, seconds: float) -> None:
    stage.start("serve")
    killed("serve", 3)(stage, seconds)


def disk_filled(stage: Stage, seconds: float) -> None:
    if stage.disk is None:
        raise ValueError("this case needs a disk of its own")
    stage.disk.fill()
    time.sleep(seconds)
    stage.disk.free()


def page_corrupted(stage: Stage, _seconds: float) -> None:
    """While the store is away, so that the journal alone has what it acknowledged."""
    stage.influx.stop()
    try:
        until(lambda: stage.meters.is_at(0.8), "the journal has readings that the store has not")
        until(lambda: stage.services.lag(f"{COLLECTOR}/stream") == 0, "watch has them too")
        stage.processes["collect"].stop()
        damage(stage.collector_folder / "journal.db", stage.random)
    finally:
        stage.influx.start()
    stage.start("collect")


def cap_reached(stage: Stage, seconds: float) -> None:
    stage.influx.stop()
    try:
        until(lambda: stage.meters.is_at(1.0), "the meters have sent all but the last part", seconds * 10)
        until(lambda: (found := stage.health()) is not None and dropped(found) > 0, "the journal is past its cap")
        until(lambda: stage.services.lag(f"{COLLECTOR}/stream") == 0, "watch has all of it")
    finally:
        stage.influx.start()


UNDISTURBED = Case("nothing happens", nothing)
CASES = (
    Case("broker stopped", broker_stopped),
    Case("broker killed with -9", broker_killed, is_survived=False, are_alerts_same=False, told=missing),
    Case("InfluxDB stopped", store_stopped),
    Case("InfluxDB slow", nothing, ground=Ground(store_delay_s=0.2)),
    Case("collect killed with -9", killed("collect", 4)),
    Case("watch killed with -9", killed("watch", 4)),
    Case("serve killed with -9", page_killed),
    Case("disk full", disk_filled, ground=Ground({"free_disk_floor_mb": 0}, disk_mb=24)),
    Case("free-disk floor", disk_filled, ground=Ground({"free_disk_floor_mb": 8}, disk_mb=24)),
    Case("journal damaged", page_corrupted, is_survived=False),
    Case("journal's cap reached", cap_reached, is_survived=False, ground=Ground(cap_mb=1)),
)
