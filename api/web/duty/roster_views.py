"""The pages of the roster: who is on duty, who is away, how people are reached."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.duty.roster import Duty
from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import EntryKind
from alerts.errors import RefusedError, UnknownEntryError
from alerts.users.roles import Permission
from alerts.users.users import Users
from api.dependencies import CurrentActor, CurrentSite, CurrentUsers, Parts
from api.duty.desk import CurrentDutyDesk
from api.parts import ApiParts
from api.permits import needs
from api.web.duty import reading
from api.web.duty.reading import FormFaultError, one
from api.web.duty.roster import build_roster
from api.web.duty.roster_forms import absence_document, contact_document, duty_document
from api.web.duty.words import DAYS, DUTY_ROLES, ENTRY_ACTIONS, role_name, target_name
from api.web.forms import Fields
from api.web.rendering import Pages
from metering.incident import Severity

router = APIRouter(include_in_schema=False, prefix="/duty")
_READ, _MANAGE = [needs(Permission.DUTY_READ)], [needs(Permission.DUTY_MANAGE)]
_SEE_OTHER, _REFUSED = 303, 422
_NEW = "new"
WORDS: dict[str, Any] = {
    "duty_roles": DUTY_ROLES, "day_names": DAYS, "role_name": role_name, "target_name": target_name,
    "entry_actions": ENTRY_ACTIONS, "all_severities": tuple(Severity),
    "week_days": tuple(DAYS.values())[:7],
}  # fmt: skip


def people_names(desk: DutyDesk, users: Users) -> list[str]:
    """Everybody who could be meant: accounts, and those who have a contact."""
    accounts = {a.name for a in users.accounts.list()}
    return sorted(accounts.union(desk.book().contacts))


def _roster_page(
    request: Request, pages: Pages, parts: ApiParts, desk: DutyDesk, users: Users, **more: Any
) -> Response:
    context: dict[str, Any] = {"faults": [], "failed": "", "edited": None} | more
    return pages.page(
        request, "duty_roster.html", nav="duty", view=build_roster(desk, parts.now()),
        people=people_names(desk, users), **WORDS, **context,
    )  # fmt: skip


@router.get("", dependencies=_READ)
def get_roster(request: Request, parts: Parts, pages: Pages, desk: CurrentDutyDesk, users: CurrentUsers) -> Response:
    """Who is there now, the week ahead, who is away; with `contact` in the address the form to change one."""
    name = request.query_params.get("contact")
    manages = pages.reader(request).user.may(Permission.DUTY_MANAGE)
    edited = desk.entries.get(EntryKind.CONTACT, name) if name and manages else None
    return _roster_page(request, pages, parts, desk, users, edited=edited)


@router.get("/duties/{entry_id}", dependencies=_READ)
def get_duty(request: Request, pages: Pages, desk: CurrentDutyDesk, users: CurrentUsers, entry_id: str) -> Response:
    """The form of one duty; `new`: an empty one."""
    return _duty_page(request, pages, desk, users, entry_id)


def _duty_page(request: Request, pages: Pages, desk: DutyDesk, users: Users, entry_id: str, **more: Any) -> Response:
    entry = None if entry_id == _NEW else desk.entries.get(EntryKind.DUTY, entry_id)
    duty = None if entry is None or not isinstance(entry.content, Duty) else entry.content
    history = () if entry is None else tuple(reversed(desk.entries.history(EntryKind.DUTY, entry_id)))
    context: dict[str, Any] = {"faults": []} | more
    return pages.page(
        request, "duty_form.html", nav="duty", entry=entry, duty=duty, people=people_names(desk, users),
        history=history, **WORDS, **context,
    )  # fmt: skip


@router.post("/duties/{entry_id}", dependencies=_MANAGE)
def save_duty(
    request: Request, pages: Pages, desk: CurrentDutyDesk, users: CurrentUsers, actor: CurrentActor, entry_id: str,
    fields: Fields,
) -> Response:  # fmt: skip
    """A duty as it was written, or the form again with what is wrong."""
    kind = EntryKind.DUTY
    try:
        duty = reading.checked(kind, duty_document(fields), pages.reader(request).wording.gettext)
        saved = reading.new_id(kind) if entry_id == _NEW else entry_id
        desk.entries.put(kind, saved, duty, actor, expected_version=reading.version(fields))
    except FormFaultError as error:
        return _duty_page(request, pages, desk, users, entry_id, status=_REFUSED, faults=error.faults)
    return _back("duties")


@router.post("/absences", dependencies=_MANAGE)
def add_absence(
    request: Request, parts: Parts, pages: Pages, desk: CurrentDutyDesk, users: CurrentUsers, actor: CurrentActor,
    site: CurrentSite, fields: Fields,
) -> Response:  # fmt: skip
    """Somebody is away, and who stands in."""
    kind = EntryKind.ABSENCE
    try:
        absence = reading.checked(kind, absence_document(fields, site), pages.reader(request).wording.gettext)
    except FormFaultError as error:
        return _roster_page(request, pages, parts, desk, users, status=_REFUSED, failed="absence", faults=error.faults)
    desk.entries.put(kind, reading.new_id(kind), absence, actor, expected_version=0)
    return _back("away")


@router.post("/contacts", dependencies=_MANAGE)
def save_contact(
    request: Request, parts: Parts, pages: Pages, desk: CurrentDutyDesk, users: CurrentUsers, actor: CurrentActor,
    fields: Fields,
) -> Response:  # fmt: skip
    """How somebody is reached."""
    say = pages.reader(request).wording.gettext
    try:
        contact = reading.checked(EntryKind.CONTACT, contact_document(fields), say)
        desk.entries.put(
            EntryKind.CONTACT, one(fields, "person"), contact, actor, expected_version=reading.version(fields)
        )
    except (FormFaultError, RefusedError) as error:
        faults = error.faults if isinstance(error, FormFaultError) else [str(error)]
        return _roster_page(request, pages, parts, desk, users, status=_REFUSED, failed="contact", faults=faults)
    return _back("contacts")


def _remover(kind: EntryKind, part: str) -> Callable[..., Response]:
    def remove(desk: CurrentDutyDesk, actor: CurrentActor, entry_id: str) -> Response:
        """Take it away; its history stays. Pressed twice: it is gone all the same."""
        with contextlib.suppress(UnknownEntryError):
            desk.entries.remove(kind, entry_id, actor)
        return _back(part)

    return remove


def _back(part: str) -> Response:
    return RedirectResponse(f"/duty#{quote(part)}", _SEE_OTHER)


for _plural, _kind, _part in (
    ("duties", EntryKind.DUTY, "duties"),
    ("absences", EntryKind.ABSENCE, "away"),
    ("contacts", EntryKind.CONTACT, "contacts"),
):
    router.post(f"/{_plural}/{{entry_id}}/remove", dependencies=_MANAGE)(_remover(_kind, _part))
