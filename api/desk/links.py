"""Where a message's signed link leads: the alerts of that message on a phone, and the button that takes one.

Outside of the sign-in: the link says who comes. Opening changes nothing; only the button's POST does.
"""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, RedirectResponse

from alerts.messages import place_text
from alerts.notify.links import LinkError, Opened
from alerts.values import Actor, Alert
from alerts.words import Language, word
from api.dependencies import Parts
from api.parts import ApiParts
from api.problems import Problem

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(max_length=200)]
_SHOWN = 50


def open_link(parts: ApiParts, token: str) -> Opened:
    """What the link stands for. Raises: Problem 403 (forged, past its end, an account that is gone)."""
    if parts.desk is None:
        raise Problem(503, "This program has no roster and no routes.")
    try:
        opened = parts.desk.links.open(token)
    except LinkError as error:
        raise Problem(403, f"{error}.") from error
    if not parts.desk.is_active(opened.person):
        raise Problem(403, "The account that this link was sent to is gone.")
    return opened


@router.get("/go/{token}")
def show(parts: Parts, token: Token) -> HTMLResponse:
    """The alerts of the message, each with its button."""
    opened = open_link(parts, token)
    alerts = [parts.records.get_alert(alert_id) for alert_id in opened.alerts[:_SHOWN]]
    body = "".join(_article(alert, parts, token) for alert in alerts)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>AquaVolt</title>'
    return HTMLResponse(f'<!doctype html><html lang="zh-CN"><head>{head}</head><body><main>{body}</main></body></html>')


@router.post("/go/{token}/{alert_id}")
def take(
    parts: Parts, request: Request, token: Token, alert_id: Annotated[str, Path(max_length=200)]
) -> RedirectResponse:
    """I have it. Only alerts of this very message can be taken with its link."""
    opened = open_link(parts, token)
    if alert_id not in opened.alerts:
        raise Problem(403, "This link is of another alert.")
    origin = f"link {request.client.host}" if request.client else "link"
    alert = parts.records.acknowledge(alert_id, Actor(opened.person, origin))
    parts.stream.publish({"type": "alert", "id": alert.id, "change": "acknowledged"})
    return RedirectResponse(f"/go/{token}", status_code=303)


def _article(alert: Alert, parts: ApiParts, token: str) -> str:
    zh = Language.ZH_CN
    title = f"{word(f'severity.{alert.severity}', zh)} · {word(f'category.{alert.category}', zh)}"
    place = place_text(parts.site(), alert.node)
    if alert.acknowledged:
        button = f"<p>{escape(word('acknowledged.yes', zh))}: {escape(alert.acknowledged_by or '')}</p>"
    else:
        action = f"/go/{escape(token)}/{escape(alert.id)}"
        button = f'<form method="post" action="{action}"><button>我来处理 · I have it</button></form>'
    return f"<article><h1>{escape(title)}</h1><p>{escape(place)}</p>{button}</article>"
