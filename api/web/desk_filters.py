"""What the reader of the desk has chosen, as it stands in the page's address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from alerts.values import AlertFilter, AlertState
from api.alerts.views import search_of
from metering.incident import Category, Severity
from metering.site import Site

LONGEST_SEARCH = 200
MINE, NOBODY = "mine", "nobody"
_ON = "1"


@dataclass(frozen=True, slots=True)
class Filters:
    """One field a member of the address. Empty: not narrowed.

    open     "1": nobody has acknowledged it
    overdue  "1": somebody should have acknowledged it by now
    who      `mine`: assigned to the reader; `nobody`: assigned to nobody
    q        a text: place, meter, person, id, words of a remark
    """

    state: str = "active"
    category: str = ""
    medium: str = ""
    severity: str = ""
    open: str = ""
    overdue: str = ""
    who: str = ""
    node: str = ""
    q: str = ""

    def with_(self, **changes: str) -> str:
        """The address of the list with some filters changed."""
        kept = self.chosen() | changes
        defaults = Filters()
        kept = {k: v for k, v in kept.items() if v != getattr(defaults, k)}
        return "/alerts" + (f"?{urlencode(kept)}" if kept else "")

    def chosen(self) -> dict[str, str]:
        """Every member with what is chosen."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the state is chosen."""
        return any(value for name, value in self.chosen().items() if name != "state")

    def wanted(self, site: Site, reader: str, now: datetime) -> AlertFilter:
        """The same as a question to the records, of the reader of this name."""
        return AlertFilter(
            state=None if self.state == "all" else AlertState(self.state),
            category=Category(self.category) if self.category else None,
            medium=self.medium or None,
            severity=Severity(self.severity) if self.severity else None,
            nodes=tuple(site.subtree(self.node)) if self.node else None,
            acknowledged=False if self.open else None,
            assigned_to={MINE: reader, NOBODY: ""}.get(self.who),
            overdue_at=now if self.overdue else None,
            search=search_of(site, self.q),
        )


def read_filters(query: Mapping[str, str], site: Site) -> Filters:
    """The filters of an address. What is not known there is left out: a page is for people, who see the chips."""

    def one_of(name: str, allowed: Iterable[str], default: str = "") -> str:
        value = query.get(name, default)
        return value if value in set(allowed) else default

    return Filters(
        state=one_of("state", ("active", "cleared", "all"), "active"),
        category=one_of("category", (c.value for c in Category)),
        medium=one_of("medium", ("water", "electricity", "gas", "heat")),
        severity=one_of("severity", (s.value for s in Severity)),
        open=one_of("open", (_ON,)),
        overdue=one_of("overdue", (_ON,)),
        who=one_of("who", (MINE, NOBODY)),
        node=one_of("node", site.nodes),
        q=query.get("q", "").strip()[:LONGEST_SEARCH],
    )
