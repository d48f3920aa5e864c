"""From what a collector journaled to what people are told, for tests of every protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from collector.journal import Journal
from metering.entries import Tick
from metering.incident import ChangeKind
from metering.site import Site
from rules.settings import parse_rules
from rules.shard import Shard

# An alarm that is off is over within two hours: before a meter that says nothing more counts as silent.
QUICK = {rule: {"settle_h": 0.5} for rule in ("reported_leak", "reported_fault")}


class Judged:
    """The rules over a journal, as far as it has come; `hours` later nothing new was said."""

    def __init__(self, site: Site) -> None:
        self._shard = Shard(site, parse_rules(QUICK, site))
        self.raised: list[Any] = []
        self.cleared: list[Any] = []

    def follow(self, journal: Journal, hours: float = 0.0) -> Judged:
        """Take what is new, then let the clock go on to `hours` after the last of it."""
        now = None
        while rows := journal.read(self._shard.applied_seq):
            for seq, entry in rows:
                times = [e.time for e in getattr(entry, "events", ())] or getattr(entry, "time", ())
                now = max([now or np.datetime64(0, "ms"), *np.atleast_1d(times)])
                self._take(seq, entry)
        if now is not None:
            for minute in range(1, round(hours * 60) + 2):
                self._take(self._shard.applied_seq, Tick(now + np.timedelta64(minute, "m")))
        return self

    def _take(self, seq: int, entry: Any) -> None:
        for change in self._shard.process(seq, entry).changes:
            {ChangeKind.RAISED: self.raised, ChangeKind.CLEARED: self.cleared}.get(change.kind, []).append(
                change.incident
            )

    def reported(self) -> dict[str, set[str]]:
        """By rule and meter what open and past alerts say that the meter had reported."""
        found: dict[str, set[str]] = {}
        for incident in self.raised:
            for finding in incident.evidence["findings"]:
                codes = {r["code"] for r in finding["details"].get("reported", ())}
                found.setdefault(f"{finding['rule']} {finding['subject']}", set()).update(codes)
        return found


@pytest.fixture
def judged() -> Callable[[Site], Judged]:
    return Judged
