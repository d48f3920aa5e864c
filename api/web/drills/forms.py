"""The form of a drill: what was typed, as a plan that is checked."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.drills.values import (
    LONGEST_EVENT_S,
    LONGEST_LIMIT_S,
    LONGEST_NOTE,
    SHORTEST_LIMIT_S,
    SPEEDS,
    Audience,
    DrillPlan,
)
from api.web.rendering import Reader
from api.web.wording import N_
from metering.drill_kinds import KINDS, DrillKind
from metering.drills import meter_for, most_allowed
from metering.quantities import WATER
from metering.site import Site

LITRES = 1000.0
_HOUR_S, _MINUTE_S = 3600, 60
_NO_METER = N_("No meter of that medium stands there: choose another place.")
_NO_SIZE = N_("The size of it must lie between %(low)s and %(high)s.")
_NO_TIME = N_("The times are whole numbers: the fault within 7 days of the copy's time, the drill within 3 days.")
_NO_KIND = N_("Choose what is simulated, how fast, and who is told.")


class DrillFaultError(Exception):
    """What was typed cannot be; the text is in the reader's language."""


@dataclass(frozen=True, slots=True)
class DrillPlace:
    """A place that has a meter of the medium."""

    node: str
    medium: str


def places_of(site: Site) -> tuple[DrillPlace, ...]:
    """Where a drill can be, in the order of the site."""
    media = {limits.medium: kind for kind, limits in KINDS.items()}
    return tuple(
        DrillPlace(node, medium) for medium, kind in media.items() for node in site.nodes if meter_for(site, node, kind)
    )


def plan_of(form: dict[str, str], site: Site, reader: Reader) -> DrillPlan:
    """The plan as it was typed. Raises: DrillFaultError."""
    gettext = reader.wording.gettext
    try:
        kind, audience, speed = DrillKind(form.get("kind", "")), Audience(form.get("audience", "")), int(form["speed"])
    except (ValueError, KeyError) as error:
        raise DrillFaultError(gettext(_NO_KIND)) from error
    if speed not in SPEEDS or len(form.get("note", "")) > LONGEST_NOTE:
        raise DrillFaultError(gettext(_NO_KIND))
    node = form.get("node", "")
    meter = meter_for(site, node, kind) if node in site.nodes else None
    if meter is None:
        raise DrillFaultError(gettext(_NO_METER))
    after, lasts, limit = _times(form, reader)
    return DrillPlan(
        kind=kind, node=node, meter="", medium="", size=_size(form, kind, site, meter.id, reader), speed=speed,
        after_s=after, lasts_s=lasts, limit_s=limit, audience=audience, note=form.get("note", ""),
    )  # fmt: skip


def _size(form: dict[str, str], kind: DrillKind, site: Site, meter: str, reader: Reader) -> float:
    """What was typed in L/h or kW, as m3/h or kW; nothing typed: the usual size."""
    limits, text = KINDS[kind], form.get("size", "").strip()
    rated = most_allowed(site, meter)
    high = limits.high if rated is None else min(limits.high, rated)
    per = LITRES if limits.medium == WATER else 1.0
    try:
        size = float(text) / per if text else min(limits.usual, high)
    except ValueError:
        size = 0.0
    if limits.low <= size <= high:
        return size
    low, most = (reader.formats.rate(value, limits.medium) for value in (limits.low, high))
    raise DrillFaultError(reader.wording.gettext(_NO_SIZE) % {"low": low, "high": most})


def _times(form: dict[str, str], reader: Reader) -> tuple[int, int | None, int]:
    try:
        after = int(form.get("after_min") or "0") * _MINUTE_S
        lasts = int(form["lasts_h"]) * _HOUR_S if form.get("lasts_h") else None
        limit = int(form.get("limit_min") or "240") * _MINUTE_S
    except ValueError:
        raise DrillFaultError(reader.wording.gettext(_NO_TIME)) from None
    fits = after >= 0 and (lasts is None or lasts > 0) and after + (lasts or 0) <= LONGEST_EVENT_S
    if not fits or not SHORTEST_LIMIT_S <= limit <= LONGEST_LIMIT_S:
        raise DrillFaultError(reader.wording.gettext(_NO_TIME))
    return after, lasts, limit
