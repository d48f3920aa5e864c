"""The silences as their page needs them: those that hold, those to come, those that are over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import EntryKind
from alerts.routing.muting import silences_of
from alerts.routing.routes import Silence
from alerts.users.reach import AlertsWithin
from alerts.values import AlertFilter, AlertState
from api.web.duty import reading
from api.web.duty.reading import Typed, one
from api.web.duty.route_forms import match_document
from metering.site import Site

_SHOWN_AFTER = timedelta(days=30)
_MOST_ACTIVE = 500


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """One silence. `held`: how many active alerts it keeps from being told now."""

    id: str
    silence: Silence
    version: int
    author: str
    held: int


@dataclass(frozen=True, slots=True)
class SilencesView:
    """The page; what is over stays on it for 30 days."""

    holding: tuple[SilenceRow, ...]
    coming: tuple[SilenceRow, ...]
    over: tuple[SilenceRow, ...]


def build_silences(desk: DutyDesk, alerts: AlertsWithin, now: datetime) -> SilencesView:
    """The silences by time."""
    book = desk.book()
    active = alerts.find(AlertFilter(state=AlertState.ACTIVE, inhibited=None), limit=_MOST_ACTIVE).items
    held = Counter(mute.by for alert in active for mute in silences_of(alert, now, book))
    rows = [
        SilenceRow(e.id, e.content, e.version, e.author, held[e.id])
        for e in desk.entries.all(EntryKind.SILENCE)
        if isinstance(e.content, Silence)
    ]
    by_end = sorted(rows, key=lambda row: row.silence.end)
    return SilencesView(
        holding=tuple(row for row in by_end if row.silence.start <= now < row.silence.end),
        coming=tuple(sorted((row for row in rows if row.silence.start > now), key=lambda row: row.silence.start)),
        over=tuple(row for row in reversed(by_end) if now - _SHOWN_AFTER < row.silence.end <= now),
    )


def silence_document(typed: Typed, site: Site) -> dict[str, Any]:
    """A silence as it was typed."""
    return {
        "kind": one(typed, "kind", "silence"),
        "match": match_document(typed),
        "start": reading.moment(one(typed, "start"), site),
        "end": reading.moment(one(typed, "end"), site),
        "reason": one(typed, "reason"),
    }
