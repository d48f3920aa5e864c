"""What meters of the campus say of themselves while something is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from metering.batch import MeterEvent
from metering.meter_alarms import OFF, ON
from simulators.campus.faults import KINDS, Fault


def words(faults: Iterable[Fault], start: np.datetime64, end: np.datetime64) -> list[MeterEvent]:
    """What is said with start <= time < end, in order of time."""
    said = [w for fault in faults if fault.meter and KINDS[fault.kind].word for w in _of(fault, fault.meter)]
    return sorted((w for w in said if start <= w.time < end), key=lambda w: (w.time, w.meter))


def _of(fault: Fault, meter: str) -> Iterator[MeterEvent]:
    code = KINDS[fault.kind].word
    yield MeterEvent(meter, np.datetime64(fault.start_ms, "ms"), code, ON)
    if fault.end_ms is not None:
        yield MeterEvent(meter, np.datetime64(fault.end_ms, "ms"), code, OFF)
