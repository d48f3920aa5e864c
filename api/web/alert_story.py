"""What happened to one alert, line by line, as people read it: who, when, from where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.past import Episode, Similar
from alerts.values import Action, Alert, AuditEntry, Outcome
from alerts.words import Language
from api.web.rendering import Reader
from api.web.wording import ACTIONS, N_, OUTCOMES

# Actors of the program itself.
_ACTORS = {
    "rules": N_("by the rules"),
    "deadlines": N_("by the clock"),
    "routes": N_("by the routes"),
    "system": N_("by the program"),
    "demo": N_("Demo administrator"),
}
_PROGRAM = frozenset({"rules", "deadlines", "routes", "system"})
_LINK = "link"
_AT_ONCE = timedelta(minutes=2)  # between the press and its arrival
_OPEN_AGAIN = N_("Outcome taken back")
_MOVED = frozenset({Action.RAISED, Action.MOVED, Action.REOPENED})


@dataclass(frozen=True, slots=True)
class Line:
    """One act. `origin` is the address a person acted from; empty for the program's own acts.

    said      when the person did it, where it was sent later
    by_link   by the signed link of a message, without signing in
    at        when it was, by the meters' time for what the rules say
    version   of the rules whose word it is; empty for what people do
    """

    action: str
    label: str
    detail: str
    said: datetime | None
    text: str
    who: str
    origin: str
    by_link: bool
    at: datetime
    version: str


def lines_of(alert: Alert, entries: Iterable[AuditEntry], reader: Reader) -> tuple[Line, ...]:
    """The latest first; figures that only grew are left out."""
    told = [_line(alert, e, reader) for e in entries if e.action is not Action.UPDATED]
    return tuple(reversed(told))


def _line(alert: Alert, entry: AuditEntry, reader: Reader) -> Line:
    say, actor = reader.wording.gettext, _ACTORS.get(entry.actor)
    return Line(
        action=entry.action.value,
        label=say(_label(entry)),
        detail=_detail(alert, entry, reader),
        said=said_later(entry.at, entry.detail),
        text=entry.text,
        who=say(actor) if actor else entry.actor,
        origin="" if entry.actor in _PROGRAM else entry.origin.removeprefix(_LINK).strip(),
        by_link=entry.origin.startswith(_LINK),
        at=entry.event_at or entry.at,
        version=str(entry.detail.get("rules_revision") or "")[:8] if entry.actor == "rules" else "",
    )


def _label(entry: AuditEntry) -> str:
    is_open_again = entry.action is Action.REOPENED and _is_taken_back(entry)
    return _OPEN_AGAIN if is_open_again else ACTIONS[entry.action.value]


def _is_taken_back(entry: AuditEntry) -> bool:
    """Whether a person takes an outcome back; else the alert came back by itself."""
    return entry.action in {Action.REOPENED, Action.WITHDRAWN} and entry.actor not in _PROGRAM


def said_later(at: datetime, detail: Mapping[str, Any]) -> datetime | None:
    """When a person did what a line of history tells, where it came later: from a phone without a connection."""
    said = detail.get("said_at")
    moment = datetime.fromisoformat(said) if isinstance(said, str) else None
    return None if moment is None or at - moment < _AT_ONCE else moment


def _detail(alert: Alert, entry: AuditEntry, reader: Reader) -> str:
    """The one figure or name that the act is about."""
    say, known, f = reader.wording.gettext, entry.detail, reader.formats
    match entry.action:
        case Action.RESOLVED:
            return say(OUTCOMES[Outcome(known["outcome"])]) if known.get("outcome") else ""
        case Action.REOPENED | Action.WITHDRAWN if _is_taken_back(entry):
            return say(OUTCOMES[Outcome(known["outcome_before"])]) if known.get("outcome_before") else ""
        case Action.ASSIGNED:
            return _name(known.get("assigned_to"), reader)
        case Action.UNASSIGNED:
            return _name(known.get("assigned_before"), reader)
        case Action.HANDED_ON:
            return " → ".join(_name(known.get(end), reader) for end in ("from", "to"))
        case Action.UNANSWERED:
            asked = [str(key).partition(":")[2] for key in known.get("asked", ())]
            joint = "、" if reader.wording.language is Language.ZH_CN else ", "
            return joint.join(asked) or say(N_("nobody"))
        case Action.OVERDUE:
            due = known.get("due_at")
            return say(N_("due %(time)s")) % {"time": f.moment(datetime.fromisoformat(due))} if due else ""
    place = reader.wording.place_name(str(known["node"])) if entry.action in _MOVED and known.get("node") else ""
    rate = f.rate(known["loss_rate"], alert.medium) if known.get("loss_rate") and alert.unit in ("m3/h", "kW") else ""
    return " · ".join(part for part in (place, rate) if part)


def _name(name: str | None, reader: Reader) -> str:
    """A person's name; who is not there is nobody."""
    say = reader.wording.gettext
    return say(_ACTORS["demo"]) if name == "demo" else name or say(N_("nobody"))


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier alert like this one. `is_here`: at the very same place."""

    alert_id: str
    place: str
    title: str
    onset_at: datetime
    closed_at: datetime | None
    loss: float | None
    outcome: str
    is_here: bool


def past_alerts(found: Iterable[Similar], reader: Reader) -> tuple[Past, ...]:
    """Similar alerts of the past, as far as the reader sees them."""
    return tuple(
        Past(
            alert_id=s.alert.id,
            place=reader.wording.place_name(s.alert.node),
            title=reader.wording.title(s.alert),
            onset_at=s.alert.onset_at,
            closed_at=s.alert.closed_at,
            loss=s.alert.loss_total,
            outcome=outcome_text(s.alert.outcome, reader),
            is_here="place" in s.common,
        )
        for s in found
        if reader.reach.sees(s.alert)
    )


def outcome_text(outcome: Outcome | None, reader: Reader) -> str:
    """What it was found to be."""
    return reader.wording.gettext(OUTCOMES[outcome]) if outcome else reader.wording.gettext(N_("not said"))


def episode_rows(episodes: Iterable[Episode], reader: Reader) -> tuple[tuple[Episode, str], ...]:
    """The earlier times of this alert, the latest first, each with its outcome in words."""
    return tuple((e, outcome_text(e.outcome, reader)) for e in reversed(tuple(episodes)))
