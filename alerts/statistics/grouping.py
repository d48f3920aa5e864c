"""By month, by term, by place, by kind: which alerts stand in which line of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from alerts.statistics.cases import Cases, Texts
from alerts.statistics.counted import Wanted
from metering.batch import to_ms
from metering.site import Period, Site
from metering.windows import local_day, local_midnight, month_edges


@dataclass(frozen=True, slots=True)
class Stretch:
    """A month, a term or a vacation: local days [first, end), of which those in the period count."""

    name: str
    first: date
    end: date


def months_of(wanted: Wanted, site: Site) -> tuple[Stretch, ...]:
    """The local months that the period touches."""
    last = wanted.until - timedelta(milliseconds=1)
    edges = month_edges(local_day(to_ms(wanted.since), site.zone), local_day(to_ms(last), site.zone), site.zone)
    days = [local_day(edge, site.zone) for edge in edges]
    return tuple(Stretch(f"{a:%Y-%m}", a, b) for a, b in pairwise(days))


def terms_of(wanted: Wanted, site: Site) -> tuple[Stretch, ...]:
    """The terms and vacations of the site's calendar that the period touches, in their order."""
    periods: list[Period] = sorted((*site.calendar.terms, *site.calendar.vacations), key=lambda p: p.first)
    stretches = [Stretch(p.name, p.first, p.last + timedelta(days=1)) for p in periods]
    first, last = (local_day(to_ms(m), site.zone) for m in (wanted.since, wanted.until))
    return tuple(s for s in stretches if s.first <= last and s.end > first)


def within(cases: Cases, stretch: Stretch, site: Site) -> Cases:
    """The alerts that were raised on these local days. The alerts stand in that order."""
    edges = [float(local_midnight(day, site.zone).astype(np.int64)) for day in (stretch.first, stretch.end)]
    first, last = np.searchsorted(cases.raised, edges)
    return cases.at(slice(first, last))


def by_key(cases: Cases, keys: Texts) -> Iterator[tuple[str, Cases]]:
    """The alerts of each key, by its name."""
    names = sorted(set(keys))
    numbers = {name: i for i, name in enumerate(names)}
    codes = np.array([numbers[key] for key in keys], np.int64)
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for i, name in enumerate(names):
        yield name, cases.at(order[edges[i] : edges[i + 1]])


def places(cases: Cases, site: Site, kind: str) -> Texts:
    """The zone or building that each alert stands in; where there is none, the outermost place around it."""
    known = {node: _place(node, site, kind) for node in set(cases.node)}
    out = np.empty(len(cases), np.object_)
    out[:] = [known[node] for node in cases.node]
    return out


def _place(node: str, site: Site, kind: str) -> str:
    if node not in site.nodes:
        return node
    path = site.place_path(node)
    return next((n for n in reversed(path) if site.nodes[n].kind == kind), path[0])
