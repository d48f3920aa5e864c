"""The poster for a door: the QR code of the page on which anybody reports running water there, to be printed on A4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import Response

from alerts.users.roles import Permission
from api.dependencies import Parts
from api.parts import ApiParts
from api.permits import needs
from api.problems import Problem
from api.web.rendering import Pages, Reader
from api.web.texts import LANGUAGES, translations_of
from api.web.wording import N_

router = APIRouter(include_in_schema=False, dependencies=[needs(Permission.ORDERS_MANAGE)])
MOST_AT_ONCE = 200
# A quarter of the code may be wet, torn or drawn on.
_ERROR_CORRECTION = "q"
_LINES = (N_("Water running? Tell us."), N_("Scan the code with the phone. No app, no name."))


@dataclass(frozen=True, slots=True)
class Poster:
    """One sheet. `lines`: what it says, by language; `link`: what the code says."""

    place: str
    link: str
    code: Markup
    lines: tuple[tuple[str, tuple[str, ...]], ...]


def link_of(base: str, node: str) -> str:
    """The address at which somebody reports water at a place."""
    return f"{base.rstrip('/')}/report?{urlencode({'node': node})}"


def code_of(link: str) -> Markup:
    """The QR code as SVG, dark on white whatever the page's colours, with the margin that readers need."""
    import segno  # noqa: PLC0415 - takes memory that few need

    code = segno.make(link, error=_ERROR_CORRECTION, micro=False)
    return Markup(code.svg_inline(border=4, light="#fff", dark="#000", omitsize=True))  # noqa: S704 - drawn here


@router.get("/reports/poster")
def get_poster_page(
    request: Request, parts: Parts, pages: Pages, node: Annotated[str, Query(max_length=250)] = "", below: bool = False
) -> Response:
    """Of a place, or of it and every place below it; a sheet each."""
    if not parts.public_reports:
        raise Problem(404, "Reports are not taken from people who are not signed in (`public_reports`).")
    reader = pages.reader(request)
    if node and node not in reader.site.nodes:
        raise Problem(404, f"There is no node {node!r} on this site.")
    found = list(_wanted(reader, node, below=below))
    base = parts.public_url or str(request.base_url)
    return pages.page(
        request, "poster.html", reader=reader, posters=[_poster(base, n, reader) for n in found[:MOST_AT_ONCE]],
        left_off=max(0, len(found) - MOST_AT_ONCE), chosen=node, below=below, places=_places(reader),
        is_reachable=_is_told(parts), nav="reports",
    )  # fmt: skip


def _is_told(parts: ApiParts) -> bool:
    return bool(parts.public_url)


def _wanted(reader: Reader, node: str, *, below: bool) -> Iterator[str]:
    if node:
        yield from reader.site.subtree(node) if below else (node,)


def _places(reader: Reader) -> list[tuple[str, str]]:
    return [(node, reader.wording.place_name(node)) for node in reader.site.nodes]


def _poster(base: str, node: str, reader: Reader) -> Poster:
    link = link_of(base, node)
    lines = tuple((language, tuple(map(translations_of(language).gettext, _LINES))) for language in LANGUAGES)
    return Poster(reader.wording.place_name(node), link, code_of(link), lines)
