"""Head-counts with their dates, as the rules know them: by how many heads a place's use is divided on a day.

They change at local midnights only. One that was brought on the day itself, or later, counts from the next midnight on
that it was known by: a day is judged by what was known when it began, so a state rebuilt from stored readings comes
out as the one that lived through them. In a backtest all are known before the first reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from metering.batch import to_ms
from metering.entries import HeadCounts, counts_from_state, counts_to_state
from metering.head_counts import HeadCount
from metering.site import Site
from rules.open_incident import ms_of

_EPOCH = date(1970, 1, 1)


@dataclass(slots=True)
class DatedHeads:
    """The head-counts of a site beside those of its file.

    waiting  those of which no midnight has come since they were brought
    known    by place its counts, by first day; of two of one day the later brought
    counted  by place the heads of the day that is judged
    """

    site: Site
    seen: int = 0
    waiting: list[HeadCounts] = field(default_factory=list)
    known: dict[str, dict[date, HeadCount]] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)

    def take(self, entry: HeadCounts) -> None:
        """Head-counts that were brought; each once."""
        if entry.id > self.seen:
            self.seen = entry.id
            self.waiting.append(entry)

    def begin(self, local_day: int) -> bool:
        """A local day (days since 1970) begins; whether other heads count than the day before."""
        day = _EPOCH + timedelta(days=local_day)
        midnight = ms_of(to_ms(datetime(day.year, day.month, day.day, tzinfo=self.site.zone)))
        due = [entry for entry in self.waiting if ms_of(entry.time) <= midnight]
        self.waiting = [entry for entry in self.waiting if ms_of(entry.time) > midnight]
        for count in (count for entry in due for count in entry.counts):
            self.known.setdefault(count.node, {})[count.first] = count
        before, self.heads = self.heads, self._of(day)
        return before != self.heads

    def _of(self, day: date) -> dict[str, int]:
        found: dict[str, int] = {}
        for node, counts in self.known.items():
            begun = [first for first in counts if first <= day]
            heads = counts[max(begun)].heads if begun else None
            if heads is not None and node in self.site.nodes:
                found[node] = heads
        return found

    def counted(self) -> Site:
        """The site with the heads of the day as its places' beds: by these detectors divide."""
        nodes = {n.id: replace(n, beds=self.heads.get(n.id, n.beds)) for n in self.site.nodes.values()}
        return replace(self.site, nodes=nodes) if self.heads else self.site

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        known = tuple(count for counts in self.known.values() for count in counts.values())
        told = HeadCounts(np.datetime64(0, "ms"), 0, known)
        return {
            "seen": self.seen,
            "waiting": [counts_to_state(entry) for entry in self.waiting],
            "known": counts_to_state(told),
            "heads": self.heads,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.seen = int(state["seen"])
        self.waiting = [counts_from_state(entry) for entry in state["waiting"]]
        self.known = {}
        for count in counts_from_state(state["known"]).counts:
            self.known.setdefault(count.node, {})[count.first] = count
        self.heads = {node: int(heads) for node, heads in state["heads"].items()}
