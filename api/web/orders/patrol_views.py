"""The patrol on the phone: place after place, ticked off with one tap."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.errors import AlertError
from alerts.orders.patrol import PatrolItem, PatrolKind
from alerts.orders.patrols import Patrols
from alerts.orders.ticks import NewTick, TickResult
from alerts.users.roles import Permission
from api.dependencies import CurrentActor, CurrentAlerts, CurrentHealth, CurrentReach, Parts
from api.orders.patrol import patrol_of, place_of_item
from api.parts import ApiParts
from api.permits import needs
from api.web.forms import Form
from api.web.orders.acting import back_to
from api.web.orders.words import GOOD_NOTICES, KINDS, NOTICES, RESULTS
from api.web.rendering import Pages, Reader

router = APIRouter(include_in_schema=False, dependencies=[needs(Permission.PATROL_WALK)])


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing to look at. `tick_id` is for the one tick that this page may send of it."""

    item: PatrolItem
    title: str
    is_due: bool
    tick_id: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One building's, in the order of the way."""

    place: str
    stops: tuple[tuple[str, Stop], ...]

    @property
    def due(self) -> int:
        """How many wait for somebody."""
        return sum(stop.is_due for _, stop in self.stops)


@router.get("/patrol")
def get_patrol_page(
    request: Request, parts: Parts, alerts: CurrentAlerts, reach: CurrentReach, health: CurrentHealth, pages: Pages
) -> Response:
    """What to look at, by building."""
    reader, now = pages.reader(request), parts.now()
    items = patrol_of(parts, alerts, reach, health, now)
    legs = tuple(
        Leg(place, tuple((reader.wording.place_name(i.node), _stop(i, parts, reader)) for i in found))
        for place, found in groupby(items, key=lambda i: _building(i.node, reader))
    )
    notice = request.query_params.get("notice", "")
    return pages.page(
        request, "patrol.html", reader=reader, legs=legs, kinds=KINDS, results=RESULTS, total=len(items),
        notice=NOTICES.get(notice, ""), good=GOOD_NOTICES.get(notice, ""), nav="patrol",
    )  # fmt: skip


def _stop(item: PatrolItem, parts: ApiParts, reader: Reader) -> Stop:
    is_alert = item.kind in {PatrolKind.ALERT, PatrolKind.CLEARED}
    title = reader.wording.title(parts.records.get_alert(item.subject)) if is_alert else item.subject
    return Stop(item, title, item.is_due(parts.now()), secrets.token_urlsafe(12))


def _building(node: str, reader: Reader) -> str:
    """The building's name, or of what lies above buildings the place's own."""
    if node not in reader.site.nodes:
        return node
    path = reader.site.place_path(node)
    found = next((n for n in path if reader.site.nodes[n].kind == "building"), node)
    return reader.site.nodes[found].name or found


@router.post("/patrol/ticks")
def tick(parts: Parts, alerts: CurrentAlerts, reach: CurrentReach, actor: CurrentActor, form: Form) -> Response:
    """I looked at it."""
    try:
        item = form.get("item", "")
        result = TickResult(form.get("result", ""))
        node = place_of_item(item, alerts, reach)
        new = NewTick(form.get("id", ""), item, node, parts.now(), result, form.get("note", ""))
        Patrols(parts.records.database, parts.now).put(new, actor)
    except (AlertError, ValueError):
        return back_to("/patrol", "wrong_state")
    return back_to("/patrol", "ticked")
