"""Head-counts as their page needs them: what holds today, what was brought, and what a file would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alerts.head_count_models import HeadCountImportRow
from alerts.head_counts import Brought, HeadCountBook
from alerts.rows import moment_of
from api.head_counts.taking import Taken
from api.head_counts.words import fault_text
from api.web.rendering import Reader
from metering.site import Node

MOST_SHOWN = 200
_PLACES_SHOWN = 60


@dataclass(frozen=True, slots=True)
class PlaceHeads:
    """A place; `brought` None: as the site file says."""

    node: Node
    brought: Brought | None

    @property
    def beds(self) -> int | None:
        """Beds that hold."""
        return self.node.beds if self.brought is None else self.brought.count.beds

    @property
    def people(self) -> int | None:
        """People that hold."""
        return self.node.people if self.brought is None else self.brought.count.people


@dataclass(frozen=True, slots=True)
class ImportLine:
    """One file or form that somebody brought."""

    source: str
    who: str
    at: datetime
    counts: int


@dataclass(frozen=True, slots=True)
class HeadCountsView:
    """The page. `node`: of one place and all below it; `more` places are not shown; `history` is that place's own."""

    node: str | None
    places: tuple[PlaceHeads, ...]
    more: int
    history: tuple[Brought, ...]
    imports: tuple[ImportLine, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would change. `faults`: line, column and reason."""

    taken: Taken
    text: str
    source: str
    faults: tuple[tuple[int, str, str], ...]


def build_head_counts(book: HeadCountBook, reader: Reader, node: str | None, now: datetime) -> HeadCountsView:
    """What holds today at a place and all below it, or on the whole site."""
    site = reader.reach.site
    on = book.on(now.astimezone(site.zone).date())
    wanted = list(site.nodes) if node is None else list(site.subtree(node))
    places = [PlaceHeads(site.nodes[n], on.get(n)) for n in wanted]
    told = [p for p in places if p.beds is not None or p.people is not None]
    return HeadCountsView(
        node=node,
        places=tuple(told[:_PLACES_SHOWN]),
        more=max(0, len(told) - _PLACES_SHOWN),
        history=() if node is None else book.history(node),
        # Whose files others brought belongs to no single part of the site.
        imports=tuple(map(_line, book.imports(20))) if reader.reach.nodes is None else (),
    )


def _line(row: HeadCountImportRow) -> ImportLine:
    return ImportLine(row.source, row.actor, moment_of(row.at_ms), row.counts)


def preview_of(taken: Taken, text: str, source: str, reader: Reader) -> Preview:
    """For the page, in the reader's language."""
    gettext = reader.wording.gettext
    faults = tuple((f.line, f.column, fault_text(f, gettext)) for f in taken.faults[:MOST_SHOWN])
    return Preview(taken, text, source, faults)
