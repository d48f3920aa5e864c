"""The page of head-counts: a file is looked at first, then taken."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.head_counts import LONGEST_SOURCE
from alerts.users.roles import Permission
from api.dependencies import CurrentActor, CurrentReach, Parts, node_of
from api.head_counts.taking import Counts, take
from api.permits import needs
from api.web.forms import Form
from api.web.head_counts_page import MOST_SHOWN, build_head_counts, preview_of
from api.web.rendering import Pages
from metering.head_counts import read_count_table

router = APIRouter(include_in_schema=False, prefix="/head-counts")
_READ, _WRITE = [needs(Permission.SITE_READ)], [needs(Permission.HEAD_COUNTS_WRITE)]
_REFUSED = 422


def _page(request: Request, parts: Parts, pages: Pages, book: Counts, node: str | None, **more: Any) -> Response:
    reader = pages.reader(request)
    view = build_head_counts(book, reader, node, parts.now())
    context: dict[str, Any] = {"preview": None, "taken": None, "most": MOST_SHOWN} | more
    return pages.page(request, "head_counts.html", reader=reader, nav="head_counts", view=view, **context)


@router.get("", dependencies=_READ)
def get_page(
    request: Request, parts: Parts, pages: Pages, reach: CurrentReach, book: Counts, node: str = "", taken: int = -1
) -> Response:
    """What holds today."""
    place = node_of(reach.site, node).id if node else None
    return _page(request, parts, pages, book, place, taken=taken if taken >= 0 else None)


@router.post("/preview", dependencies=_WRITE)
def preview(request: Request, parts: Parts, pages: Pages, reach: CurrentReach, book: Counts, form: Form) -> Response:
    """What the text of a file would change; nothing is written."""
    text, source = form.get("text", ""), form.get("source", "")[:LONGEST_SOURCE]
    looked = take(book, read_count_table(text.encode(), reach.site.nodes), None)
    status = 200 if looked.rows else _REFUSED
    shown = preview_of(looked, text, source, pages.reader(request))
    return _page(request, parts, pages, book, None, preview=shown, status=status)


@router.post("", dependencies=_WRITE)
def bring(reach: CurrentReach, actor: CurrentActor, book: Counts, form: Form) -> Response:
    """The good rows of the text that was looked at."""
    table = read_count_table(form.get("text", "").encode(), reach.site.nodes)
    taken = take(book, table, actor, form.get("source", "")[:LONGEST_SOURCE])
    return RedirectResponse(f"/head-counts?taken={len(taken.changes)}", 303)
