"""InfluxDB 2 as the store. Adapter of both store ports."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog

from aquavolt.stores.influx import interval_queries, reading_queries
from aquavolt.stores.influx.asking import Asking
from aquavolt.stores.influx.buckets import ensure_buckets
from aquavolt.stores.influx.faults import InfluxError
from aquavolt.stores.influx.hours import HourRollup
from aquavolt.stores.influx.http import InfluxHttp
from aquavolt.stores.influx.lines import INTERVAL, INTERVAL_HOUR, MEASUREMENTS, READING
from aquavolt.stores.influx.local_file import LOCAL_FILE, LocalFile, SetAside
from aquavolt.stores.influx.patience import Patience, StoreState
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.influx.writing import Writer
from aquavolt.stores.interval_rows import interval_columns
from aquavolt.stores.upkeep import Maintenance
from aquavolt.stores.windows_on_grid import step_edges
from metering.batch import ReadingBatch, Times, concatenate
from metering.health import ConnectionHealth, HealthReport
from metering.intervals import IntervalBatch
from metering.ports import StoreUnavailableError, UsageSeries
from metering.quantities import quantity as quantity_named
from metering.windows import GRID_MS

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class InfluxHealth:
    """How the server does, and how many points it has refused for good."""

    where: str
    state: StoreState
    quarantined: int


class InfluxStore:
    """ReadingStore and IntervalStore on one bucket of readings and one of intervals; any thread may call.

    The server need not be there when the store is opened, and may go and come: what cannot be done is a
    `StoreUnavailableError`, and is asked for again. Points that the server refuses for good are set aside in
    `FOLDER/influx.db`, where positions stand too.
    """

    def __init__(self, settings: InfluxSettings, folder: Path) -> None:
        """Open the file beside the store; the server is looked for, but not waited for.

        Raises:
            StoreUnavailableError: the file cannot be opened.
        """
        self.settings = settings
        self.where = f"InfluxDB at {settings.url}"
        self._local = LocalFile(folder / LOCAL_FILE)
        self._http = InfluxHttp(settings)
        self._patience = Patience(self.where, settings.patience_s)
        self._asking = Asking(self._http, self._patience)
        self._writer = Writer(self._http, self._patience, self._local)
        self._hours = HourRollup(self._asking)
        self._upserting = threading.Lock()
        self._opening = threading.Lock()
        self._is_open = False
        self._address = f"{settings.url}/{settings.org}/{settings.bucket}"
        self._bucket = self._local.known_bucket(self._address)
        try:
            self._open_once(is_patient=False)
        except StoreUnavailableError as error:  # health tells, too; whoever needs it tries again
            _log.warning("the store cannot be reached yet; it is tried again", error=str(error))

    def _open_once(self, *, is_patient: bool = True) -> None:
        """Find or make the buckets, once.

        Raises:
            StoreUnavailableError: the server is not there, or the token may not do it.
        """
        with self._opening:
            if self._is_open:
                return
            try:
                self._bucket = self._patience.run(lambda: ensure_buckets(self._http), is_patient=is_patient)
            except InfluxError as error:
                raise StoreUnavailableError(f"{self.where} refuses the buckets: {error}") from error
            self._local.know_bucket(self._address, self._bucket)
            self._is_open = True

    # -- readings -----------------------------------------------------------------------------------------

    def append_readings(self, batches: Sequence[ReadingBatch], position: int, cursor: str = "live") -> None:
        """See `ReadingStore`. The points go first: after an error some may be there, and the same call mends it."""
        self._open_once()
        self._writer.write(READING, concatenate(batches))
        self._local.set_position(self._bucket, cursor, position)

    def position(self, cursor: str = "live") -> int:
        """See `ReadingStore`."""
        return self._local.position(self._bucket, cursor)

    def read(
        self, meters: Sequence[str], quantities: Sequence[str], start: np.datetime64, end: np.datetime64
    ) -> ReadingBatch:
        """See `ReadingStore`; quantities are ordered as asked for, too."""
        asked = tuple(dict.fromkeys(quantity_named(name).name for name in quantities))
        self._open_once()
        return reading_queries.read(self._asking, tuple(dict.fromkeys(meters)), asked, start, end)

    def latest(self, meters: Sequence[str] | None = None) -> ReadingBatch:
        """See `ReadingStore`; ordered by (meter, quantity code)."""
        self._open_once()
        return reading_queries.latest(self._asking, None if meters is None else tuple(dict.fromkeys(meters)))

    def count(self) -> dict[str, int]:
        """See `ReadingStore`."""
        self._open_once()
        return reading_queries.count(self._asking)

    def hourly_counts(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> tuple[Times, npt.NDArray[np.int64]]:
        """See `ScannableStore`."""
        self._open_once()
        return reading_queries.hourly_counts(self._asking, start, end)

    # -- intervals ----------------------------------------------------------------------------------------

    def upsert_intervals(self, batch: IntervalBatch) -> None:
        """See `IntervalStore`. Intervals go first, then their hours: after an error the same call mends both.

        Raises:
            ValueError: an interval that starts off the grid or has no finite usage; nothing is written.
        """
        if not len(batch):
            return
        rows = interval_columns(batch)
        self._open_once()
        time = (rows["step"].astype(np.int64) * GRID_MS).astype("datetime64[ms]")
        points = ReadingBatch(batch.meters, rows["meter"], rows["quantity"], time, rows["usage"], rows["quality"])
        with self._upserting, self._hours.adding(points) as hours:
            self._writer.write(INTERVAL, points)
            self._writer.write(INTERVAL_HOUR, hours)

    def usage(self, meters: Sequence[str], quantity: str, edges: Times) -> UsageSeries:
        """See `IntervalStore`.

        Raises:
            ValueError: an unknown quantity, or edges that do not ascend on the 15 min grid.
        """
        wanted = interval_queries.Wanted(tuple(dict.fromkeys(meters)), quantity_named(quantity).name)
        step_edges(edges)
        self._open_once()
        usage, quality = interval_queries.usage(self._asking, wanted, edges)
        place = {meter: i for i, meter in enumerate(wanted.meters)}
        again = [place[meter] for meter in meters]
        return UsageSeries(tuple(meters), edges.astype("datetime64[ms]"), usage[:, again], quality[:, again])

    # -- what was refused ---------------------------------------------------------------------------------

    def quarantine(self) -> Iterator[SetAside]:
        """Points that were refused for good, oldest first."""
        return self._local.quarantine()

    def replay(self, aside: SetAside) -> None:
        """Write these points again and forget them; what is refused once more is set aside anew.

        Raises:
            StoreUnavailableError: nobody knows whether they are written; they stay set aside.
        """
        self._open_once()
        self._writer.write(MEASUREMENTS[aside.measurement], aside.batch)
        # What was refused once more stands there under a new number by now.
        self._local.release([aside.id])

    # -- upkeep -------------------------------------------------------------------------------------------

    def health(self) -> InfluxHealth:
        """How it goes, now; asks the server nothing."""
        return InfluxHealth(self.where, self._patience.state, self._local.quarantined())

    def told_in(self, report: HealthReport) -> HealthReport:
        """The report with the server among the connections, and with what it has refused for good."""
        health = self.health()
        state = "held" if health.state.is_held else "connected" if health.state.is_available else "failed"
        server = ConnectionHealth(
            connection=health.where,
            state=state,
            requests=health.state.requests,
            errors=health.state.errors,
            last_error=health.state.last_error,
        )
        aside = {f"refused by {health.where}": health.quarantined} if health.quarantined else {}
        return replace(report, connections=(*report.connections, server), set_aside={**report.set_aside, **aside})

    def maintain(self, now: np.datetime64) -> Maintenance:  # noqa: ARG002 - the server forgets by its own clock
        """Nothing: the bucket's retention removes old readings, and a later one takes the place of an earlier."""
        return Maintenance(0, 0)

    def close(self) -> None:
        """Give up what waits, and close the connections and the file."""
        self._patience.close()
        self._writer.close()
        self._http.close()
        self._local.close()
