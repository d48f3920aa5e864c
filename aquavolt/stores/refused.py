"""Points that InfluxDB has refused for good: shown, and written again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.local_file import LocalFile, SetAside
from aquavolt.stores.influx.settings import InfluxSettings
from metering.batch import ReadingBatch, to_datetime
from metering.quantities import BY_CODE


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal: when, for which measurement, why, and its points as plain values."""

    number: int
    at: str
    measurement: str
    reason: str
    points: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """Points that were tried, and those of them that are set aside still."""

    points: int
    left: int


def refused(path: Path) -> Iterator[Refused]:
    """What is set aside in the file, oldest first; nothing where there is no file.

    Raises:
        StoreUnavailableError: the file cannot be read.
    """
    if not path.exists():
        return
    with closing(LocalFile(path)) as local:
        for aside in local.quarantine():
            at = datetime.fromtimestamp(aside.at_ms / 1000, UTC).isoformat(timespec="seconds")
            yield Refused(aside.id, at, aside.measurement, aside.reason, tuple(_points(aside.batch)))


def _points(batch: ReadingBatch) -> Iterator[dict[str, Any]]:
    for row in range(len(batch)):
        yield {
            "meter": batch.meters[batch.meter[row]],
            "quantity": BY_CODE[int(batch.quantity[row])].name,
            "time": to_datetime(batch.time[row]).isoformat(),
            "value": float(batch.value[row]),
            "quality": int(batch.quality[row]),
        }


def replay(influx: InfluxSettings, folder: Path) -> Replayed:
    """Write everything that is set aside again, each once.

    Raises:
        StoreUnavailableError: InfluxDB is not there; what was not written stays set aside.
    """
    with closing(InfluxStore(influx, folder)) as store:
        waiting: list[SetAside] = list(store.quarantine())
        for aside in waiting:
            store.replay(aside)
        return Replayed(sum(len(aside.batch) for aside in waiting), store.health().quarantined)
