"""Small sites, readings of simple meters, findings by hand, and a detector that only writes down what it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from metering.batch import ReadingBatch, batch_of, concatenate
from metering.incident import Category, Severity
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site
from rules.blocks import IntervalBlock
from rules.detectors.settings import DetectorSettings
from rules.findings import Finding, FindingPhase

T0 = np.datetime64("2026-03-01T16:00:00", "ms")  # a local midnight in Shanghai
HOUR = np.timedelta64(3_600_000, "ms")
MINUTE = np.timedelta64(60_000, "ms")


def campus_document() -> dict[str, Any]:
    """A campus with two dorms; dorm-1 has two floors. Water all the way, an electricity meter a room."""
    return {
        "site": {"id": "test", "timezone": "Asia/Shanghai"},
        "nodes": [
            {"id": "campus", "kind": "campus"},
            {"id": "dorm-1", "kind": "building", "parent": "campus", "use": "dormitory"},
            {"id": "dorm-2", "kind": "building", "parent": "campus", "use": "dormitory"},
            {"id": "floor-1", "kind": "floor", "parent": "dorm-1"},
            {"id": "floor-2", "kind": "floor", "parent": "dorm-1"},
            {"id": "room-1", "kind": "room", "parent": "floor-1"},
            {"id": "room-2", "kind": "room", "parent": "floor-1"},
        ],
        "meters": [
            {"id": "W", "medium": "water", "node": "campus"},
            {"id": "W1", "medium": "water", "node": "dorm-1", "parent": "W", "connection": "tcp://10.0.0.1:502"},
            {"id": "W2", "medium": "water", "node": "dorm-2", "parent": "W"},
            {"id": "W11", "medium": "water", "node": "floor-1", "parent": "W1", "connection": "tcp://10.0.0.1:502"},
            {"id": "W12", "medium": "water", "node": "floor-2", "parent": "W1", "connection": "tcp://10.0.0.1:502"},
            {"id": "E1", "medium": "electricity", "node": "room-1", "connection": "tcp://10.0.0.2:502"},
            {"id": "E2", "medium": "electricity", "node": "room-2", "connection": "tcp://10.0.0.2:502"},
        ],
    }


@pytest.fixture
def site() -> Site:
    return parse_site(campus_document())


MakeFinding = Callable[..., Finding]


@pytest.fixture
def make_finding(site: Site) -> MakeFinding:
    """A finding by rule and meter; `hours` after T0, its onset `since` hours before."""

    def make(
        rule: str,
        subject: str,
        phase: str = "open",
        *,
        hours: float = 0.0,
        size: float = 0.5,
        since: float = 2.0,
        **more: Any,
    ) -> Finding:
        at = T0 + np.timedelta64(round(hours * 3_600_000), "ms")
        meter = site.meters[subject]
        category = {"meter_health": Category.DATA_QUALITY, "peer_usage": Category.CONSUMPTION}.get(rule, Category.LEAK)
        values: dict[str, Any] = {
            "phase": FindingPhase(phase), "rule": rule, "subject": subject, "node": meter.node, "category": category,
            "medium": meter.medium, "severity": Severity.WARNING, "at": at,
            "onset": at - np.timedelta64(round(since * 3_600_000), "ms"), "observed": size, "expected": 0.0,
            "unit": "m3/h", "size": size, "uncertainty": 0.05 * size,
        }  # fmt: skip
        return Finding(**{**values, **more})

    return make


@pytest.fixture
def make_fault(make_finding: MakeFinding) -> MakeFinding:
    """A data-quality finding of some kind."""

    def make(kind: str, subject: str, phase: str = "open", **more: Any) -> Finding:
        return make_finding("meter_health", subject, phase, size=0.0, **{"evidence": {"condition": kind}, **more})

    return make


class Recorder:
    """A detector that says nothing and writes down every step it is given, row by row."""

    rule = "recorder"
    warm_up_days = 0
    quantities = ()
    Settings = DetectorSettings
    seen: list[tuple[Any, ...]]
    events: list[Any]

    def __init__(self, *_: Any) -> None:
        self.seen, self.events, self.block_days = [], [], []

    def process(self, block: IntervalBlock) -> Sequence[Finding]:
        steps = np.arange(block.first_step, block.first_step + block.steps)
        self.block_days.append({int(s) for s in (steps * 15 + 8 * 60) // 1440})
        for i in range(block.steps):
            row = tuple(None if np.isnan(v) else round(float(v), 9) for v in block.usage[i])
            self.seen.append(
                (
                    block.first_step + i, row, tuple(block.quality[i].tolist()), str(block.judged_at[i]),
                    int(block.local_minute[i]), block.local_day, bool(block.ours[i]), tuple(block.flagged.tolist()),
                )
            )  # fmt: skip
        return ()

    def observe(self, events: Sequence[Any], at: np.datetime64) -> Sequence[Finding]:
        self.events += [(e.meter, e.kind.value, str(at), len(self.seen)) for e in events]
        return ()

    def state(self) -> dict[str, Any]:
        return {"seen": len(self.seen)}

    def restore(self, state: dict[str, Any]) -> None:
        self.seen = [()] * state["seen"]


def readings(
    meters: Sequence[str],
    quantity: str,
    start: np.datetime64,
    steps: int,
    every_s: int = 900,
    rates: Sequence[float] = (),
    offset_s: Sequence[int] = (),
) -> ReadingBatch:
    """Registers read on a grid, in the order of time; `rates` per hour, `offset_s` seconds after the grid by meter."""
    n = len(meters)
    rates = rates or [1.0 + i for i in range(n)]
    offsets = np.array(offset_s or [0] * n) * 1000
    time = start + np.arange(steps)[:, None] * np.timedelta64(every_s * 1000, "ms") + offsets[None, :].astype("m8[ms]")
    value = (time - T0).astype(np.int64) / 3.6e6 * np.array(rates)[None, :]
    meter = np.broadcast_to(np.arange(n), (steps, n))
    order = np.argsort(time.ravel(), kind="stable")
    return batch_of(
        tuple(meters), meter.ravel()[order], BY_NAME[quantity].code, time.ravel()[order], value.ravel()[order]
    )


@pytest.fixture
def make_readings() -> Callable[..., ReadingBatch]:
    return readings


def cut(batch: ReadingBatch, places: Sequence[int]) -> Iterator[ReadingBatch]:
    """The batch cut before these rows."""
    edges = [0, *sorted({p for p in places if 0 < p < len(batch)}), len(batch)]
    for a, b in pairwise(edges):
        yield batch.take(np.arange(a, b))


@pytest.fixture
def cut_at() -> Callable[..., Iterator[ReadingBatch]]:
    return cut


def in_time_order(*batches: ReadingBatch) -> ReadingBatch:
    """One batch of all rows, oldest first."""
    joined = concatenate(batches)
    return joined.take(np.argsort(joined.time, kind="stable"))


@pytest.fixture
def joined() -> Callable[..., ReadingBatch]:
    return in_time_order


@pytest.fixture
def recorder() -> type[Recorder]:
    return Recorder
