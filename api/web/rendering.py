"""Pages out of templates, in the reader's language."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import Depends
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.users.reach import AlertsWithin, Reach
from api.parts import ApiParts, User
from api.problems import Problem
from api.reaches import Reaches
from api.web import vendor
from api.web.formats import Formats
from api.web.phone.words import phone_words
from api.web.platform_words import PLATFORM_SAYS
from api.web.texts import COOKIE, LANGUAGES, choose_language, translations_of
from api.web.wording import (
    ACTIONS,
    CATEGORIES,
    DELIVERIES,
    MEDIA,
    OUTCOMES,
    QUALITIES,
    QUANTITIES,
    REASONS,
    SEVERITIES,
    USES,
    Wording,
)
from metering.site import Site

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
_WORDS: dict[str, Any] = {
    "categories": CATEGORIES, "severities": SEVERITIES, "media": MEDIA, "outcomes": OUTCOMES, "actions": ACTIONS,
    "reasons": REASONS, "deliveries": DELIVERIES, "quantities": QUANTITIES, "qualities": QUALITIES, "uses": USES,
    "platform_says": PLATFORM_SAYS,
}  # fmt: skip


def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations_of(language), newstyle=True)  # type: ignore[attr-defined]
    return environment


def _version_of_files() -> str:
    """Changes when any browser file changes, so that addresses with it may be kept for ever."""
    digest = hashlib.sha256()
    for folder in (STATIC, vendor.VENDOR):
        for path in sorted(folder.glob("*")):
            digest.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a page, and how it is written for them."""

    user: User
    language: str
    formats: Formats
    wording: Wording
    reach: Reach
    alerts: AlertsWithin

    @property
    def site(self) -> Site:
        """The site as far as they see it."""
        return self.reach.site


def user_of(request: Request) -> User:
    """Who asks; somebody who may nothing, where nobody is signed in."""
    return getattr(request.state, "user", None) or User("")


def _here(request: Request) -> str:
    return str(request.url.path) + (f"?{request.url.query}" if request.url.query else "")


class Rendering:
    """Templates in every language."""

    def __init__(self, parts: ApiParts, reaches: Reaches) -> None:
        self._parts = parts
        self._reaches = reaches
        self._environments = {language: _environment(language) for language in LANGUAGES}
        self._missing = vendor.missing_files()
        self._version = _version_of_files()

    @property
    def version(self) -> str:
        """Of the browser files together, as their addresses have it."""
        return self._version

    def reader(self, request: Request, language: str | None = None) -> Reader:
        """How this request is answered: the site's clock, and its own language unless another is asked for."""
        language = language or choose_language(request.cookies.get(COOKIE), request.headers.get("accept-language", ""))
        user = user_of(request)
        reach = self._reaches.of(user)
        formats = Formats(language, reach.site.zone)
        wording = Wording(translations_of(language).gettext, formats, reach.site)
        return Reader(user, language, formats, wording, reach, AlertsWithin(self._parts.records, reach))

    def page(
        self, request: Request, template: str, *, status: int = 200, reader: Reader | None = None, **context: Any
    ) -> HTMLResponse:
        """A whole page or a part of one. Without its browser files every page says how to set them up."""
        reader = reader or self.reader(request)
        if self._missing:
            template, status, context = "setup.html", 503, {"missing": self._missing}
        readiness = self._parts.is_ready()
        html = (
            self._environments[reader.language]
            .get_template(template)
            .render(
                **context,
                language=reader.language,
                languages=LANGUAGES,
                f=reader.formats,
                wording=reader.wording,
                site=reader.site,
                path=request.url.path,
                here=_here(request),
                user=reader.user,
                now=self._parts.now(),
                readiness=readiness,
                version=self._version,
                phone_words=phone_words(reader.wording.gettext),
                program_version=self._parts.version,
                currency=self._parts.prices.currency,
                ways=self._parts.sign_in,
                repair_platform=self._parts.repair_platform,
                **_WORDS,
            )
        )
        return HTMLResponse(html, status, headers={"Vary": "Accept-Language, Cookie"})

    def part(self, template: str, reader: Reader, **context: Any) -> Markup:
        """A part of a page, which knows nothing of the request."""
        words = {"f": reader.formats, "site": reader.site, "now": self._parts.now()}
        made = self._environments[reader.language].get_template(template)
        return Markup(made.render(**context, **words, currency=self._parts.prices.currency, **_WORDS))  # noqa: S704 - escaped

    def problem(self, request: Request, problem: Problem) -> HTMLResponse:
        """An error as a page, with the way back: of somebody who is not signed in, the form to do so."""
        if problem.status == HTTPStatus.UNAUTHORIZED:
            response = self.page(request, "sign_in.html", status=401, back="/", error="", name="")
        else:
            title = HTTPStatus(problem.status).phrase
            response = self.page(request, "problem.html", status=problem.status, problem=problem, title=title)
        response.headers.update(problem.headers)
        return response


def way_to_sign_in(request: Request) -> Response | None:
    """To the form, and from there back to the page; None for a program, and where going back would repeat a change."""
    if "hx-request" in request.headers:  # a part of a page: the whole page goes there
        page = urlsplit(request.headers.get("hx-current-url", ""))
        return Response(status_code=401, headers={"HX-Redirect": _sign_in_address(page.path, page.query)})
    if request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
        return None
    return RedirectResponse(_sign_in_address(request.url.path, request.url.query), 303)


def _sign_in_address(path: str, query: str) -> str:
    return "/sign-in?" + urlencode({"back": f"{path}?{query}" if query else path})


def get_rendering(request: Request) -> Rendering:
    """The application's templates."""
    rendering: Rendering = request.app.state.rendering
    return rendering


Pages = Annotated[Rendering, Depends(get_rendering)]
