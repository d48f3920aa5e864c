"""The simulated campus: one value for everything that asks, whether for a past stretch, for now, or for the truth.

Its first day (the epoch) is fixed when it is built: a demo takes the local day 35 days before its first start and
writes it into its truth file. Whoever builds the campus again from that file, in another process or weeks later,
gets the same registers at the same times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from metering.batch import ReadingBatch
from metering.entries import EventBatch
from simulators.campus.demand import Demand
from simulators.campus.electrical import Electrical
from simulators.campus.fault_maker import FaultMaker
from simulators.campus.faults import LASTING, Fault, fault_of
from simulators.campus.history import STEP, History
from simulators.campus.layout import Layout, build_layout
from simulators.campus.masking import conflict
from simulators.campus.randomness import Float64, generator
from simulators.campus.registers import Registers
from simulators.campus.sampling import watches
from simulators.campus.schedule import LOCAL, ROUND_DAYS, Scheduler
from simulators.campus.school_year import day_number
from simulators.campus.site_file import TIMEZONE, Endpoints, site_document
from simulators.campus.words import words

_MINUTE = timedelta(minutes=1)


def epoch_before(now: datetime, days: int = ROUND_DAYS) -> date:
    """The first day of a campus that shall have that many full days of history at `now` (aware)."""
    return now.astimezone(LOCAL).date() - timedelta(days)


class Campus:
    """A campus of one seed and epoch. Times are `datetime64[ms]` UTC; nothing is known before the epoch."""

    def __init__(
        self,
        seed: int,
        epoch: date,
        days: int = ROUND_DAYS,
        faults: Sequence[Fault] | None = None,
        *,
        is_demo: bool = False,
    ) -> None:
        """`days` of history get the scheduled faults; `faults`, if given, stand in their place (none: `()`).

        `is_demo` schedules also what readings and the rules' defaults do not show (`FaultKind.is_told`).
        """
        if seed < 0:
            raise ValueError(f"a seed is a whole number, 0 or more, not {seed}")
        if days < 1:
            raise ValueError(f"a campus has at least one day of history, not {days}")
        self.seed, self.epoch, self.days = seed, epoch, days
        self.layout: Layout = build_layout(seed)
        demand = Demand(seed, self.layout)
        self._registers = Registers(seed, self.layout, demand, day_number(epoch))
        self._electrical = Electrical(seed, self.layout, self._registers)
        self._maker = FaultMaker(self.layout, demand, self._registers)
        if faults is None:
            self._faults = list(Scheduler(seed, self.layout, self._registers, self._maker).draw(days, is_demo=is_demo))
        else:
            self._faults = list(faults)
            for fault in sorted(faults, key=lambda f: (f.meter is not None, f.start)):
                self._registers.add(fault)
        self._rows = np.arange(len(self.layout.meters))

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that is wrong with this campus."""
        return tuple(self._faults)

    @property
    def meters(self) -> tuple[str, ...]:
        """The meters' ids, parents before children."""
        return tuple(m.id for m in self.layout.meters)

    @property
    def start(self) -> np.datetime64:
        """The first moment of the epoch."""
        return np.datetime64(self._registers.epoch_ms, "ms")

    def history(self, start: np.datetime64, end: np.datetime64, step: np.timedelta64 = STEP) -> Iterator[ReadingBatch]:
        """Readings with start <= time < end, in order of time, a batch for six hours.

        Main registers, and samples where somebody looks closer (`sampling`).

        One reading a meter and step, some seconds after the full step, a few of them lost; flagged simulated.
        Two calls for adjoining stretches give what one call for both gives.

        Raises:
            ValueError: the stretch begins before the campus.
        """
        watched = watches(self._faults, self.layout)
        return History(self.seed, self.layout, self._registers, self._electrical, watched).batches(start, end, step)

    def entries(self, start: np.datetime64, end: np.datetime64) -> Iterator[ReadingBatch | EventBatch]:
        """`history`, and with it what meters said of themselves in that time."""
        said = words(self._faults, start, end)
        for batch in self.history(start, end):
            until = batch.time[-1]
            if now := tuple(w for w in said if w.time <= until):
                yield EventBatch(now)
            said = said[len(now) :]
            yield batch
        if said:
            yield EventBatch(tuple(said))

    def clock_error(self, meter: str, time: np.datetime64) -> timedelta:
        """How far ahead the clock of a meter is."""
        at = np.array([time.astype("datetime64[ms]").astype(np.int64)])
        wrong = [f.size for f in self._faults if f.kind == "clock_wrong" and f.meter == meter and f.covers(at)[0]]
        return timedelta(minutes=sum(wrong))

    def registers(self, time: np.datetime64) -> Float64:
        """The register of every meter at one time, in the order of `meters`; NaN where the unit does not answer."""
        at = np.full(len(self._rows), time.astype("datetime64[ms]").astype(np.int64))
        values = self._registers.read(self._rows, at)
        values[~self._registers.answers(self._rows, at)] = np.nan
        return values

    def register(self, meter: str, time: np.datetime64) -> dict[str, float]:
        """All quantities that one meter would show at a time; empty where the unit does not answer.

        Raises:
            ValueError: no such meter.
        """
        if meter not in self.layout.meter_index:
            raise ValueError(f"no meter {meter!r} on this campus; meters: {self.meters[0]}, {self.meters[1]}, ...")
        return self.quantities(time)[self.layout.meter_index[meter]]

    def quantities(self, time: np.datetime64) -> list[dict[str, float]]:
        """All quantities of all meters at one time, in the order of `meters`."""
        registers = self.registers(time)
        at = int(time.astype("datetime64[ms]").astype(np.int64))
        return self._electrical.live(at, registers)

    def site_document(self, endpoints: Endpoints | None = None) -> dict[str, Any]:
        """The document for `site.yaml`; with connections if it is said where the meters are served."""
        return site_document(self.layout, self.epoch, self.days, endpoints)

    def inject(self, kind: str, node: str, start: datetime, end: datetime | None = None) -> Fault:
        """Let a fault begin at `start` (aware) and write it down; what was shown before does not change.

        Raises:
            ValueError: no such kind or place, or no meter could tell it apart from a fault that is there.
        """
        start = start.astimezone(LOCAL).replace(microsecond=0)
        name = f"f{len(self._faults) + 1:02d}-{kind}"
        fault = self._maker.make(name, kind, node, start, end, generator(self.seed, name, day_number(start.date())))
        if reason := conflict(fault, self._faults, self.layout):
            raise ValueError(reason)
        self._faults.append(fault)
        self._registers.add(fault)
        return fault

    def repair(self, fault_id: str, at: datetime) -> Fault:
        """Somebody mends a fault at `at` (aware), a flow by the end of that minute: no register ever counts back.

        Raises:
            ValueError: no such fault is there then, or it is one whose effect stays.
        """
        end = at.astimezone(LOCAL)
        known = next((f for f in self._faults if f.id == fault_id), None)
        if known is not None and known.meter is None:
            end += -timedelta(seconds=end.second, microseconds=end.microsecond) % _MINUTE
        if known is None or end <= known.start or (known.end is not None and known.end <= end):
            open_ones = ", ".join(f.id for f in self._faults if f.end is None) or "none"
            raise ValueError(f"no fault {fault_id!r} to be repaired; without an end are: {open_ones}")
        if known.kind in LASTING:
            raise ValueError(f"what {known.kind} did to the register stays")
        mended = replace(known, end=end)
        self._faults[self._faults.index(known)] = mended
        self._registers.mend(known, mended)
        return mended

    def truth(self) -> dict[str, Any]:
        """The truth document, from which `campus_of_truth` builds this campus again."""
        return {
            "seed": self.seed,
            "epoch": self.epoch.isoformat(),
            "days": self.days,
            "timezone": TIMEZONE,
            "faults": [f.document() for f in self._faults],
        }


def build_campus(
    seed: int, epoch: date, days: int = ROUND_DAYS, faults: Sequence[Fault] | None = None, *, is_demo: bool = False
) -> Campus:
    """The campus of a seed that begins on a local day; with the scheduled faults unless others are given."""
    return Campus(seed, epoch, days, faults, is_demo=is_demo)


def campus_of_truth(document: Mapping[str, Any]) -> Campus:
    """The campus that wrote a truth document, with every fault in it.

    Raises:
        ValueError: the document is not a truth document.
    """
    try:
        seed, epoch, days = int(document["seed"]), date.fromisoformat(document["epoch"]), int(document["days"])
        faults = [fault_of(entry) for entry in document["faults"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a truth document: needs seed, epoch, days and faults ({error})") from error
    return Campus(seed, epoch, days, faults)
