"""Manifest, service worker and the page for no connection. Nobody's data is in any of them, so they are open."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.users.roles import Permission
from api.permits import needs
from api.problems import Problem
from api.web.phone.words import phone_words
from api.web.rendering import Pages
from api.web.texts import LANGUAGES
from api.web.wording import N_
from api.wire import JsonResponse

router = APIRouter(include_in_schema=False)
_OPEN = [needs(Permission.OPEN)]
_BRAND = "#0d5c7d"
VERSIONED = (
    "/vendor/tabler.min.css", "/static/aquavolt.css", "/static/handling.css", "/static/orders.css",
    "/static/phone.css", "/static/theme.js", "/static/queue.js", "/static/queued_forms.js", "/static/offline.js",
    "/static/logo.svg",
)  # fmt: skip
ICONS = (("icon-192.png", "192x192", "any"), ("icon-512.png", "512x512", "any"),
          ("icon-maskable-512.png", "512x512", "maskable"))  # fmt: skip


@cache
def _worker() -> str:
    return (Path(__file__).parent / "worker.js").read_text(encoding="utf-8")


@router.get("/manifest.webmanifest", dependencies=_OPEN)
def get_manifest(request: Request, pages: Pages) -> Response:
    """What the phone installs, in the reader's language."""
    reader, version = pages.reader(request), pages.version
    say = reader.wording.gettext
    shortcuts = [
        (N_("My tasks"), "/tasks"),
        (N_("Work orders"), "/orders"),
        (N_("Patrol"), "/patrol"),
        (N_("Alerts"), "/alerts"),
    ]
    document: dict[str, Any] = {
        "id": "/", "scope": "/", "start_url": "/", "display": "standalone", "lang": reader.language, "dir": "ltr",
        "name": "AquaVolt", "short_name": "AquaVolt",
        "description": say(N_("Leaks and abnormal use of the campus, and who sees to them")),
        "theme_color": _BRAND, "background_color": _BRAND,
        "icons": [
            {"src": f"/static/{name}?v={version}", "sizes": sizes, "type": "image/png", "purpose": purpose}
            for name, sizes, purpose in ICONS
        ],
        "shortcuts": [{"name": say(name), "url": address} for name, address in shortcuts],
    }  # fmt: skip
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"}
    return JsonResponse(document, media_type="application/manifest+json", headers=headers)


@router.get("/sw.js", dependencies=_OPEN)
def get_worker(pages: Pages) -> Response:
    """The service worker. Another version of any browser file makes it another worker."""
    files = [f"{address}?v={pages.version}" for address in VERSIONED]
    files += ["/static/icons.svg", *(f"/offline/{language}" for language in LANGUAGES)]
    script = _worker().replace("{{version}}", pages.version).replace("{{files}}", json.dumps(files))
    return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/offline/{language}", dependencies=_OPEN)
def get_offline(request: Request, pages: Pages, language: str) -> Response:
    """The page that the worker shows without a connection, in one language.

    Raises:
        Problem: 404.
    """
    if language not in LANGUAGES:
        raise Problem(404, f"There is no language {language!r}; there are {', '.join(LANGUAGES)}.")
    reader = pages.reader(request, language)
    return pages.page(request, "offline.html", reader=reader, words=phone_words(reader.wording.gettext))
