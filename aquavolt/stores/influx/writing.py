"""Batches to InfluxDB: in bodies of a good size, on two connections at once, whatever the server says to them.

Rows of one channel stay in their order and go through the same lane, one body after the other, so that of two with the
same key the later one stays. Channel after channel, a point costs server and program a sixth less. A lane encodes its
next body only when the last one is confirmed: that is all the back-pressure needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from aquavolt.stores.influx.faults import InfluxError, Remedy
from aquavolt.stores.influx.http import InfluxHttp
from aquavolt.stores.influx.lines import Measurement, encode_lines
from aquavolt.stores.influx.local_file import LocalFile
from aquavolt.stores.influx.patience import Patience
from metering.batch import ReadingBatch

BODY_ROWS = 20_000
_LANES = 2


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Writer:
    """Writes points until each is confirmed or set aside. For any thread."""

    def __init__(
        self, http: InfluxHttp, patience: Patience, local: LocalFile, now_ms: Callable[[], int] = _now_ms
    ) -> None:
        self._http = http
        self._patience = patience
        self._local = local
        self._now_ms = now_ms
        self._lanes = ThreadPoolExecutor(2 * _LANES, thread_name_prefix="influx")

    def write(self, kind: Measurement, batch: ReadingBatch) -> None:
        """Write the rows; when it returns, every one is on the server's disk or in quarantine.

        Raises:
            StoreUnavailableError: some are not; writing all of them again does no harm.
        """
        order = np.lexsort((batch.quantity, batch.meter))
        if len(batch) <= BODY_ROWS:
            self._lane(kind, batch.take(order))
            return
        lane = (batch.meter + batch.quantity)[order] % _LANES
        running = [self._lanes.submit(self._lane, kind, batch.take(order[lane == number])) for number in range(_LANES)]
        wait(running)
        for done in running:
            done.result()

    def _lane(self, kind: Measurement, batch: ReadingBatch) -> None:
        for first in range(0, len(batch), BODY_ROWS):
            self._post(kind, batch.take(np.arange(first, min(first + BODY_ROWS, len(batch)))))

    def _post(self, kind: Measurement, batch: ReadingBatch) -> None:
        settings = self._http.settings
        bucket = settings.derived_bucket if kind.is_derived else settings.bucket
        body = encode_lines(kind, settings.site, batch)
        try:
            self._patience.run(lambda: self._http.write(bucket, body))
        except InfluxError as error:
            self._mend(kind, batch, error)

    def _mend(self, kind: Measurement, batch: ReadingBatch, error: InfluxError) -> None:
        """Halve what was refused until only the points at fault are left, and set those aside."""
        is_all_bad = error.remedy is Remedy.SET_ASIDE and error.dropped == len(batch)
        if len(batch) == 1 or is_all_bad:
            self._local.set_aside(kind.name, str(error), batch, self._now_ms())
            return
        half = len(batch) // 2
        self._post(kind, batch.take(np.arange(half)))
        self._post(kind, batch.take(np.arange(half, len(batch))))

    def close(self) -> None:
        """Wait for what is under way."""
        self._lanes.shutdown()
