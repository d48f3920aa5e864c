"""What is judged as one supply: a meter by itself, or the meters that feed a zone together.

Where several inlets feed one zone, flow moves between them from day to day: none of them tells a leak, their sum does.
What they pass on to sub-meters (a pump that fills a tank at night) is taken off: it has a meter of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Mask
from rules.blocks import Columns, IntervalBlock
from rules.detectors.zones import zones_of


@dataclass(frozen=True)
class SupplyUnits:
    """Units of one medium. `first` is the column that stands for each; the others by unit where there are any.

    joint   unit -> (columns that add, columns that are taken off); only units of several meters
    """

    first: npt.NDArray[np.intp]
    joint: dict[int, tuple[tuple[int, ...], tuple[int, ...]]]

    @classmethod
    def of(cls, columns: Columns, medium: str) -> SupplyUnits:
        """Every meter of the medium stands in one unit (sub-meters in their own besides)."""
        zones = zones_of(columns, (medium,))
        shared = {p[0]: (p, c) for p, c in zip(zones.parents, zones.children, strict=True) if len(p) > 1}
        behind = {column for parents, _ in shared.values() for column in parents[1:]}
        first = [int(c) for c in columns.of_medium(medium) if c not in behind]
        return cls(np.array(first, np.intp), {u: shared[c] for u, c in enumerate(first) if c in shared})

    def __len__(self) -> int:
        return len(self.first)

    def block(self, block: IntervalBlock) -> IntervalBlock:
        """The block by unit: NaN where a member is missing, a member's quality and flags are the unit's."""
        usage, quality, flagged = block.usage[:, self.first], block.quality[:, self.first], block.flagged[self.first]
        for unit, (adds, less) in self.joint.items():
            usage[:, unit] = block.usage[:, adds].sum(axis=1) - block.usage[:, less].sum(axis=1)
            quality[:, unit] = np.bitwise_or.reduce(block.quality[:, adds + less], axis=1)
            flagged[unit] = block.flagged[list(adds)].any()
        return IntervalBlock(
            block.first_step, usage, quality, block.judged_at, block.local_minute, block.local_day, block.ours, flagged
        )

    def any_member(self, mask: Mask) -> Mask:
        """By unit: whether the mask by column is true for any of its meters."""
        own = mask[self.first].copy()
        for unit, (adds, less) in self.joint.items():
            own[unit] = mask[list(adds + less)].any()
        return own

    def names(self, unit: int, ids: Sequence[str]) -> tuple[list[str], list[str]]:
        """Ids of the meters that add and of those that are taken off."""
        adds, less = self.joint.get(unit, ((int(self.first[unit]),), ()))
        return [ids[c] for c in adds], [ids[c] for c in less]
