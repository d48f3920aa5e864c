"""A folder of files, a journal to pull into, and pullers whose clock is set."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from collector.counts import Counts
from collector.journal import Journal
from collector.pull.files import CsvFiles, FileSettings
from collector.pull.form import Form
from collector.pull.puller import Puller
from collector.pull.source import PullSource
from metering.batch import ReadingBatch

CST = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
METERS = {"a": "e-a", "b": "e-b"}
HEAD = "meter,time,kwh\n"
FORM = Form(METERS, CST, values={"kwh": "active_energy_import"})


def line(minute: int, value: float, meter: str = "a") -> str:
    return f"{meter},2026-11-23 10:{minute:02},{value}\n"


@dataclass
class Bench:
    """Where things are pulled to; `now` moves by hand."""

    folder: Path
    journal: Journal
    counts: Counts = field(default_factory=Counts)
    now: datetime = START

    def puller(self, source: PullSource, name: str = "dorm", form: Form = FORM, every_s: float = 300.0) -> Puller:
        return Puller(
            name, source, form, self.journal, self.counts, every_s, now=lambda: self.now,
            monotonic=lambda: self.now.timestamp(), draw=lambda: 0.5,  # noqa: PLW0108 - the clock moves
        )  # fmt: skip

    def files(self, path: Path | None = None, **more: Any) -> CsvFiles:
        settings = FileSettings(path or self.folder, FORM.columns, **more)
        return CsvFiles(settings, lambda: self.now.timestamp())  # noqa: PLW0108 - the clock moves

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def write(self, name: str, text: str | bytes) -> Path:
        """A file, written at the bench's time."""
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        os.utime(path, (self.now.timestamp(), self.now.timestamp()))
        return path

    def taken(self) -> list[tuple[str, str, float]]:
        """Meter, local time and value of each reading of the journal, in its order."""
        found = []
        for _, batch in self.journal.read(0):
            assert isinstance(batch, ReadingBatch)
            for i in range(len(batch)):
                local = batch.time[i].astype(datetime).replace(tzinfo=UTC).astimezone(CST)
                found.append((batch.meters[batch.meter[i]], f"{local:%H:%M}", float(np.round(batch.value[i], 6))))
        return found

    @property
    def line(self) -> Any:
        """How the one source is doing."""
        (connection,) = self.counts.report(np.datetime64("2026-11-23T04:00", "ms"), self.journal).connections
        return connection

    @property
    def set_aside(self) -> dict[str, int]:
        return dict(self.counts.report(np.datetime64("2026-11-23T04:00", "ms"), self.journal).set_aside)
