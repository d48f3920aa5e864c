"""The page of the repair platform: how sending goes, what could not be placed, messages and events, sending again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from alerts.errors import AlertError
from alerts.platform.values import Placing, SentState
from alerts.users.roles import Permission
from api.dependencies import CurrentActor, Parts
from api.parts import ApiParts
from api.permits import needs
from api.platform.parts import CurrentPlatform, RepairPlatform
from api.platform.schema import PlaceIn, ReplayIn
from api.platform.views import place_asked, replay_asked
from api.problems import Problem
from api.web.forms import Form
from api.web.platform_words import WORDS
from api.web.rendering import Pages
from metering.site import Site

router = APIRouter(include_in_schema=False, prefix="/repair-platform")
_READ, _MANAGE = [needs(Permission.DELIVERIES_READ)], [needs(Permission.PLATFORM_MANAGE)]
_SEE_OTHER, _REFUSED = 303, 422
_SHOWN, _MOST_DIGITS = 50, 15


@dataclass(frozen=True, slots=True)
class PlatformFilters:
    """What is shown, as it stands in the address; empty: all."""

    state: str = ""
    order: str = ""

    def with_(self, **changes: str) -> str:
        """The page's address with some filters changed."""
        chosen = {"state": self.state, "order": self.order} | changes
        kept = {name: value for name, value in chosen.items() if value}
        return "/repair-platform" + (f"?{urlencode(kept)}" if kept else "")


def _filters(request: Request) -> PlatformFilters:
    query, states = request.query_params, {state.value for state in SentState}
    order = query.get("order", "")
    is_number = order.isascii() and order.isdecimal() and len(order) <= _MOST_DIGITS
    return PlatformFilters(query["state"] if query.get("state") in states else "", order if is_number else "")


@router.get("", dependencies=_READ)
def get_platform_page(request: Request, parts: Parts, pages: Pages) -> Response:
    """How it goes, and what there is to do."""
    return _page(request, pages, parts)


def _page(request: Request, pages: Pages, parts: ApiParts, **more: Any) -> Response:
    context: dict[str, Any] = {"fault": "", "again": request.query_params.get("again", "")[:_MOST_DIGITS]} | more
    found = {} if parts.repair_platform is None else _found(parts.repair_platform, _filters(request))
    return pages.page(
        request, "repair_platform.html", nav="platform", platform=parts.repair_platform, **found, **context, **WORDS
    )


def _found(platform: RepairPlatform, filters: PlatformFilters) -> dict[str, Any]:
    desk, order = platform.desk, int(filters.order) if filters.order else None
    sent = desk.sent(state=SentState(filters.state) if filters.state else None, order_id=order, limit=_SHOWN)
    received = desk.received(order_id=order, limit=_SHOWN)
    orders = [one.order_id for one in sent] + [one.order_id for one in received if one.order_id is not None]
    return {
        "figures": desk.figures(),
        "sending": platform.status(),
        "refusals": platform.refusals.last(),
        "filters": filters,
        "sent": sent,
        "received": received,
        "unplaced": desk.received(placing=Placing.UNPLACED, limit=_SHOWN),
        "links": desk.links(orders),
    }


@router.post("/replay", dependencies=_MANAGE)
def send_again(
    request: Request, parts: Parts, pages: Pages, platform: CurrentPlatform, actor: CurrentActor, form: Form
) -> Response:
    """One message, everything of an order, or a range."""
    try:
        asked = ReplayIn.model_validate(_replay_document(form, parts.site()))
        count = replay_asked(platform, asked, actor)
    except (ValidationError, AlertError, Problem) as error:
        return _page(request, pages, parts, status=_REFUSED, fault=_said(error))
    return RedirectResponse(f"/repair-platform?again={count}", _SEE_OTHER)


def _replay_document(form: dict[str, str], site: Site) -> dict[str, Any]:
    """What the form says; times of the form are the site's."""
    given: dict[str, Any] = {name: form[name] for name in ("message", "order", "state") if form.get(name)}
    for name in ("since", "until"):
        if form.get(name):
            try:
                given[name] = datetime.fromisoformat(form[name]).replace(tzinfo=site.zone)
            except ValueError:
                given[name] = form[name]
    return given


@router.post("/events", dependencies=_MANAGE)
def place_event(
    request: Request, parts: Parts, pages: Pages, platform: CurrentPlatform, actor: CurrentActor, form: Form
) -> Response:
    """An event that was not placed: once more, or set aside."""
    try:
        place_asked(platform, PlaceIn.model_validate({k: form.get(k) for k in ("event", "act")}), actor)
    except (ValidationError, AlertError) as error:
        return _page(request, pages, parts, status=_REFUSED, fault=_said(error))
    return RedirectResponse("/repair-platform", _SEE_OTHER)


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return str(error)
