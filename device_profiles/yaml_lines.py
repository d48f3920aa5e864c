"""YAML with line numbers: the plain document, and the line of every key and list item in it."""

from __future__ import annotations

from typing import Any

import yaml

Path = tuple[str | int, ...]

# libyaml's own reader where it is there: a site of 5,000 meters in a second instead of ten.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST, _LARGEST = 32, 1_000_000


class YamlError(ValueError):
    """Text that is no YAML, or a mapping that has a key twice. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Lines:
    """The line of each path; a path that does not stand in the file has its nearest ancestor's."""

    def __init__(self) -> None:
        self._lines: dict[Path, int] = {(): 1}

    def put(self, path: Path, line: int) -> None:
        """Note where a path stands."""
        self._lines[path] = line

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, path: Path) -> bool:
        return path in self._lines

    def of(self, path: Path) -> int:
        """The line of a path, or of the nearest part of it that is there."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]


def read_yaml(text: str) -> tuple[Any, Lines]:
    """The document and its lines.

    Raises:
        YamlError: it cannot be read, or says a thing twice.
    """
    lines = Lines()
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, lines
        _walk(node, (), lines, loader)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, f"not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError(1, f"not YAML: {error}") from error
    finally:
        loader.dispose()


def _walk(node: yaml.Node, path: Path, lines: Lines, loader: yaml.SafeLoader) -> None:
    if len(path) > _DEEPEST or len(lines) > _LARGEST:  # also what an alias of itself or of aliases grows into
        raise YamlError(node.start_mark.line + 1, "nested too deep or too large")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = loader.construct_object(key, deep=True)
            step = name if isinstance(name, str | int) else str(name)
            if (*path, step) in lines:
                raise YamlError(key.start_mark.line + 1, f"the key {name!r} stands twice")
            lines.put((*path, step), key.start_mark.line + 1)
            _walk(value, (*path, step), lines, loader)
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            lines.put((*path, i), item.start_mark.line + 1)
            _walk(item, (*path, i), lines, loader)
