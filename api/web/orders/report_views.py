"""The page on which anybody reports running water, and the one that shows what became of the report."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.once import AnsweredError, KeyReusedError, Once
from alerts.orders.errors import UnknownReportError
from alerts.orders.orders import Orders
from alerts.orders.pictures import Picture
from alerts.orders.status_links import StatusLinks
from alerts.orders.values import Order, Report
from alerts.users.reach import reach_of
from alerts.users.roles import WHOLE_SITE, Permission
from api.dependencies import Parts
from api.orders.reach import CurrentOrders
from api.orders.uploads import UploadForm, pictures_of, text_of
from api.parts import ApiParts
from api.permits import needs
from api.problems import Problem
from api.web.orders.acting import REFUSED, back_to, notice_of
from api.web.orders.reporters import Reporters
from api.web.orders.words import GOOD_NOTICES, NOTICES
from api.web.rendering import Pages, Reader
from metering.site import Site

router = APIRouter(include_in_schema=False, dependencies=[needs(Permission.OPEN)])
Token = Annotated[str, Path(max_length=200)]
# The tree that a student chooses from: rooms are written in words, or come with the room's own QR code.
_CHOSEN_KINDS = frozenset({"campus", "zone", "building", "floor"})
_TRAP = "remark"  # nobody sees this field, no browser knows what to fill in: who does is a program
_NOBODY = ""  # whose keys they are that make a report one; no account has this name
_REFUSED = 422
_STEPS = ("received", "ordered", "in_work", "done", "confirmed")


def whole_site_reader(request: Request, parts: ApiParts, pages: Pages) -> Reader:
    """Somebody who sees the names of all places, and nothing else."""
    reader = pages.reader(request)
    site = parts.site()
    return replace(reader, reach=reach_of(site, (WHOLE_SITE,)), wording=replace(reader.wording, site=site))


def _places(site: Site, chosen: str, name_of: Callable[[str], str]) -> list[tuple[str, str]]:
    """Id and whole name of what can be chosen, parents first."""
    return [
        (n, name_of(n))
        for root in (n.id for n in site.nodes.values() if n.parent is None)
        for n in site.subtree(root)
        if site.nodes[n].kind in _CHOSEN_KINDS or n == chosen
    ]


@router.get("/report")
def get_report_page(request: Request, parts: Parts, pages: Pages) -> Response:
    """Where, what, photos. `?node=` is what a QR code on a door says."""
    _check_is_open(parts)
    notice = request.query_params.get("notice", "")
    return _form_page(request, parts, pages, {"node": request.query_params.get("node", "")}, notice)


def _form_page(
    request: Request, parts: ApiParts, pages: Pages, said: Mapping[str, str], notice: str, status: int = 200
) -> Response:
    """The form with what was written into it before."""
    reader, chosen = whole_site_reader(request, parts, pages), said.get("node", "")
    return pages.page(
        request, "report.html", status=status, reader=reader,
        places=_places(reader.site, chosen, reader.wording.place_name),
        chosen=chosen if chosen in reader.site.nodes else "", trap=_TRAP, words=said.get("words", ""),
        spot=said.get("spot", ""), once=secrets.token_urlsafe(16),
        notice=NOTICES.get(notice, ""), good=GOOD_NOTICES.get(notice, ""),
    )  # fmt: skip


def check_may_report(request: Request, parts: Parts) -> None:
    """Before anything is read of what is sent. Raises: Problem 404, 429."""
    _check_is_open(parts)
    reporters: Reporters = request.app.state.reporters
    if (wait_s := reporters.wait_s(request.client.host if request.client else "")) > 0:
        text = "Too many reports come from this address; try again later."
        raise Problem(429, text, headers={"Retry-After": str(wait_s)})


@router.post("/report", dependencies=[Depends(check_may_report)])
async def send_report(
    request: Request, parts: Parts, orders: CurrentOrders, pages: Pages, form: UploadForm
) -> Response:
    """Keep it; then the page that shows what becomes of it."""
    if text_of(form, _TRAP):
        return back_to("/report", "thanks")
    said = {name: text_of(form, name) for name in ("node", "words", "spot")}
    if said["node"] not in parts.site().nodes:
        return await run_in_threadpool(_form_page, request, parts, pages, said, "no_place", _REFUSED)
    try:
        pictures = await pictures_of(form)
        said["language"] = pages.reader(request).language
        number = await run_in_threadpool(_kept_once, orders, said, pictures, text_of(form, "once"))
    except REFUSED as error:
        return await run_in_threadpool(_form_page, request, parts, pages, said, notice_of(error), _REFUSED)
    token = await run_in_threadpool(StatusLinks(parts.records.database, parts.now).token_of, number)
    return back_to(f"/report/{token}", "thanks")


def _kept_once(orders: Orders, said: Mapping[str, str], pictures: Sequence[Picture], key: str) -> int:
    """The number of the report; sent twice from one page, as by a second tap on the button, it is one."""
    texts = said["node"], said["words"], said["spot"], said["language"]
    parts = [*texts, *(hashlib.sha256(p.content).hexdigest() for p in pictures)]
    asked = hashlib.sha256(repr(parts).encode()).hexdigest()
    once = Once(_NOBODY, key, asked, lambda report: str(report.id).encode()) if key else None
    try:
        return orders.report(*texts, pictures, once=once).id
    except AnsweredError as error:
        return int(error.answer)
    except KeyReusedError:  # the page again, with something else in it
        return orders.report(*texts, pictures).id


def _check_is_open(parts: ApiParts) -> None:
    """Raises: Problem 404."""
    if not parts.public_reports:
        raise Problem(404, "Reports are not taken on this page; call the office.")


@router.get("/report/{token}")
def get_status_page(request: Request, parts: Parts, orders: CurrentOrders, pages: Pages, token: Token) -> Response:
    """How this one report goes, and no more: no names, no other report, nothing of the alert."""
    reader = whole_site_reader(request, parts, pages)
    try:
        report = orders.get_report(StatusLinks(parts.records.database, parts.now).report_of(token))
    except UnknownReportError as error:
        raise Problem(404, "This report is no longer there.") from error
    order = None if report.order_id is None else orders.get(report.order_id)
    good = GOOD_NOTICES.get(request.query_params.get("notice", ""), "")
    return pages.page(
        request, "report_status.html", reader=reader, report=report, steps=steps_of(report, order), good=good,
        place=reader.wording.place_name(report.node), is_again=order is not None and order.state.value == "reopened",
    )  # fmt: skip


def steps_of(report: Report, order: Order | None) -> list[tuple[str, object, bool]]:
    """Code, time (None where it is not known or not yet) and whether it is reached, of each step of the way."""
    times = {
        "received": report.at,
        "ordered": None if order is None else order.created_at,
        "in_work": None if order is None else order.started_at,
        "done": None if order is None else order.done_at,
        "confirmed": None if order is None else order.verified_at,
    }
    reached = max(i for i, step in enumerate(_STEPS) if times[step] is not None)
    return [(step, times[step], i <= reached) for i, step in enumerate(_STEPS)]
