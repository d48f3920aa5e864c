"""Places of a list as nodes of the site: those that are there already are found again, the others are new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aquavolt.meter_list.columns import OF_PLACE
from aquavolt.meter_list.rows import Fault, Row

Step = tuple[str, str]


class Places:
    """The tree of nodes while rows are put into it. `new` are the nodes to add; those given are changed in place."""

    def __init__(self, nodes: Sequence[dict[str, Any]], campus: Step) -> None:
        """`nodes` as the site file has them; `campus` (id, name) is made where there is no root yet."""
        self.new: list[dict[str, Any]] = []
        self._nodes = {str(n["id"]): n for n in nodes}
        self._known: dict[tuple[str | None, str, str], str] = {}
        for node in nodes:
            for word in (node.get("name"), node["id"]):
                self._known.setdefault((node.get("parent"), node["kind"], str(word)), str(node["id"]))
        self._root = next((str(n["id"]) for n in nodes if n["kind"] == "campus"), None)
        self._campus = campus
        self._said: dict[tuple[str, str], Row] = {}

    def node_of(self, row: Row) -> str | None:
        """The node of a row's place; None where it names none."""
        if not row.place:
            return None
        parent = None
        for kind, name in row.place:
            if kind != "campus" and parent is None:
                parent = self._only_campus()
            parent = self._find(parent, kind, name)
        return parent

    def tell(self, node: str, row: Row) -> Iterator[Fault]:
        """What a row says of its place: use, beds and so on; two rows must not contradict each other."""
        for key in OF_PLACE:
            value = row.values.get(key)
            if value is None:
                continue
            before = self._said.setdefault((node, key), row)
            if before.values[key] != value:
                yield row.fault(key, f"allowed: {before.values[key]}, as row {before.number} says of the same place")
            else:
                self._nodes[node][key] = value

    def _only_campus(self) -> str:
        if self._root is None:
            identity, name = self._campus
            self._root = self._add(None, "campus", name, identity)
        return self._root

    def _find(self, parent: str | None, kind: str, name: str) -> str:
        found = self._known.get((parent, kind, name))
        if found is not None:
            return found
        if kind == "campus":
            self._root = self._root or name
            return self._add(None, kind, name, name)
        within = "" if parent is None or parent == self._root else f"{parent}-"
        return self._add(parent, kind, name, f"{within}{name}")

    def _add(self, parent: str | None, kind: str, name: str, wanted: str) -> str:
        identity, number = wanted, 2
        while identity in self._nodes:  # another place whose parts join to the same
            identity, number = f"{wanted}~{number}", number + 1
        node = {"id": identity, "kind": kind} | ({"parent": parent} if parent is not None else {}) | {"name": name}
        self._nodes[identity] = node
        self._known[parent, kind, name] = identity
        self.new.append(node)
        return identity
