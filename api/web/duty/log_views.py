"""The page of notifications: what was sent to whom, how it stands, and a test of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.duty_desk.desk import DutyDesk
from alerts.errors import UnknownAlertError
from alerts.users.reach import AlertsWithin
from alerts.users.roles import Permission
from alerts.values import Alert, Delivery, DeliveryState
from api.dependencies import CurrentActor
from api.duty.desk import CurrentDutyDesk
from api.permits import needs
from api.web.duty.reading import one
from api.web.duty.words import target_name
from api.web.forms import Fields
from api.web.rendering import Pages

router = APIRouter(include_in_schema=False, prefix="/notifications")
_READ, _TEST = [needs(Permission.DELIVERIES_READ)], [needs(Permission.CHANNELS_TEST)]
_SEE_OTHER = 303
_LONGEST_ADDRESS = 200


@dataclass(frozen=True, slots=True)
class LogFilters:
    """What of the log is shown, as it stands in the address; empty: all."""

    state: str = ""
    channel: str = ""

    def with_(self, **changes: str) -> str:
        """The address of the log with some filters changed."""
        chosen = {"state": self.state, "channel": self.channel} | changes
        kept = {name: value for name, value in chosen.items() if value}
        return "/notifications" + (f"?{urlencode(kept)}" if kept else "")


@router.get("", dependencies=_READ)
def get_notifications(request: Request, pages: Pages, desk: CurrentDutyDesk) -> Response:
    """The log, latest first, and the channels."""
    query, reader = request.query_params, pages.reader(request)
    states = {state.value for state in DeliveryState}
    filters = LogFilters(
        state=query["state"] if query.get("state") in states else "",
        channel=query["channel"] if query.get("channel") in desk.channels else "",
    )
    page = desk.log.page(
        state=DeliveryState(filters.state) if filters.state else None, channel=filters.channel or None,
        cursor=query.get("cursor"),
    )  # fmt: skip
    context: dict[str, Any] = {
        "items": page.items, "next_cursor": page.next_cursor, "filters": filters, "target_name": target_name,
        "alerts": _alerts_of(page.items, reader.alerts), "channels": [(c, _last(desk, c)) for c in desk.channels],
        "tested": query.get("tested", "")[:_LONGEST_ADDRESS],
    }  # fmt: skip
    return pages.page(request, "notifications.html", reader=reader, nav="duty", **context)


def _alerts_of(items: tuple[Delivery, ...], alerts: AlertsWithin) -> dict[str, Alert]:
    """The alerts that are told of, as far as they are still there and seen."""
    found = {}
    for alert_id in {sent.alert_id for sent in items if sent.alert_id is not None}:
        try:
            found[alert_id] = alerts.get(alert_id)
        except UnknownAlertError:
            continue
    return found


def _last(desk: DutyDesk, channel: str) -> Delivery | None:
    """The latest notification of a channel."""
    return next(iter(desk.log.page(channel=channel, limit=1).items), None)


@router.post("/test", dependencies=_TEST)
def send_test(desk: CurrentDutyDesk, actor: CurrentActor, fields: Fields) -> Response:
    """A test message goes the way of all others; the log shows how it stands."""
    channel = one(fields, "channel")
    desk.send_test(channel, one(fields, "address")[:_LONGEST_ADDRESS], actor)
    return RedirectResponse(f"/notifications?{urlencode({'tested': channel})}", _SEE_OTHER)
