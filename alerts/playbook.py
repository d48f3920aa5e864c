"""What to do about an alert, from a file: by category, medium, probable cause, kind and use of place, kind of work.

A play fits when all that it says is so. The one that says the most wins, the first of equals. A site's own plays are
looked at before those that ship with the program (`playbook.yaml` beside this file, which also explains the form).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from alerts.values import Alert
from alerts.words import Language, values_of
from metering.incident import Category
from metering.quantities import MEDIA
from metering.site import NODE_KINDS, Site
from metering.site_document import Fault
from metering.site_document import Path as KeyPath

SHIPPED = Path(__file__).with_name("playbook.yaml")
_PLAYS, _WHEN = "plays", "when"
_Values = Mapping[str, tuple[str, ...]]


class PlaybookError(ValueError):
    """The document is no playbook; `faults` has everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{'.'.join(map(str, f.path)) or 'playbook'}: {f.message}" for f in self.faults))


@dataclass(frozen=True, slots=True)
class Play:
    """What to do, in each language, line by line, where all of `when` is so."""

    when: Mapping[str, str]
    steps: Mapping[Language, tuple[str, ...]]

    def fits(self, facts: Mapping[str, str]) -> bool:
        """Whether an alert with these facts is one of its own."""
        return all(facts.get(key) == value for key, value in self.when.items())


@dataclass(frozen=True, slots=True)
class Playbook:
    """`own` plays of a site, then those that ship."""

    shipped: tuple[Play, ...]
    own: tuple[Play, ...] = ()

    def steps(self, alert: Alert, site: Site, language: Language) -> tuple[str, ...]:
        """What to do about an alert, the first step first; at least one line."""
        if (given := _given(alert, language)) is not None:
            return (given,)
        facts = facts_of(alert, site)
        fitting = [p for p in self.own if p.fits(facts)] or [p for p in self.shipped if p.fits(facts)]
        return max(fitting, key=lambda p: len(p.when)).steps[language]


def facts_of(alert: Alert, site: Site) -> dict[str, str]:
    """What plays may ask of an alert; a fact that is not known is left out."""
    cause, node = alert.evidence.get("cause"), site.nodes.get(alert.node)
    facts = {
        "category": alert.category.value,
        "medium": alert.medium,
        "cause": str(cause.get("code")) if isinstance(cause, Mapping) else "",
        "place": node.kind if node else "",
        "use": node.use if node else "",
        "step": str(alert.evidence.get("next_step") or ""),
    }
    return {key: value for key, value in facts.items() if value}


def _given(alert: Alert, language: Language) -> str | None:
    """The alert's own words, where its next step is no code: a text, or one a language."""
    said = alert.evidence.get("next_step")
    if isinstance(said, Mapping):
        said = said.get(language.value)
    is_code = not isinstance(said, str) or not said or (said.isascii() and said.isidentifier())
    return None if is_code else str(said)


def parse_playbook(document: Any, steps: Collection[str] = ()) -> tuple[Play, ...]:
    """The plays of a document as a YAML reader gives it. `steps`: kinds of work that there are; none: any.

    Raises:
        PlaybookError: with every fault, each named by its path.
    """
    faults: list[Fault] = []
    if not isinstance(document, Mapping) or not isinstance(document.get(_PLAYS), list):
        raise PlaybookError([Fault((), f"must be a mapping with one key: {_PLAYS}, a list")])
    faults += [Fault((str(k),), f"unknown key {k!r}; allowed: {_PLAYS}") for k in document if k != _PLAYS]
    values = _values(steps)
    plays = [_play(item, (_PLAYS, i), values, faults) for i, item in enumerate(document[_PLAYS])]
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    for i, play in enumerate(plays):
        first = seen.setdefault(tuple(sorted(play.when.items())), i)
        if first != i and play.when:
            faults.append(Fault((_PLAYS, i, _WHEN), f"play {first + 1} of the list is about the very same"))
    if faults:
        raise PlaybookError(faults)
    return tuple(plays)


def _play(item: Any, path: KeyPath, values: _Values, faults: list[Fault]) -> Play:
    allowed = (_WHEN, *(language.value for language in Language))
    if not isinstance(item, Mapping):
        faults.append(Fault(path, f"must be a mapping with keys of: {', '.join(allowed)}"))
        return Play({}, {})
    unknown = [str(key) for key in item if key not in allowed]
    faults += [Fault((*path, key), f"unknown key {key!r}; allowed: {', '.join(allowed)}") for key in unknown]
    steps = {language: _lines(item.get(language.value), (*path, language.value), faults) for language in Language}
    return Play(_when(item.get(_WHEN), (*path, _WHEN), values, faults), steps)


def _when(given: Any, path: KeyPath, known: _Values, faults: list[Fault]) -> dict[str, str]:
    if not isinstance(given, Mapping) or not given:
        faults.append(Fault(path, f"must be a mapping with one key at least of: {', '.join(known)}"))
        return {}
    for key, value in given.items():
        if key not in known:
            faults.append(Fault((*path, str(key)), f"unknown key {key!r}; allowed: {', '.join(known)}"))
        elif not isinstance(value, str) or not value:
            faults.append(Fault((*path, key), "must be text"))
        elif known[key] and value not in known[key]:
            faults.append(Fault((*path, key), f"unknown value {value!r}; allowed: {', '.join(known[key])}"))
    return {str(key): str(value) for key, value in given.items()}


def _lines(given: Any, path: KeyPath, faults: list[Fault]) -> tuple[str, ...]:
    is_list = isinstance(given, list) and bool(given)
    if not is_list or not all(isinstance(line, str) and line.strip() for line in given):
        faults.append(Fault(path, "must be a list with one line of text at least"))
        return ()
    return tuple(" ".join(line.split()) for line in given)


def _values(steps: Collection[str]) -> _Values:
    """The keys of `when`, and the values each may have; none: any text."""
    return {
        "category": tuple(Category), "medium": tuple(MEDIA), "cause": values_of("cause"), "place": NODE_KINDS,
        "use": (), "step": tuple(steps),
    }  # fmt: skip


@cache
def shipped_plays() -> tuple[Play, ...]:
    """Those of the file that ships with the program."""
    return parse_playbook(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))


def shipped_playbook() -> Playbook:
    """Without plays of a site's own."""
    return Playbook(shipped_plays())


def known_steps() -> tuple[str, ...]:
    """The kinds of work that the shipped plays name."""
    return tuple(sorted({p.when["step"] for p in shipped_plays() if "step" in p.when}))
