"""What is sent: a JSON template with `{names}`, filled from an order's document and the platform's own codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alerts.platform.values import FIELDS

_NAME = re.compile(r"{(\w*)}")
_DEEPEST = 12
Place = tuple[str | int, ...]


class TemplateError(ValueError):
    """A template that cannot be filled; `place` says where in it."""

    def __init__(self, place: Place, message: str) -> None:
        where = ".".join(map(str, place))
        super().__init__(f"{where}: {message}" if where else message)
        self.place = place


def check_template(template: Any) -> None:
    """Raises: TemplateError: it names what there is not, or is no JSON object."""
    if not isinstance(template, dict) or not template:
        raise TemplateError((), "must be a mapping: the platform's names and what stands there")
    for place, text in _texts(template, ()):
        for name in _NAME.findall(text):
            if name not in FIELDS:
                raise TemplateError(place, f"{{{name}}} is none; there are: {', '.join(FIELDS)}")


def _texts(template: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if len(place) > _DEEPEST:
        raise TemplateError(place[:3], "is nested too deep")
    if isinstance(template, dict | list):
        for key, inner in template.items() if isinstance(template, dict) else enumerate(template):
            if isinstance(template, dict) and not isinstance(key, str):
                raise TemplateError((*place, key), "a JSON object's names are texts: put it in quotes")
            yield from _texts(inner, (*place, key))
    elif isinstance(template, str):
        yield place, template
    elif template is not None and not isinstance(template, bool | int | float):
        raise TemplateError(place, "JSON knows no dates: put it in quotes")


def fill(template: Any, document: Mapping[str, Any], wire: Callable[[str, Any], Any]) -> Any:
    """The template filled; `wire` turns a name's value into the platform's.

    A text that is one name alone becomes its value, of whatever type; among other text it is written out, null as
    nothing.
    """
    if isinstance(template, dict):
        return {key: fill(inner, document, wire) for key, inner in template.items()}
    if isinstance(template, list):
        return [fill(inner, document, wire) for inner in template]
    if not isinstance(template, str):
        return template
    if (whole := _NAME.fullmatch(template)) is not None:
        return wire(whole[1], document.get(whole[1]))
    return _NAME.sub(lambda found: _written(wire(found[1], document.get(found[1]))), template)


def _written(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
