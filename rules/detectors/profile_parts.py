"""What a meter's own sub-meters count of it: a cold spell in all rooms, or a load that is judged where it is.

By conservation an excess is where the sub-meters show it, or where there is none. So a building is judged by what is
left of its excess once theirs is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from metering.batch import Float64
from rules.blocks import Columns

LEAST_ROOMS = 8  # that peer usage can judge
_KNOWN_SHARE = 2 / 3  # of the rooms; the others are taken for as many of their mean

Rows = npt.NDArray[np.intp]
Item = TypeVar("Item", np.bool_, np.float64)


@dataclass(frozen=True)
class Parts:
    """Rows are places in the judged columns.

    rows    which have rooms below; `rooms`: for each the block's columns of their meters
    child, parent, share   one judged meter that another one feeds, and the share that it takes of it
    """

    count: int
    rows: Rows
    rooms: tuple[Rows, ...]
    child: Rows
    parent: Rows
    share: Float64

    def usage(self, judged: Float64, every: Float64) -> Float64:
        """The kWh of a block's steps: the judged columns, then what all rooms of each of `rows` took together."""
        return np.concatenate([judged, *(_together(every[:, columns]) for columns in self.rooms)], axis=1)

    def widened(self, of_judged: npt.NDArray[Item]) -> npt.NDArray[Item]:
        """Figures by judged column, with what holds for a building for its rooms too."""
        return np.concatenate([of_judged, of_judged[self.rows]])

    def explained(self, excess: Float64) -> Float64:
        """How much of each judged column's excess its sub-meters show; from 0 to all of it."""
        own, below = excess[: self.count], np.zeros(self.count)
        below[self.rows] += excess[self.count :]
        np.add.at(below, self.parent, excess[self.child] * self.share)
        return np.asarray(np.clip(below, 0.0, np.maximum(own, 0.0)), np.float64)


def parts_of(columns: Columns, at: Rows) -> Parts:
    """The sub-meters of the judged columns `at`: judged ones, and rooms (all others) where there are enough."""
    row_of = {columns.meters[c].id: row for row, c in enumerate(at)}
    rows: list[int] = []
    rooms: list[Rows] = []
    edges: list[tuple[int, int, float]] = []
    for name, row in row_of.items():
        below = columns.site.child_meters[name]
        others = [columns.index[m] for m in below if m not in row_of and m in columns.index]
        if len(others) >= LEAST_ROOMS:
            rows.append(row)
            rooms.append(np.array(others, np.intp))
        edges += [(row_of[m], row, 1 / len(columns.site.meters[m].parents)) for m in below if m in row_of]
    child, parent = (np.array([e[i] for e in edges], np.intp) for i in (0, 1))
    share = np.array([e[2] for e in edges], np.float64)
    return Parts(len(at), np.array(rows, np.intp), tuple(rooms), child, parent, share)


def _together(usage: Float64) -> Float64:
    """Steps x rooms to steps x 1: the sum, the unknown taken for the mean; NaN where too few are known."""
    known = ~np.isnan(usage)
    count = known.sum(axis=1, keepdims=True)
    # In rows of one piece, so that the order of the sum does not depend on how many steps there are.
    total = np.ascontiguousarray(np.where(known, usage, 0.0)).sum(axis=1, keepdims=True)
    rooms = usage.shape[1]
    return np.where(count >= _KNOWN_SHARE * rooms, total * rooms / np.maximum(count, 1), np.nan)
