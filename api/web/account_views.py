"""Signing in and out, and one's own account: password, browsers that are signed in, tokens."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.users.errors import AccountError, AccountRefusedError, Refusal, ThrottledError, WrongPasswordError
from alerts.users.roles import TOKEN_SCOPES, Permission
from alerts.users.users import Users
from api.dependencies import CurrentActor, CurrentUser, CurrentUsers
from api.identity import forget_session, origin_of, session_secret, set_session
from api.permits import needs
from api.web.account_words import ROLES, SCOPES, text_of
from api.web.forms import Fields, Form, RowId, local_path
from api.web.provider_views import CurrentWays, leaving, sign_out_there
from api.web.rendering import Pages

router = APIRouter(include_in_schema=False)
_OPEN, _OWN = [needs(Permission.OPEN)], [needs(Permission.OWN_ACCOUNT)]
_SEE_OTHER = 303
_DAYS = (30, 90, 365, 730)
_NOTICES = frozenset({"password", "ended", "revoked", "linked", "unlinked"})


@router.get("/sign-in", dependencies=_OPEN)
def get_sign_in(request: Request, pages: Pages) -> Response:
    """The form; who is signed in goes on."""
    back = local_path(request.query_params.get("back", ""))
    user = request.state.user
    if user is not None and user.session is not None:
        return RedirectResponse(back, _SEE_OTHER)
    return pages.page(request, "sign_in.html", back=back, error="", name="")


@router.post("/sign-in", dependencies=_OPEN)
def sign_in(request: Request, pages: Pages, users: CurrentUsers, form: Form) -> Response:
    """A session, or the form again with what is wrong."""
    name, back = form.get("name", "")[:200], local_path(form.get("back", ""))
    try:
        replaced = session_secret(request)
        made = users.sessions.sign_in(name, form.get("password", ""), origin_of(request), replaces=replaced)
    except (WrongPasswordError, ThrottledError) as error:
        status = 429 if isinstance(error, ThrottledError) else 401
        text = text_of(error, pages.reader(request))
        answer: Response = pages.page(request, "sign_in.html", status=status, back=back, error=text, name=name)
        if isinstance(error, ThrottledError):
            answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    answer = RedirectResponse("/account" if made.account.must_change else back, _SEE_OTHER)
    set_session(answer, request, made)
    return answer


@router.post("/sign-out", dependencies=_OWN)
def sign_out(
    request: Request, pages: Pages, users: CurrentUsers, ways: CurrentWays, user: CurrentUser, actor: CurrentActor
) -> Response:
    """End this session, and the one at the provider that it came from, where that offers it."""
    there = None
    if user.session is not None:
        there = sign_out_there(ways, users, user.session)
        users.sessions.end(user.name, user.session.id, actor)
    answer = leaving(request, pages, *there) if there else RedirectResponse("/sign-in", _SEE_OTHER)
    forget_session(answer, request)
    return answer


def _page(request: Request, pages: Pages, users: Users, **more: Any) -> Response:
    """One's own account."""
    user = request.state.user
    context: dict[str, Any] = {"error": "", "failed": "", "made": None, "notice": ""} | more
    own = [scope.value for scope in TOKEN_SCOPES if user.may(scope)]
    return pages.page(
        request, "account.html", nav="account", account=user.account, scopes=own, days=_DAYS,
        sessions=users.sessions.list(user.name), tokens=users.tokens.list(user.name),
        identities=users.identities.list(user.name), roles=ROLES, scope_words=SCOPES, **context,
    )  # fmt: skip


@router.get("/account", dependencies=_OWN)
def get_account(request: Request, pages: Pages, users: CurrentUsers) -> Response:
    """One's own account."""
    notice = request.query_params.get("notice", "")
    return _page(request, pages, users, notice=notice if notice in _NOTICES else "")


@router.post("/account/password", dependencies=_OWN)
def change_password(request: Request, pages: Pages, users: CurrentUsers, user: CurrentUser, form: Form) -> Response:
    """Another password; every browser but this one is signed out."""
    new = form.get("new", "")
    try:
        if new != form.get("again", ""):
            raise AccountRefusedError(Refusal.PASSWORD_REPEATED)
        made = users.sessions.change_password(user.name, form.get("old", ""), new, origin_of(request))
    except AccountError as error:
        status = 429 if isinstance(error, ThrottledError) else 422
        text = text_of(error, pages.reader(request))
        return _page(request, pages, users, status=status, failed="password", error=text)
    answer = RedirectResponse("/account?notice=password", _SEE_OTHER)
    set_session(answer, request, made)
    return answer


@router.post("/account/sessions/end", dependencies=_OWN)
def end_other_sessions(users: CurrentUsers, user: CurrentUser, actor: CurrentActor) -> Response:
    """Sign out everywhere else."""
    users.sessions.end_all(user.name, actor, but=user.session.id if user.session else None)
    return RedirectResponse("/account?notice=ended", _SEE_OTHER)


@router.post("/account/sessions/{session_id}/end", dependencies=_OWN)
def end_session(users: CurrentUsers, user: CurrentUser, actor: CurrentActor, session_id: RowId) -> Response:
    """Sign one browser out."""
    users.sessions.end(user.name, session_id, actor)
    return RedirectResponse("/account?notice=ended", _SEE_OTHER)


@router.post("/account/tokens", dependencies=_OWN)
def make_token(
    request: Request, pages: Pages, users: CurrentUsers, user: CurrentUser, actor: CurrentActor,
    fields: Fields,
) -> Response:  # fmt: skip
    """A token, shown on this one page."""
    name, days = fields.get("name", [""])[-1], fields.get("days", [""])[-1]
    try:
        good_for = int(days) if days.isdecimal() and len(days) < 6 else 0  # noqa: PLR2004
        scopes = fields.get("scope", [])
        if not all(map(user.may, scopes)):  # before the first password is changed it may nothing
            raise AccountRefusedError(Refusal.TOKEN_SCOPES, name=user.name, allowed="–")
        secret, _ = users.tokens.make(user.name, name, scopes, good_for, actor)
    except AccountRefusedError as error:
        text = text_of(error, pages.reader(request))
        return _page(request, pages, users, status=422, failed="token", error=text)
    return _page(request, pages, users, made=secret)


@router.post("/account/tokens/{token_id}/revoke", dependencies=_OWN)
def revoke_token(users: CurrentUsers, user: CurrentUser, actor: CurrentActor, token_id: RowId) -> Response:
    """Let nobody in by it any more."""
    users.tokens.revoke(user.name, token_id, actor)
    return RedirectResponse("/account?notice=revoked", _SEE_OTHER)
