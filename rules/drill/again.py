"""Readings of the past as the readings of the hours to come: the same, later, and registers that go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from metering.batch import ReadingBatch
from metering.quantities import BY_CODE
from metering.site import Site

Registers = Mapping[tuple[str, int], float]
"""The newest register by meter and quantity code."""


@dataclass(slots=True)
class Again:
    """Lets each register of a replayed stretch go on from where the meter stands.

    The first replayed reading shows what the meter shows already: nothing was used between. After that it counts as it
    counted then, odd steps included.
    """

    site: Site
    registers: Registers
    _offsets: dict[tuple[str, int], float] = field(default_factory=dict)

    def go_on(self, batch: ReadingBatch) -> ReadingBatch:
        """The batch with its registers set on; times are as they are given."""
        if not len(batch):
            return batch
        value = batch.value.copy()
        keys = batch.meter.astype(np.int64) * 256 + batch.quantity
        known, first, which = np.unique(keys, return_index=True, return_inverse=True)
        for i, key in enumerate(known.tolist()):
            meter, code = batch.meters[key // 256], key % 256
            if BY_CODE[code].is_cumulative:
                rows = which == i
                value[rows] = self._set_on(meter, code, float(batch.value[first[i]]), value[rows])
        return ReadingBatch(batch.meters, batch.meter, batch.quantity, batch.time, value, batch.quality)

    def _set_on(
        self, meter: str, code: int, first: float, values: np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        offset = self._offsets.setdefault((meter, code), self.registers.get((meter, code), first) - first)
        moved = values + offset
        known = self.site.meters.get(meter)
        if known is not None and known.register_digits and known.main_register and known.main_register.code == code:
            moved %= 10.0**known.register_digits
        return moved
