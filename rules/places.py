"""Where things stand: branches of the site's places, and the meters that a finding speaks of.

A place is a node of the site file, or a meter's own id where the file gives the meter no node; such a place lies below
the places of the meters that feed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from metering.incident import Category
from metering.site import Meter, Site
from rules.findings import Finding

EXCESS = frozenset({Category.LEAK, Category.CONSUMPTION})
"""Categories that say that too much is used: their findings on one branch explain each other."""

LOAD_RULES = frozenset({"demand"})
"""Rules of supply that say that a load is too high: they explain no fault below, and none above explains theirs."""

NET_RULES = frozenset({"zone_balance"})
"""Rules whose size leaves out what the sub-meters count: no finding below explains theirs."""


@dataclass(frozen=True)
class Places:
    """Ancestors, branches and the meters at them."""

    site: Site
    _paths: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, compare=False)

    def of_meter(self, meter: str) -> str:
        """The node at which the meter stands, or its own id."""
        known = self.site.meters.get(meter)
        return known.node if known is not None and known.node is not None else meter

    def of_finding(self, finding: Finding) -> str:
        """The place the finding names; its subject's where it names none."""
        return finding.node if finding.node in self.site.nodes else self.of_meter(finding.subject)

    def path(self, place: str) -> tuple[str, ...]:
        """The place's ancestors from the root down, the place itself last."""
        if place not in self._paths:
            self._paths[place] = self._path(place)
        return self._paths[place]

    def _path(self, place: str) -> tuple[str, ...]:
        if place in self.site.nodes:
            return self.site.place_path(place)
        meter = self.site.meters.get(place)
        if meter is None or not meter.parents:
            return (place,)
        return (*self.path(self.of_meter(meter.parents[0])), place)

    def is_above(self, upper: str, lower: str) -> bool:
        """Whether `upper` is a true ancestor of `lower`."""
        return upper != lower and upper in self.path(lower)

    def common(self, places: Iterable[str]) -> str | None:
        """The lowest place that holds all of these; None if they have no common root."""
        shared: tuple[str, ...] | None = None
        for place in places:
            path = self.path(place)
            if shared is None:
                shared = path
            else:
                same = [a for a, b in zip(shared, path, strict=False) if a == b]
                shared = tuple(same)
        return shared[-1] if shared else None

    def submeters(self, meter: str) -> tuple[Meter, ...]:
        """The meters of the same medium that it feeds."""
        medium = self.site.meters[meter].medium
        below = (self.site.meters[m] for m in self.site.child_meters.get(meter, ()))
        return tuple(m for m in below if m.medium == medium)

    def feeders(self, meter: str) -> Iterator[str]:
        """All meters upstream of it, nearest first, each once."""
        seen: set[str] = set()
        pending = list(self.site.meters[meter].parents)
        while pending:
            upper = pending.pop(0)
            if upper not in seen:
                seen.add(upper)
                yield upper
                pending.extend(self.site.meters[upper].parents)

    def judged(self, finding: Finding) -> tuple[str, ...]:
        """The meters whose data a finding rests on.

        They are those its evidence lists, else its subject's, and for a balance the sub-meters too.
        """
        listed = finding.evidence.get("meters")
        if isinstance(listed, list | tuple) and listed and all(m in self.site.meters for m in listed):
            return tuple(listed)
        return tuple(dict.fromkeys([*self.fed_by(finding), *(c.id for c in self.children_of(finding))]))

    def children_of(self, finding: Finding) -> tuple[Meter, ...]:
        """The sub-meters that a balance takes off; none of other rules."""
        if finding.rule not in NET_RULES:
            return ()
        return tuple(c for m in self.subject_meters(finding) for c in self.submeters(m))

    def fed_by(self, finding: Finding) -> tuple[str, ...]:
        """The meters whose use together was judged: its subject's, and for a balance those that feed beside it."""
        beside = [p for c in self.children_of(finding) for p in c.parents]
        return tuple(dict.fromkeys([*self.subject_meters(finding), *beside]))

    def subject_meters(self, finding: Finding) -> tuple[str, ...]:
        """The meter that was judged; for a judged node, the meters of the medium that stand at it."""
        if finding.subject in self.site.meters:
            return (finding.subject,)
        at = self.site.meters_at.get(finding.subject, ())
        return tuple(m for m in at if self.site.meters[m].medium == finding.medium)

    @cached_property
    def connections(self) -> dict[str, tuple[str, ...]]:
        """The meters behind each connection, in file order."""
        lines: dict[str, list[str]] = {}
        for meter in self.site.meters.values():
            if meter.connection is not None and meter.main_register is not None:
                lines.setdefault(meter.connection, []).append(meter.id)
        return {line: tuple(meters) for line, meters in lines.items()}
