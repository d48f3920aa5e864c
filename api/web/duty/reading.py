"""What people type into the forms of duties, routes and silences, as values that are checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from alerts.duty.roster import Strict
from alerts.duty_desk.entries import FORMS, EntryKind
from api.web.wording import N_, Translate
from metering.site import Site

Typed = Mapping[str, Sequence[str]]
_NAMES = re.compile(r"[,，、;；\n]")
# What a member of a form is called on its page.
_LABELS = {
    "role": N_("Role"), "name": N_("Name"), "nodes": N_("Places"), "fallback": N_("Where nobody is there"),
    "covers": N_("Somebody must be there"), "shifts": N_("Shifts"), "people": N_("People, in turn"),
    "start": N_("Begins"), "end": N_("Until"), "turn_days": N_("Days a turn"), "person": N_("Person"),
    "stand_in": N_("Stands in"), "reason": N_("Reason"), "targets": N_("Who is told"), "steps": N_("If nobody answers"),
    "after_s": N_("After, minutes"), "quiet": N_("Quiet hours"), "position": N_("Order"),
    "group_wait_s": N_("Gathered for, seconds"), "group_interval_s": N_("Next message after, minutes"),
    "repeat_s": N_("Told again after, minutes"), "match": N_("Which alerts"), "addresses": N_("Ways to reach them"),
    "channel": N_("Channel"), "address": N_("Address there"),
}  # fmt: skip
# Faults of the forms' own checks by how their text begins; what is not here is said by its kind.
_FAULTS = {
    "`end` must lie after": N_("the end must lie after the beginning"),
    "nobody stands in for": N_("nobody stands in for themselves"),
    "each step comes later": N_("each step must come later than the one before"),
    "a silence of everything": N_("choose places, media, categories or severities: a silence of everything is refused"),
    "`start` is 00:00": N_("a shift begins at 00:00 to 23:59"),
    "`last`": N_("the last day lies before the first"),
}
_KINDS = {
    "too_short": N_("something must be chosen or written"),
    "string_too_short": N_("something must be chosen or written"),
    "missing": N_("something must be chosen or written"),
    "none": N_("something must be chosen or written"),
}
_NOT_SO = N_("is not allowed as it stands")


class FormFaultError(Exception):
    """What was typed cannot be; `faults` says each thing, in the reader's language."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def checked(kind: EntryKind, document: Mapping[str, Any], say: Translate) -> Strict:
    """The value. Raises: FormFaultError."""
    try:
        return FORMS[kind].model_validate(document)
    except ValidationError as error:
        raise FormFaultError(list(dict.fromkeys(_fault(e, say) for e in error.errors()))) from error


def _fault(error: Any, say: Translate) -> str:
    named = [say(_LABELS[str(part)]) for part in error["loc"] if part in _LABELS]
    text = str(error["msg"]).removeprefix("Value error, ")
    known = next((said for begins, said in _FAULTS.items() if text.startswith(begins)), None)
    said = say(known or _KINDS.get(error["type"], _NOT_SO))
    return f"{' · '.join(named)}: {said}" if named else said


def one(typed: Typed, name: str, default: str = "") -> str:
    """The last value of a field, without blanks around it."""
    values = typed.get(name, ())
    return values[-1].strip() if values else default


def many(typed: Typed, name: str) -> list[str]:
    """Every value of a field, without empty ones."""
    return [v.strip() for v in typed.get(name, ()) if v.strip()]


def names(text: str) -> list[str]:
    """Names between commas, of either script."""
    return [name.strip() for name in _NAMES.split(text) if name.strip()]


def number(text: str, times: float = 1.0) -> int | None:
    """A number times a factor, to the whole; what is none gives None, and the form's check says so."""
    try:
        value = float(text) * times
    except ValueError:
        return None
    return round(value) if math.isfinite(value) else None


def moment(text: str, site: Site) -> datetime | None:
    """A local date and time of the site, as a browser sends it."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=site.zone).astimezone(UTC)
    except ValueError:
        return None


def row_numbers(typed: Typed, name: str) -> list[int]:
    """Which rows `name_0`, `name_1`, ... a form has."""
    found = (re.fullmatch(rf"{name}_(\d{{1,3}})", field) for field in typed)
    return sorted(int(m[1]) for m in found if m)


def new_id(kind: EntryKind) -> str:
    """An id for what has none yet."""
    return f"{kind.value}-{uuid4().hex[:8]}"


def version(typed: Typed) -> int:
    """The version that was seen; 0: it was new."""
    text = one(typed, "version")
    return int(text) if text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - fits the column
