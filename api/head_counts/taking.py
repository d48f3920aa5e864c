"""Rows of head-counts against the book and the site file: what they would change, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends

from alerts.head_counts import Brought, Change, HeadCountBook
from alerts.values import Actor
from api.dependencies import Parts
from api.head_counts.words import fault_text
from api.parts import ApiParts
from api.problems import Problem
from api.wire import time_text
from metering.head_counts import CountFault, CountTable, read_count_rows, read_count_table
from metering.site import Site

MOST_LISTED = 1000


def counts_of(parts: ApiParts) -> HeadCountBook:
    """The book, on the records' database."""
    return HeadCountBook(parts.records.database, parts.now)


def get_counts(parts: Parts) -> HeadCountBook:
    """For views."""
    return counts_of(parts)


Counts = Annotated[HeadCountBook, Depends(get_counts)]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a table's rows, or would of a dry run."""

    is_dry: bool
    rows: int
    changes: tuple[Change, ...]
    faults: tuple[CountFault, ...]

    @property
    def unchanged(self) -> int:
        """Rows that were brought so before."""
        return self.rows - len(self.changes)


def take(book: HeadCountBook, table: CountTable, actor: Actor | None, source: str = "") -> Taken:
    """The table's rows into the book; `actor` None: a dry run, nothing is written. Raises: RefusedError."""
    changes = book.compare(table.rows) if actor is None else book.bring(table.rows, actor, source)
    return Taken(actor is None, len(table.rows), changes, table.faults)


def table_of(body: bytes, media_type: str, site: Site) -> CountTable:
    """The rows of a body of `text/csv` or `application/json`.

    Raises:
        Problem: 415 another media type; 422 it cannot be read as a whole.
    """
    if media_type == "text/csv":
        return read_count_table(body, site.nodes)
    if media_type != "application/json":
        raise Problem(415, f"{media_type or 'no content type'} is not read here; send text/csv or application/json.")
    try:
        rows = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(422, f"The body is no JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Problem(422, "The body must be an array of objects with node, from, beds and people.")
    return read_count_rows(rows, site.nodes)


def taken_document(taken: Taken, site: Site) -> dict[str, Any]:
    """For the wire."""
    return {
        "dry_run": taken.is_dry,
        "taken": len(taken.changes),
        "unchanged": taken.unchanged,
        "refused": len(taken.faults),
        "changes": [_change(change, site) for change in taken.changes[:MOST_LISTED]],
        "errors": fault_documents(taken.faults),
    }


def fault_documents(faults: Sequence[CountFault]) -> list[dict[str, Any]]:
    """For the wire, the first thousand."""
    return [
        {"line": f.line, "member": f.column, "reason": f.reason, "message": fault_text(f)} for f in faults[:MOST_LISTED]
    ]


def _change(change: Change, site: Site) -> dict[str, Any]:
    count = change.count
    return {
        "line": change.line,
        "node": count.node,
        "from": count.first.isoformat(),
        "beds": count.beds,
        "people": count.people,
        "before": count_document(count.node, change.before, site),
    }


def count_document(node: str, brought: Brought | None, site: Site) -> dict[str, Any]:
    """What holds at a place: what was brought, or else what the site file says."""
    if brought is None:
        file = site.nodes[node]
        blank = {"who": None, "at": None, "file": None}
        return {"node": node, "from": None, "beds": file.beds, "people": file.people, "source": "site", **blank}
    count = brought.count
    return {
        "node": node,
        "from": count.first.isoformat(),
        "beds": count.beds,
        "people": count.people,
        "source": "brought",
        "who": brought.who,
        "at": time_text(brought.at),
        "file": brought.source or None,
    }
