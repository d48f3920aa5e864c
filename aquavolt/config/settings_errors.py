"""What is wrong with settings: by line of the file, variable or option, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aquavolt.config.documents import ConfigError, Document
from aquavolt.config.forms import FORMS
from metering.site_document import Fault

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Sources:
    """Where values come from.

    document   aquavolt.yaml, if there is one
    given      options of the command line, by key
    variables  of the environment, by key (`influx.url`); `is_set` names those that are there
    """

    document: Document | None
    given: Mapping[str, Any]
    variables: Mapping[str, str]
    is_set: frozenset[str]

    def option(self, path: Sequence[int | str]) -> str | None:
        """The option that the value came from."""
        value = self.given.get(str(path[0]))
        if isinstance(value, dict):
            return str(path[1]) if len(path) > 1 and path[1] in value else None
        return None if value is None else str(path[0]).replace("_", "-")

    def variable(self, path: Sequence[int | str], *, is_missing: bool) -> str | None:
        """The variable that the value came from, or that is missing beside others of its section."""
        key, section = ".".join(map(str, path)), str(path[0])
        for name in (key, section):
            if self.variables.get(name) in self.is_set:
                return self.variables[name]
        others = {variable for name, variable in self.variables.items() if name.startswith(f"{section}.")}
        return self.variables.get(key) if is_missing and others & self.is_set else None


def settings_error(error: ValidationError, sources: Sources, allowed: Sequence[str]) -> ConfigError:
    """Every fault, each where it came from. `allowed`: the keys that there are."""
    in_file, told = [], []
    for fault in error.errors(include_url=False):
        path, message = tuple(fault["loc"]), _said(fault, allowed)
        if option := sources.option(path):
            told.append(f"--{option}: {message}")
        elif variable := sources.variable(path, is_missing=fault["type"] == "missing"):
            told.append(f"{variable}: {message}")
        else:
            in_file.append(Fault(_in_file(path, sources.document), message))
    if sources.document and in_file:
        told.append(str(sources.document.error(in_file)))
    return ConfigError("\n".join(told))


def _in_file(path: tuple[int | str, ...], document: Document | None) -> tuple[int | str, ...]:
    """The path without the kinds that the library puts into it: the file has them as a value, not as a key."""
    here: Any = document.content if document else None
    kept: list[int | str] = []
    for part in path:
        if isinstance(here, dict) and part == here.get("kind") and part not in here:
            continue
        kept.append(part)
        inner = isinstance(here, dict) or (isinstance(here, list) and isinstance(part, int) and part < len(here))
        here = (here.get(part) if isinstance(here, dict) else here[int(part)]) if inner else None
    return tuple(kept)


def _said(fault: ErrorDetails, allowed: Sequence[str]) -> str:
    """What is wrong, in words where the library would show its expression."""
    if fault["type"] == "extra_forbidden":
        return f"unknown key; allowed: {', '.join(allowed)}" if len(fault["loc"]) == 1 else "unknown key"
    form = FORMS.get(str(fault.get("ctx", {}).get("pattern")))
    return f"{fault['input']!r}: it must be {form}" if form else fault["msg"]
