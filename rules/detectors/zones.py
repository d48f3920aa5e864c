"""Zones of the meter tree: meters that feed a zone together, and the meters they feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.blocks import Columns

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Zones:
    """All zones of a site. `parents` and `children` are columns, zone by zone; a zone has at least one of each."""

    parents: tuple[tuple[int, ...], ...]
    children: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.parents)

    @cached_property
    def first_parent(self) -> Indices:
        """The column that stands for each zone: its first parent."""
        return np.array([p[0] for p in self.parents], np.intp)

    def inflow(self, cells: Float64) -> Float64:
        """Sum over the parents: rows x zones; NaN where one is missing."""
        return np.asarray(self._feeding.reduced(np.add, cells), np.float64)

    def outflow(self, cells: Float64) -> Float64:
        """Sum over the children: rows x zones; NaN where one is missing."""
        return np.asarray(self._fed.reduced(np.add, cells), np.float64)

    def largest_outflow(self, cells: Float64) -> Float64:
        """The largest child's cell: rows x zones."""
        return np.asarray(self._fed.reduced(np.maximum, cells), np.float64)

    def any_member(self, mask: Mask) -> Mask:
        """By zone: whether the mask by column is true for any of its meters."""
        return np.asarray(self._members.reduced(np.logical_or, mask[None])[0], bool)

    @cached_property
    def _feeding(self) -> _Groups:
        return _Groups.of(self.parents)

    @cached_property
    def _fed(self) -> _Groups:
        return _Groups.of(self.children)

    @cached_property
    def _members(self) -> _Groups:
        return _Groups.of([p + c for p, c in zip(self.parents, self.children, strict=True)])


@dataclass(frozen=True)
class _Groups:
    """Columns of groups one after the other, and where each group starts; no group is empty."""

    columns: Indices
    starts: Indices

    @classmethod
    def of(cls, groups: Sequence[tuple[int, ...]]) -> _Groups:
        starts = np.cumsum([0] + [len(g) for g in groups])[: len(groups)]
        return cls(np.array([c for g in groups for c in g], np.intp), starts.astype(np.intp))

    def reduced(self, by: np.ufunc, cells: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Rows x groups."""
        if not len(self.starts):
            return np.zeros((len(cells), 0), cells.dtype)
        return np.asarray(by.reduceat(cells[:, self.columns], self.starts, axis=1))


def zones_of(columns: Columns, media: tuple[str, ...]) -> Zones:
    """The zones of these media. Meters that share a child feed one zone; a child of another medium is no child."""
    leader: dict[int, int] = {}

    def find(column: int) -> int:
        while leader.setdefault(column, column) != column:
            column = leader[column]
        return column

    fed: list[tuple[int, tuple[int, ...]]] = []
    for child, meter in enumerate(columns.meters):
        feeders = [columns.index[p] for p in meter.parents if p in columns.index]
        same = [p for p in feeders if columns.meters[p].medium == meter.medium in media]
        if same and len(same) == len(meter.parents):
            fed.append((child, tuple(same)))
            for other in same[1:]:
                leader[max(find(same[0]), find(other))] = min(find(same[0]), find(other))
    parents: dict[int, set[int]] = {}
    children: dict[int, list[int]] = {}
    for child, feeders_of in fed:
        root = find(feeders_of[0])
        parents.setdefault(root, set()).update(feeders_of)
        children.setdefault(root, []).append(child)
    roots = sorted(parents)
    return Zones(tuple(tuple(sorted(parents[r])) for r in roots), tuple(tuple(children[r]) for r in roots))
