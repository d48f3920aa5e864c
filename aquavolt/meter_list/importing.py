"""A meter list into a site file: checked as a whole, written only when the result is a site that loads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from aquavolt.config.documents import ConfigError, load_site, profile_faults, read_document
from aquavolt.meter_list.columns import OF_PLACE, PLACES
from aquavolt.meter_list.places import Places
from aquavolt.meter_list.rows import Fault, Listed, Row, read_list
from aquavolt.meter_list.site_text import SiteText
from metering.site import Site
from metering.site_document import Fault as DocumentFault
from metering.site_document import SiteDocumentError, parse_site

_NO_METER = "which is no meter"
_NOT_OF_METERS = {*OF_PLACE, *PLACES, "protocol"}


@dataclass(frozen=True, slots=True)
class NewSite:
    """The head of a site file that is not there yet."""

    id: str = "campus"
    name: str = "校园"
    timezone: str = "Asia/Shanghai"


@dataclass(slots=True)
class Imported:
    """What came of a list. `text` is the whole site file; `faults` are the rows that are not in it."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    new_nodes: int = 0
    new_meters: int = 0
    changed_meters: int = 0
    unchanged_meters: int = 0
    text: str = ""


def import_list(path: Path, into: Path | None, head: NewSite | None = None) -> Imported:
    """The site file with the list's good rows in it; nothing is written.

    Raises:
        TableError: the list cannot be read.
        ConfigError: the site file that is there is none.
    """
    listed = read_list(path)
    text, document = _existing(into, head or NewSite())
    faults = list(listed.faults)
    bad, named = {(f.sheet, f.row) for f in faults}, {row.said.get("id", "") for row in listed.rows}
    hanging = 0
    while True:
        merged = _Merge(document, [r for r in listed.rows if (r.sheet, r.number) not in bad])
        found = list(merged.faults())
        if not found:
            break
        bad |= {(f.sheet, f.row) for f in found}
        own = [f for f in found if f.value not in named or not f.message.endswith(_NO_METER)]
        hanging += len(found) - len(own)
        faults += own
    if hanging:
        listed.notes.append(f"{hanging} more rows are fed by meters of these rows")
    return merged.result(text, faults, listed)


def _existing(into: Path | None, head: NewSite) -> tuple[str, dict[str, Any]]:
    if into is not None and into.exists():
        load_site(into)
        return into.read_text(encoding="utf-8"), read_document(into).content
    document: dict[str, Any] = {"site": {"id": head.id, "name": head.name, "timezone": head.timezone}}
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False), document


class _Merge:
    """The document with these rows in it. Rows name nodes and meters of the file and of each other."""

    def __init__(self, document: Mapping[str, Any], rows: Sequence[Row]) -> None:
        self._document, self._rows = document, rows
        self._old_nodes = [dict(n) for n in document.get("nodes") or []]
        self._old_meters: list[dict[str, Any]] = list(document.get("meters") or [])
        self._place_faults: list[Fault] = []
        self._row_of: dict[str, Row] = {}
        site = document["site"]
        self._places = Places(self._old_nodes, ("campus", str(site.get("name") or site["id"])))
        self._listed = [self._meter(row) for row in rows]
        self.meters, self.changes = self._joined()
        self.document = {**document, "nodes": [*self._old_nodes, *self._places.new], "meters": self.meters}

    def _meter(self, row: Row) -> dict[str, Any]:
        meter = {key: value for key, value in row.values.items() if key not in _NOT_OF_METERS}
        node = self._places.node_of(row)
        if node is not None:
            meter["node"] = node
            self._place_faults += self._places.tell(node, row)
        if parents := meter.get("parent"):
            meter["parent"] = parents[0] if len(parents) == 1 else list(parents)
        self._row_of[str(meter["id"])] = row
        return meter

    def _joined(self) -> tuple[list[dict[str, Any]], list[tuple[int, str, Any]]]:
        """All meters, and (place in the file, key, value) of what changes in those that are there."""
        place = {str(meter["id"]): i for i, meter in enumerate(self._old_meters)}
        meters, changes = [dict(m) for m in self._old_meters], []
        for meter in self._listed:
            at = place.get(str(meter["id"]))
            if at is None:
                meters.append(meter)
                continue
            changes += [(at, key, value) for key, value in meter.items() if self._old_meters[at].get(key) != value]
            meters[at] |= meter
        return meters, changes

    def faults(self) -> Iterator[Fault]:
        """What the site would not take, by row."""
        yield from self._place_faults
        try:
            found: Sequence[DocumentFault] = profile_faults(parse_site(self.document))
        except SiteDocumentError as error:
            found = error.faults
            found = [*found, *self._readable(sorted({int(f.path[1]) for f in found if self._row_at(f.path)}))]
        for fault in found:
            if (row := self._row_at(fault.path)) is None:
                raise ConfigError(f"{'.'.join(map(str, fault.path))}: {fault.message}")
            column = fault.path[-1]
            yield row.fault(column if isinstance(column, str) else "profile", fault.message)

    def _readable(self, places: Sequence[int]) -> Iterator[DocumentFault]:
        """What is wrong with how these meters are read, whatever is wrong with their places and parents."""
        for at in places:
            alone = {key: value for key, value in self.meters[at].items() if key not in ("node", "parent")}
            try:
                faults = profile_faults(parse_site({"site": self._document["site"], "meters": [alone]}))
            except SiteDocumentError:
                continue  # told already
            yield from (DocumentFault(("meters", at, *f.path[2:]), f.message) for f in faults)

    def _row_at(self, path: tuple[str | int, ...]) -> Row | None:
        if path[0] != "meters" or len(path) == 1:
            return None
        return self._row_of.get(str(self.meters[int(path[1])]["id"]))

    def result(self, text: str, faults: list[Fault], listed: Listed) -> Imported:
        """The file's new text, proven to say what the document says."""
        site = SiteText(text)
        site.append("nodes", self._places.new)
        new = self.meters[len(self._old_meters) :]
        site.append("meters", new)
        for at, key, value in self.changes:
            site.put("meters", at, key, value)
        for i, (old, now) in enumerate(zip(self._document.get("nodes") or [], self._old_nodes, strict=True)):
            for key in now.keys() - old.keys() | {k for k in old if old[k] != now[k]}:
                site.put("nodes", i, key, now[key])
        changed = len({at for at, _, _ in self.changes})
        return Imported(
            sorted(faults, key=lambda f: (f.sheet, f.row)), list(dict.fromkeys(listed.notes)),
            len(self._places.new), len(new), changed, len(self._rows) - len(new) - changed, site.text,
        )  # fmt: skip


def write_site(imported: Imported, into: Path) -> Site:
    """Write the file, all or nothing: it is loaded first, as the program will.

    Raises:
        ConfigError: it does not load; the old file is as it was.
        OSError: it cannot be written.
    """
    fresh = into.with_name(f".{into.name}.new")
    try:
        fresh.write_text(imported.text, encoding="utf-8")
        site, _ = load_site(fresh)
        if into.exists():
            fresh.chmod(into.stat().st_mode)
        os.replace(fresh, into)  # noqa: PTH105 - in one step
    finally:
        fresh.unlink(missing_ok=True)
    return site
