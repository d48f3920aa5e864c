"""Meters that can be compared with each other: like places in one building."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64
from metering.site import Node, Site
from rules.blocks import Columns
from rules.detectors.day_log import median, quantile


@dataclass(frozen=True)
class PeerGroups:
    """`columns` that have peers, `members` rows into `columns` group by group, `beds` by column (1 where unknown)."""

    columns: npt.NDArray[np.intp]
    members: tuple[npt.NDArray[np.intp], ...]
    beds: Float64

    def medians(self, figure: Float64) -> Float64:
        """For each column the median of its group; NaN is left out, NaN for a group without a number."""
        out = np.full(figure.shape, np.nan)
        for rows in self.members:
            out[rows] = median(figure[rows][:, None])[0]
        return out

    def has_peers(self) -> npt.NDArray[np.bool_]:
        """Which columns stand in a group."""
        grouped = np.zeros(len(self.columns), bool)
        for rows in self.members:
            grouped[rows] = True
        return grouped

    def quantiles(self, figure: Float64, q: float) -> Float64:
        """For each column a quantile of its group; NaN is left out, NaN for a group without a number."""
        out = np.full(figure.shape, np.nan)
        for rows in self.members:
            out[rows] = quantile(figure[rows][:, None], q)[0]
        return out

    def counts(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """For each column how many of its group are true."""
        out = np.zeros(len(self.columns), np.int64)
        for rows in self.members:
            out[rows] = mask[rows].sum()
        return out


def peer_groups(columns: Columns, kinds: tuple[str, ...], uses: tuple[str, ...], least: int) -> PeerGroups:
    """Groups of meters of one medium at nodes of these kinds or uses, below one building, at least so many."""
    site = columns.site
    groups: dict[tuple[str, ...], list[int]] = {}
    for column, meter in enumerate(columns.meters):
        node = site.nodes.get(meter.node or "")
        if node is not None and (node.kind in kinds or node.use in uses) and len(site.meters_at[node.id]) > 0:
            groups.setdefault((meter.medium, node.kind, node.use, _above(site, node)), []).append(column)
    chosen = [g for g in groups.values() if len(g) >= least]
    flat = [c for g in chosen for c in g]
    edges = np.cumsum([0] + [len(g) for g in chosen])
    members = tuple(np.arange(edges[i], edges[i + 1], dtype=np.intp) for i in range(len(chosen)))
    beds = [float(site.nodes[columns.meters[c].node or ""].beds or 1) for c in flat]
    return PeerGroups(np.array(flat, np.intp), members, np.array(beds, np.float64))


def _above(site: Site, node: Node) -> str:
    """The building in which a node lies; for what lies in none, or is one, the node above it."""
    for ancestor in reversed(site.place_path(node.id)[:-1]):
        if site.nodes[ancestor].kind == "building":
            return ancestor
    return node.parent or ""
