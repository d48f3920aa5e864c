"""A site file as text that is added to: what stands in it, comments and order included, stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_WIDE = 1 << 20


class SiteText:
    """Collects changes to a file's text; `text` has them all. Sections are lists of mappings, `nodes` and `meters`."""

    def __init__(self, text: str) -> None:
        self._text = text if text.endswith("\n") or not text else text + "\n"
        root = yaml.compose(self._text, _LOADER)
        self._root: dict[str, tuple[yaml.Node, yaml.Node]] = (
            {key.value: (key, value) for key, value in root.value} if isinstance(root, yaml.MappingNode) else {}
        )
        self._edits: list[tuple[int, int, str]] = []
        self._begun: list[str] = []

    def append(self, section: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Add items at the end of a section; one that is not there yet is begun at the end of the file."""
        if not items:
            return
        if section not in self._root:
            self._begun.append(f"{section}:\n{_block(items, 2)}")
            return
        key, value = self._root[section]
        if not isinstance(value, yaml.SequenceNode):  # nothing stands behind the key
            self._insert_line(_leaf_end(key), _block(items, 2))
        elif value.flow_style and value.value:
            end = value.end_mark.index - 1
            self._edits.append((end, end, ", " + _flow([dict(item) for item in items])[1:-1]))
        elif value.flow_style:
            self._edits.append((value.start_mark.index, value.end_mark.index, "\n" + _block(items, 2).rstrip("\n")))
        else:
            self._insert_line(_leaf_end(value), _block(items, value.start_mark.column))

    def put(self, section: str, index: int, key: str, new: Any) -> None:
        """Set one member of an item."""
        item = self._root[section][1].value[index]
        found = next((value for name, value in item.value if name.value == key), None)
        if found is not None:
            text = _flow(new)
            is_empty = found.start_mark.index == found.end_mark.index
            self._edits.append((found.start_mark.index, _leaf_end(found), f" {text}" if is_empty else text))
        elif item.flow_style:
            end = item.end_mark.index - 1
            self._edits.append((end, end, f"{', ' if item.value else ''}{key}: {_flow(new)}"))
        else:
            self._insert_line(_leaf_end(item), f"{' ' * item.start_mark.column}{key}: {_flow(new)}\n")

    def _insert_line(self, after: int, lines: str) -> None:
        """Below the line in which `after` is; a comment at its end stays there."""
        is_begun = after > 0 and self._text[after - 1] != "\n"
        at = self._text.index("\n", after) + 1 if is_begun else after
        self._edits.append((at, at, lines))

    @property
    def text(self) -> str:
        """The file with all changes."""
        pieces, done = [], 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            pieces += [self._text[done:start], new]
            done = end
        return "".join([*pieces, self._text[done:], *self._begun])


def _leaf_end(node: yaml.Node) -> int:
    """Where a node's text ends; a block's own end mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _leaf_end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _block(items: Sequence[Mapping[str, Any]], indent: int) -> str:
    text = yaml.dump([dict(i) for i in items], Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=_WIDE)
    return "".join(f"{' ' * indent}{line}\n" for line in text.splitlines())


def _flow(value: Any) -> str:
    text = yaml.dump(value, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=_WIDE, default_flow_style=True)
    return text.removesuffix("\n").removesuffix("\n...").strip()
