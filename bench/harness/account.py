"""What became of each reading: expected and stored ones compared one by one, by meter, quantity, time and value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

import numpy as np

from aquavolt.stores.influx.influx_store import InfluxStore
from bench.harness.history import PERIOD, QUANTITIES, START, Key
from metering.batch import ReadingBatch
from metering.quantities import BY_CODE


@dataclass(frozen=True, slots=True)
class Row:
    """One case of the table.

    lost     readings that a meter sent and that are not stored as it sent them
    told     how many the program itself says are lost
    doubled  readings that are stored and that no meter sent: one that came twice, with another time
    alerts   how many differ from those of the undisturbed run; None where lost readings may change them
    """

    case: str
    expected: int
    stored: int
    lost: int
    told: int
    doubled: int
    alerts: int | None

    @property
    def is_as_it_should(self) -> bool:
        """Nothing is lost in silence, nothing is there twice, alerts are as they would have been."""
        return self.lost == self.told and not self.doubled and not self.alerts


@dataclass(frozen=True, slots=True)
class Account:
    """The stored readings against those that were sent."""

    expected: int
    stored: int
    lost: int
    doubled: int


def account(sent: Mapping[Key, float], store: InfluxStore) -> Account:
    """Read all that is stored and compare."""
    end = np.datetime64(max(time for _, _, time in sent), "ms") + PERIOD
    found = _by_key(store.read(sorted({meter for meter, _, _ in sent}), QUANTITIES, START, end))
    beyond = sum(store.count().values()) - len(found)  # of other quantities or times
    kept = sum(found.get(key) == value for key, value in sent.items())
    strange = sum(key not in sent for key in found)
    return Account(len(sent), len(found) + beyond, len(sent) - kept, strange + beyond)


def _by_key(batch: ReadingBatch) -> dict[Key, float]:
    names = {code: quantity.name for code, quantity in BY_CODE.items()}
    columns = (
        batch.meter.tolist(),
        batch.quantity.tolist(),
        batch.time.astype(np.int64).tolist(),
        batch.value.tolist(),
    )
    return {
        (batch.meters[meter], names[quantity], time): value
        for meter, quantity, time, value in zip(*columns, strict=True)
    }


def table(rows: Iterable[Row]) -> str:
    """As Markdown."""
    head = ("case", "expected", "stored", "lost", "reported lost", "doubled", "alerts that differ")
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *(map(_cell, astuple(row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
