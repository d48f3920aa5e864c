"""Two rules files over the same readings, as a table for people and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aquavolt.backtesting import Source, write_whole
from metering.batch import to_datetime
from metering.incident import Incident
from metering.site import Site
from rules.compare import Comparison, compare, judge_both, what_changed
from rules.settings import RulesSettings


@dataclass(frozen=True, slots=True)
class Compared:
    """What `write_comparison` found."""

    comparison: Comparison
    site: Site

    @property
    def headline(self) -> str:
        """In one line."""
        c = self.comparison
        return f"{len(c.appears)} appear, {len(c.disappears)} disappear, {len(c.changed)} change, {len(c.same)} stay"

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """What happens, from when to when on the site's clock, rule, place, severity: by time."""
        c, rows = self.comparison, []
        for word, incidents in (("appears", c.appears), ("disappears", c.disappears)):
            rows += [(i.detected_at, self._row(word, i)) for i in incidents]
        for before, after in c.changed:
            word = f"changes ({', '.join(what_changed(before, after))})"
            rows.append((after.detected_at, self._row(word, after)))
        return [row for _, row in sorted(rows)]

    def _row(self, word: str, incident: Incident) -> tuple[str, str, str, str, str]:
        closed = "" if incident.closed_at is None else self._local(incident.closed_at)
        span = f"{self._local(incident.detected_at)} - {closed}".rstrip()
        return word, span, incident.rule, incident.node, incident.severity.value

    def _local(self, moment: np.datetime64) -> str:
        return to_datetime(moment).astimezone(self.site.zone).strftime("%Y-%m-%d %H:%M")


def write_comparison(
    site: Site, rules: tuple[RulesSettings, RulesSettings], names: tuple[str, str], source: Source, out: Path
) -> Compared:
    """Judge by both and write the JSON. The file appears whole.

    Raises:
        OSError: the file cannot be written.
    """
    before, after = judge_both(site, rules, source.entries())
    compared = Compared(compare(_shown(before, source), _shown(after, source)), site)
    document: dict[str, Any] = {
        "rules": [
            {"file": name, "revision": r.revision, "alerts": len(_shown(shown, source))}
            for name, r, shown in zip(names, rules, (before, after), strict=True)
        ],
        **compared.comparison.document(),
    }
    write_whole(out, [json.dumps(document, ensure_ascii=False, indent=1)])
    return compared


def _shown(incidents: Iterable[Incident], source: Source) -> list[Incident]:
    """Those of the range that was asked for."""
    return [i for i in incidents if source.shows(i)]
