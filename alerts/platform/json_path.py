"""Paths into a JSON document, as a mapping writes them: `data.order.no`, `photos[0].url`, also `$.data.order`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

_STEP = re.compile(r"\.?([^.\[\]$]+)|\[(\d{1,4})\]")
_LONGEST = 200


class _Missing:
    """What is not there; not the same as null."""

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()


def steps_of(path: str) -> tuple[str | int, ...]:
    """Member names and positions. Raises: ValueError."""
    text = path.removeprefix("$").removeprefix(".") if path.startswith("$") else path
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or (at == 0 and text[0] == "."):
            raise ValueError(f"{path!r} is no path; write it like data.order.no or photos[0].url")
        steps.append(found[1] if found[2] is None else int(found[2]))
        at = found.end()
    if not steps or len(path) > _LONGEST:
        raise ValueError(f"a path has 1 to {_LONGEST} characters, like data.order.no")
    return tuple(steps)


def _checked(path: str) -> str:
    steps_of(path)
    return path


JsonPath = Annotated[str, AfterValidator(_checked)]


def read(document: Any, path: str | None) -> Any:
    """What stands there, `MISSING` where nothing does (or no path is given)."""
    if path is None:
        return MISSING
    found = document
    for step in steps_of(path):
        is_member = isinstance(step, str) and isinstance(found, dict) and step in found
        is_item = isinstance(step, int) and isinstance(found, list) and step < len(found)
        if not is_member and not is_item:
            return MISSING
        found = found[step]
    return found


def read_text(document: Any, path: str | None, most: int) -> str:
    """What stands there as text, at most so long; empty where nothing does, or what is there is no plain value."""
    found = read(document, path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return str(found).replace("\0", "").encode("utf-8", "replace").decode().strip()[:most]
