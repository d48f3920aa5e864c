"""A whole campus as files: site, readings in the long form, labels and truth, for import and backtest.

readings.csv.gz   meter,quantity,time,value: ordered by time, with the local offset
labels.csv        event_id,kind,subject,start,end,magnitude,unit,place
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import numpy as np
import yaml

from metering.batch import ReadingBatch
from metering.quantities import BY_CODE, MAIN_REGISTER
from simulators.campus.campus import Campus, build_campus
from simulators.campus.fault_flows import DAY_MS
from simulators.campus.faults import Fault
from simulators.campus.layout import Layout
from simulators.campus.registers import UTC_OFFSET_MS

# The second week of a spring term, five weeks before the days off for Qingming: neither easy nor a vacation.
DEFAULT_START = date(2026, 3, 9)
_REGISTERS = np.array([q.code for q in MAIN_REGISTER.values()], np.uint8)
_SAMPLE_DECIMALS = 3
_LABEL_COLUMNS = ("event_id", "kind", "subject", "start", "end", "magnitude", "unit", "place")

Progress = Callable[[float], None]


def simulate_campus(
    seed: int, days: int, out: Path, start: date = DEFAULT_START, progress: Progress | None = None
) -> Campus:
    """Write `site.yaml`, `readings.csv.gz`, `labels.csv` and `truth.json` into the folder `out`.

    The same seed, days and start give the same bytes. `progress` is told the share done, 0 to 1.

    Raises:
        ValueError: seed below 0, or no days.
        OSError: the folder cannot be written.
    """
    campus = build_campus(seed, start, days)
    out.mkdir(parents=True, exist_ok=True)
    site = yaml.safe_dump(campus.site_document(), allow_unicode=True, sort_keys=False, width=120)
    (out / "site.yaml").write_text(site, encoding="utf-8")
    truth = json.dumps(campus.truth(), ensure_ascii=False, indent=2)
    (out / "truth.json").write_text(truth + "\n", encoding="utf-8")
    _write_labels(campus.faults, out / "labels.csv")
    _write_readings(campus, out / "readings.csv.gz", progress or (lambda _: None))
    return campus


def _write_labels(faults: Iterable[Fault], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_LABEL_COLUMNS)
        for fault in faults:
            end = fault.end.isoformat() if fault.end else ""
            subject = fault.meter or fault.node
            writer.writerow(
                (fault.id, fault.kind, subject, fault.start.isoformat(), end, fault.size, fault.unit, fault.node)
            )


def _write_readings(campus: Campus, path: Path, progress: Progress) -> None:
    end = campus.start + np.timedelta64(campus.days, "D")
    span = campus.days * DAY_MS
    form = _LongForm(campus.layout)
    # No name and no time in the gzip header: the same readings are the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 4, raw, mtime=0) as file:
        file.write(b"meter,quantity,time,value\n")
        for batch in campus.history(campus.start, end):
            file.write(form.lines(batch))
            progress(float((batch.time[-1] - campus.start).astype(np.int64)) / span)
    progress(1.0)


class _LongForm:
    """Batches as lines of the long form; a value has as many decimals as its meter has."""

    def __init__(self, layout: Layout) -> None:
        self._decimals = np.array([len(str(m.instrument.size.counts_per_unit)) - 1 for m in layout.meters])
        self._offset = f"+{UTC_OFFSET_MS // 3_600_000:02d}:00"

    def lines(self, batch: ReadingBatch) -> bytes:
        """The batch's rows as text."""
        head = [f"{m}," for m in batch.meters]
        local = batch.time + np.timedelta64(UTC_OFFSET_MS, "ms")
        times = np.datetime_as_string(local, unit="ms").tolist()
        names = {code: f"{BY_CODE[code].name}," for code in np.unique(batch.quantity).tolist()}
        is_main = np.isin(batch.quantity, _REGISTERS)
        decimals = np.where(is_main, self._decimals[batch.meter], _SAMPLE_DECIMALS).tolist()
        rows = zip(batch.meter.tolist(), batch.quantity.tolist(), times, batch.value.tolist(), decimals, strict=True)
        text = "\n".join([f"{head[m]}{names[q]}{t}{self._offset},{v:.{d}f}" for m, q, t, v, d in rows])
        return text.encode() + b"\n"
