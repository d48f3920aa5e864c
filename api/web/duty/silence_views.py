"""The page of silences and planned shutdowns: added with an end and an author, ended early."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import EntryKind
from alerts.routing.routes import Silence
from alerts.users.roles import Permission
from api.dependencies import CurrentActor, CurrentSite, Parts
from api.duty.desk import CurrentDutyDesk
from api.parts import ApiParts
from api.permits import needs
from api.web.duty import reading
from api.web.duty.reading import FormFaultError
from api.web.duty.silences import build_silences, silence_document
from api.web.duty.words import SILENCES
from api.web.forms import Fields
from api.web.rendering import Pages

router = APIRouter(include_in_schema=False, prefix="/duty/silences")
_READ, _MANAGE = [needs(Permission.DUTY_READ)], [needs(Permission.SILENCES_MANAGE)]
_SEE_OTHER, _REFUSED = 303, 422


def _page(request: Request, pages: Pages, parts: ApiParts, desk: DutyDesk, **more: Any) -> Response:
    reader = pages.reader(request)
    context: dict[str, Any] = {"faults": [], "typed": {}} | more
    return pages.page(
        request, "duty_silences.html", reader=reader, nav="duty",
        view=build_silences(desk, reader.alerts, parts.now()), kinds=SILENCES, **context,
    )  # fmt: skip


@router.get("", dependencies=_READ)
def get_silences(request: Request, parts: Parts, pages: Pages, desk: CurrentDutyDesk) -> Response:
    """What is not told now, what will not be, and what was not."""
    return _page(request, pages, parts, desk)


@router.post("", dependencies=_MANAGE)
def add_silence(
    request: Request, parts: Parts, pages: Pages, desk: CurrentDutyDesk, actor: CurrentActor, site: CurrentSite,
    fields: Fields,
) -> Response:  # fmt: skip
    """A silence as it was written, or the page again with what is wrong."""
    kind = EntryKind.SILENCE
    try:
        silence = reading.checked(kind, silence_document(fields, site), pages.reader(request).wording.gettext)
    except FormFaultError as error:
        return _page(request, pages, parts, desk, status=_REFUSED, faults=error.faults, typed=fields)
    desk.entries.put(kind, reading.new_id(kind), silence, actor, expected_version=0)
    return RedirectResponse("/duty/silences", _SEE_OTHER)


@router.post("/{entry_id}/end", dependencies=_MANAGE)
def end_silence(parts: Parts, desk: CurrentDutyDesk, actor: CurrentActor, entry_id: str) -> Response:
    """It ends now; one that has not begun is taken away. What it held and is still active is told."""
    entry, now = desk.entries.get(EntryKind.SILENCE, entry_id), parts.now()
    if isinstance(entry.content, Silence) and entry.content.start < now:
        if entry.content.end > now:
            ended = entry.content.model_copy(update={"end": now})
            desk.entries.put(EntryKind.SILENCE, entry_id, ended, actor, expected_version=entry.version)
    else:
        desk.entries.remove(EntryKind.SILENCE, entry_id, actor, expected_version=entry.version)
    return RedirectResponse("/duty/silences", _SEE_OTHER)
