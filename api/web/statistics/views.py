"""The page of the figures."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.users.roles import Permission
from api.dependencies import CurrentUser
from api.permits import needs
from api.statistics.asked import CurrentAsked
from api.web.account_words import ROLES
from api.web.orders.words import STATES
from api.web.rendering import Pages
from api.web.statistics.page import build_statistics
from api.web.statistics.words import COUNT_WORDS, MISSED_STEPS, STEP_HINTS, STEP_WORDS, discovery_text

router = APIRouter(include_in_schema=False)


@router.get("/statistics", dependencies=[needs(Permission.STATISTICS_READ)])
def get_statistics_page(request: Request, pages: Pages, asked: CurrentAsked) -> Response:
    """The figures of a period, to look at and to print."""
    reader = pages.reader(request)
    return pages.page(
        request, "statistics.html", reader=reader, nav="statistics", view=build_statistics(asked, reader),
        count_words=COUNT_WORDS, step_words=STEP_WORDS, step_hints=STEP_HINTS, missed_steps=MISSED_STEPS, roles=ROLES,
        discovery=discovery_text(asked.parts.discovery, reader),
    )  # fmt: skip


@router.get("/statistics/contractors", dependencies=[needs(Permission.SCORECARDS_READ)])
def get_scorecards_page(request: Request, pages: Pages, user: CurrentUser, asked: CurrentAsked) -> Response:
    """Contractors' scorecards; a contractor's own."""
    zone = asked.reach.site.zone
    last = (asked.wanted.until - timedelta(milliseconds=1)).astimezone(zone).date()
    start = asked.wanted.since.astimezone(zone).date()
    period = {"start": start, "last": last, "end": last + timedelta(days=1)}
    nav = "statistics" if user.may(Permission.STATISTICS_READ) else "scores"
    cards = [(card, asked.latest_orders(card.contractor)) for card in asked.scorecards()]
    return pages.page(request, "scorecards.html", nav=nav, cards=cards, period=period, order_states=STATES)
