"""Readings as they would be if the fault were real: on the registers of its meter and of all that feed it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from metering.batch import Float64, ReadingBatch
from metering.drills import DrillFault, feeding
from metering.quantities import BY_NAME
from metering.site import Meter, Site

_PHASES = tuple(BY_NAME[f"active_power_l{i}"].code for i in (1, 2, 3))


@dataclass(slots=True)
class Injection:
    """Adds a fault to readings. Balances hold: what a meter counts more, its parents count more too.

    A register keeps its steps (`resolution`) and runs over where the site file gives its digits, as the real one does.
    """

    site: Site
    fault: DrillFault
    shares: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.shares = feeding(self.site, self.fault.meter)

    def into(self, batch: ReadingBatch) -> ReadingBatch:
        """The batch with the fault in it; the same batch where it concerns none of the meters."""
        rows = [(i, m) for i, m in enumerate(batch.meters) if m in self.shares]
        if not rows or not len(batch):
            return batch
        value, times = batch.value.copy(), batch.time.view(np.int64)
        for number, name in rows:
            of_meter = np.flatnonzero(batch.meter == number)
            self._add(self.site.meters[name], of_meter, batch, times, value)
        return ReadingBatch(batch.meters, batch.meter, batch.quantity, batch.time, value, batch.quality)

    def _add(
        self, meter: Meter, rows: np.ndarray[tuple[int], np.dtype[np.intp]], batch: ReadingBatch,
        times: np.ndarray[tuple[int], np.dtype[np.int64]], value: Float64,
    ) -> None:  # fmt: skip
        share, code = self.shares[meter.id], batch.quantity
        if meter.main_register is not None:
            counted = rows[code[rows] == meter.main_register.code]
            more = self.fault.used(times[counted]) * share
            if meter.resolution:
                more = np.floor(more / meter.resolution + 1e-9) * meter.resolution
            value[counted] += more
            if meter.register_digits:
                value[counted] %= 10.0**meter.register_digits
        if meter.main_rate is not None:
            shown = rows[code[rows] == meter.main_rate.code]
            value[shown] += self.fault.rate(times[shown]) * share
        for phase in _PHASES if meter.medium == "electricity" else ():
            shown = rows[code[rows] == phase]
            value[shown] += self.fault.rate(times[shown]) * share / len(_PHASES)
