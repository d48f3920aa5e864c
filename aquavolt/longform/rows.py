"""Rows of a long-form file as text columns, and what they say as readings of a site's meters."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aquavolt.longform import texts
from aquavolt.longform.faults import RowFault, RowFaults
from aquavolt.longform.texts import Texts
from metering.batch import Mask, ReadingBatch
from metering.quantities import QUANTITIES

_NAMED_METERS = 3


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows of the file, in its order.

    place    line or row number
    quality  None where the file has no such column
    broken   faults already found (and counted) among the lines of this block, which are no rows
    """

    place: npt.NDArray[np.int64]
    meter: Texts
    quantity: Texts
    time: Texts
    value: Texts
    quality: Texts | None = None
    broken: tuple[RowFault, ...] = ()

    def __len__(self) -> int:
        return len(self.place)


class RowReader:
    """Turns blocks into batches over the site's meters; rows it cannot take go to `faults`."""

    def __init__(self, meters: Sequence[str], faults: RowFaults) -> None:
        self.meters = tuple(meters)
        self.faults = faults
        self._meters = {m.encode(): i for i, m in enumerate(self.meters)}
        self._quantities = {q.name.encode(): q.code for q in QUANTITIES}

    def batch(self, block: RowBlock) -> ReadingBatch:
        """The good rows of the block."""
        meter = texts.look_up(block.meter, self._meters)
        quantity = texts.look_up(block.quantity, self._quantities)
        time, has_time = texts.parse_times(block.time)
        value, has_value = texts.parse_values(block.value)
        checks = [
            _Check("meter", block.meter, meter >= 0, self._explain_meter),
            _Check("quantity", block.quantity, quantity >= 0, _explain_quantity),
            _Check("time", block.time, has_time, texts.explain_time),
            _Check("value", block.value, has_value, texts.explain_value),
        ]
        quality = np.zeros(len(block), np.uint16)
        if block.quality is not None:
            quality, has_quality = texts.parse_quality(block.quality)
            checks.append(_Check("quality", block.quality, has_quality, texts.explain_quality))
        good = self._set_aside(block, checks)
        return ReadingBatch(
            self.meters,
            meter[good].astype(np.int32),
            quantity[good].astype(np.uint8),
            time[good],
            value[good],
            quality[good],
        )

    def _set_aside(self, block: RowBlock, checks: Sequence[_Check]) -> Mask:
        """Which rows pass every check; of a bad row the first failing column is named."""
        is_good = np.ones(len(block), np.bool_)
        found = list(block.broken)
        for check in checks:
            bad = np.flatnonzero(is_good & ~check.is_read)
            is_good &= check.is_read
            self.faults.add(check.column, len(bad))
            for row in bad[: self.faults.room]:
                text = bytes(check.texts[row]).decode(errors="replace")
                found.append(RowFault(int(block.place[row]), check.column, text, check.explain(text)))
        self.faults.name(found)
        return is_good

    def _explain_meter(self, text: str) -> str:
        if not text:
            return "is missing"
        near = difflib.get_close_matches(text, self.meters, _NAMED_METERS) or self.meters[:_NAMED_METERS]
        return f"no meter of the site, which has {', '.join(near)} ({len(near)} of {len(self.meters)})"


@dataclass(frozen=True, slots=True)
class _Check:
    """One column: its texts, which of them could be read, and what to say of one that could not."""

    column: str
    texts: Texts
    is_read: Mask
    explain: Callable[[str], str]


def _explain_quantity(text: str) -> str:
    return f"no quantity; allowed: {', '.join(q.name for q in QUANTITIES)}" if text else "is missing"
