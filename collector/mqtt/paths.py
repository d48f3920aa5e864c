"""Path expressions into a decoded JSON document: dotted steps, `name[2]` for the third of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_PATH = re.compile(r"(?:[^.\[\]]+|\[\d+\])(?:\.[^.\[\]]+|\[\d+\])*")


@cache
def compile_path(text: str) -> tuple[str | int, ...]:
    """The steps of a path.

    Raises:
        ValueError: it is no path.
    """
    if not _PATH.fullmatch(text):
        raise ValueError(f"{text!r} is no path; for example ENERGY.Total or values[2].mean")
    return tuple(int(index) if index else name for name, index in _STEP.findall(text))


def pick(document: Any, path: Sequence[str | int]) -> Any:
    """The value at the path; None where the document has none."""
    for step in path:
        if type(step) is str:
            if type(document) is not dict:
                return None
            document = document.get(step)
        elif type(document) is list and step < len(document):  # type: ignore[operator]
            document = document[step]  # type: ignore[index]
        else:
            return None
    return document
