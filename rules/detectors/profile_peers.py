"""Meters whose days are alike: what they all show on a day is weather or a day of rest, and no fault of one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rules.blocks import Columns
from rules.detectors.peer_groups import PeerGroups

LEAST = 8


def alike(columns: Columns, at: npt.NDArray[np.intp]) -> PeerGroups:
    """Groups of these columns by medium and use, at least eight; those of rarer uses by medium alone."""
    nodes = columns.site.nodes
    groups: dict[tuple[str, str], list[int]] = {}
    for row, column in enumerate(at):
        meter = columns.meters[column]
        node = nodes.get(meter.node or "")
        groups.setdefault((meter.medium, node.use if node is not None else ""), []).append(row)
    chosen = [g for g in groups.values() if len(g) >= LEAST]
    rare: dict[str, list[int]] = {}
    for (medium, _), rows in groups.items():
        if len(rows) < LEAST:
            rare.setdefault(medium, []).extend(rows)
    chosen += [g for g in rare.values() if len(g) >= LEAST]
    return PeerGroups(at, tuple(np.array(g, np.intp) for g in chosen), np.ones(len(at)))
