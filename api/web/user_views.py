"""Accounts as an administrator sees them, and their audit."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.users.able import heirs_of
from alerts.users.errors import AccountConflictError, AccountError, AccountRefusedError, Refusal
from alerts.users.roles import WHOLE_SITE, Permission, Role
from alerts.users.users import Users
from alerts.users.values import Account, AccountState
from alerts.values import Alert
from api.dependencies import CurrentActor, CurrentSite, CurrentUser, CurrentUsers
from api.permits import needs
from api.web.account_words import ACTIONS, ROLE_HINTS, ROLES, STATES, detail_of, text_of
from api.web.forms import Fields, Form, read_version
from api.web.rendering import Pages
from metering.site import Site

router = APIRouter(include_in_schema=False)
_READ, _MANAGE = [needs(Permission.USERS_READ)], [needs(Permission.USERS_MANAGE)]
_SEE_OTHER, _REFUSED = 303, 422
_WORDS: dict[str, Any] = {"roles": ROLES, "role_hints": ROLE_HINTS, "states": STATES, "account_actions": ACTIONS}


def _list_page(request: Request, pages: Pages, users: Users, **more: Any) -> Response:
    accounts = users.accounts.list()
    held = {a.name: len(users.leaving.held_by(a.name)) for a in accounts}
    context: dict[str, Any] = {"error": "", "given": None, "form": {}, "chosen": ()} | more
    return pages.page(request, "users.html", nav="users", accounts=accounts, held=held, **_WORDS, **context)


@router.get("/users", dependencies=_READ)
def get_users(request: Request, pages: Pages, users: CurrentUsers) -> Response:
    """All accounts."""
    return _list_page(request, pages, users)


@router.post("/users", dependencies=_MANAGE)
def add_user(
    request: Request, pages: Pages, users: CurrentUsers, actor: CurrentActor, site: CurrentSite, fields: Fields
) -> Response:
    """A new account; its one-time password is shown on this one page."""
    form = {name: values[-1] for name, values in fields.items()}
    try:
        role, nodes = _read_role(form), _read_nodes(fields, site)
        given = users.accounts.add(form.get("name", ""), role, nodes, actor)
    except AccountError as error:
        text = text_of(error, pages.reader(request))
        return _list_page(request, pages, users, status=_REFUSED, error=text, form=form, chosen=fields.get("node", ()))
    return _list_page(request, pages, users, given=(form["name"].strip(), given))


@router.get("/users/audit", dependencies=_READ)
def get_audit(request: Request, pages: Pages, users: CurrentUsers) -> Response:
    """Who did what to which account, newest first; of one account where the address names it."""
    query, reader = request.query_params, pages.reader(request)
    before, account = query.get("before", ""), query.get("account", "")
    entries = users.accounts.history(
        account or None,
        before=int(before) if before.isdecimal() and len(before) < 16 else None,  # noqa: PLR2004
    )
    return pages.page(
        request, "users_audit.html", reader=reader, nav="audit", entries=[(e, detail_of(e, reader)) for e in entries],
        accounts=[a.name for a in users.accounts.list(with_deleted=True)], account=account,
        is_full=len(entries) == users.accounts.page, **_WORDS,
    )  # fmt: skip


def _user_page(request: Request, pages: Pages, users: Users, name: str, **more: Any) -> Response:
    account = users.accounts.get(name)
    held = users.leaving.held_by(account.name)
    reader = pages.reader(request)
    context: dict[str, Any] = {"error": "", "given": None} | more
    return pages.page(
        request, "user.html", nav="users", account=account, held=held, heirs=_heirs(users, account, held, reader.site),
        sessions=users.sessions.list(account.name), identities=users.identities.list(account.name),
        tokens=users.tokens.list(account.name),
        entries=[(e, detail_of(e, reader)) for e in users.accounts.history(account.name)[:30]], **_WORDS, **context,
    )  # fmt: skip


@router.get("/users/{name}", dependencies=_READ)
def get_user(request: Request, pages: Pages, users: CurrentUsers, name: str) -> Response:
    """One account, what it holds, and what happened to it."""
    return _user_page(request, pages, users, name)


@router.post("/users/{name}", dependencies=_MANAGE)
def change_user(
    request: Request, pages: Pages, users: CurrentUsers, actor: CurrentActor, site: CurrentSite, name: str,
    fields: Fields,
) -> Response:  # fmt: skip
    """Another role, other parts of the site."""
    form = {field: values[-1] for field, values in fields.items()}
    try:
        users.accounts.change(name, _read_role(form), _read_nodes(fields, site), actor, read_version(form))
    except (AccountRefusedError, AccountConflictError) as error:
        return _failed(request, pages, users, name, error)
    return _back(name)


@router.post("/users/{name}/password", dependencies=_MANAGE)
def give_password(request: Request, pages: Pages, users: CurrentUsers, actor: CurrentActor, name: str) -> Response:
    """A one-time password, shown on this one page."""
    return _user_page(request, pages, users, name, given=users.leaving.give_password(name, actor))


@router.post("/users/{name}/sign-out", dependencies=_MANAGE)
def sign_user_out(users: CurrentUsers, actor: CurrentActor, name: str) -> Response:
    """End every session of the account."""
    users.sessions.end_all(name, actor)
    return _back(name)


@router.post("/users/{name}/enable", dependencies=_MANAGE)
def enable_user(request: Request, pages: Pages, users: CurrentUsers, actor: CurrentActor, name: str) -> Response:
    """Let it in again, with a one-time password that is shown on this one page."""
    try:
        return _user_page(request, pages, users, name, given=users.leaving.enable(name, actor))
    except AccountRefusedError as error:
        return _failed(request, pages, users, name, error)


@router.post("/users/{name}/leave", dependencies=_MANAGE)
def leave(
    request: Request, pages: Pages, users: CurrentUsers, user: CurrentUser, actor: CurrentActor, site: CurrentSite,
    name: str, form: Form,
) -> Response:  # fmt: skip
    """Disable or delete it, and hand its alerts on."""
    to = AccountState.DELETED if form.get("to") == AccountState.DELETED.value else AccountState.DISABLED
    try:
        account = users.accounts.get(name)
        if account.name == user.name:
            raise AccountRefusedError(Refusal.ONESELF)
        heir = _checked_heir(form.get("heir", ""), users, account, site)
        users.leaving.leave(name, to, actor, heir=heir, expected_version=read_version(form))
    except (AccountRefusedError, AccountConflictError) as error:
        return _failed(request, pages, users, name, error)
    return RedirectResponse("/users", _SEE_OTHER) if to is AccountState.DELETED else _back(name)


@router.post("/users/{name}/hand-on", dependencies=_MANAGE)
def hand_on(
    request: Request, pages: Pages, users: CurrentUsers, actor: CurrentActor, site: CurrentSite, name: str, form: Form
) -> Response:
    """Give its alerts to somebody else, or to nobody."""
    try:
        users.leaving.hand_on(name, actor, _checked_heir(form.get("heir", ""), users, users.accounts.get(name), site))
    except AccountRefusedError as error:
        return _failed(request, pages, users, name, error)
    return _back(name)


def _back(name: str) -> Response:
    return RedirectResponse(f"/users/{quote(name, safe='')}", _SEE_OTHER)


def _failed(request: Request, pages: Pages, users: Users, name: str, error: AccountError) -> Response:
    status = 409 if isinstance(error, AccountConflictError) else _REFUSED
    return _user_page(request, pages, users, name, status=status, error=text_of(error, pages.reader(request)))


def _read_role(form: dict[str, str]) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError as error:
        raise AccountRefusedError(Refusal.ROLE) from error


def _read_nodes(fields: dict[str, list[str]], site: Site) -> list[str]:
    nodes = fields.get("node", [])
    for node in nodes:
        if node not in site.nodes and node != WHOLE_SITE:
            raise AccountRefusedError(Refusal.UNKNOWN_NODE, node=node)
    return nodes


def _heirs(users: Users, account: Account, held: tuple[Alert, ...], site: Site) -> list[Account]:
    return heirs_of(account, held, users.accounts.list(), site)


def _checked_heir(heir: str, users: Users, account: Account, site: Site) -> str | None:
    """Raises: AccountRefusedError."""
    if not heir:
        return None
    if heir not in {a.name for a in _heirs(users, account, users.leaving.held_by(account.name), site)}:
        raise AccountRefusedError(Refusal.HEIR, name=heir)
    return heir
