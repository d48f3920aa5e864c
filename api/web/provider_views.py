"""Signing in at a provider: there, back again, and out."""

from __future__ import annotations

import math
import secrets
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from alerts.users.departures import LONGEST, Departure
from alerts.users.errors import ProviderRefusal, ProviderRefusedError
from alerts.users.identities import Arrival
from alerts.users.roles import Permission
from alerts.users.throttle import address_block
from alerts.users.users import Users
from alerts.users.values import SessionInfo
from api.dependencies import CurrentActor, CurrentUser, CurrentUsers, get_actor, get_parts
from api.identity import cookie_scheme, origin_of, session_secret, set_session
from api.parts import Rate
from api.permits import needs
from api.problems import Problem
from api.rate_limits import Buckets
from api.sign_in import SignInError, SignInWays, Trouble, Way
from api.web.forms import RowId, local_path
from api.web.provider_words import refusal_of, trouble_of
from api.web.rendering import Pages, Rendering

router = APIRouter(include_in_schema=False)
_OPEN, _OWN = [needs(Permission.OPEN)], [needs(Permission.OWN_ACCOUNT)]
_SEE_OTHER = 303
# Lax: it must come along when the provider sends the browser back.
_COOKIES = {"https": "__Host-aquavolt_departure", "http": "aquavolt_departure"}
# Behind one address there may be a whole office.
OF_ADDRESS = Rate(0.5, 60)
_STATUS = {Trouble.UNREACHABLE: 503, Trouble.STALE: 400, Trouble.REFUSED: 502, Trouble.UNTRUSTED: 502}
_MOST_PARAMETER = 4_096
_log = structlog.get_logger(__name__)


def get_ways(request: Request) -> SignInWays:
    """The providers that the settings name."""
    return get_parts(request).sign_in


CurrentWays = Annotated[SignInWays, Depends(get_ways)]


def _way(ways: SignInWays, provider: str) -> Way:
    way = ways.find(provider)
    if way is None:
        raise Problem(404, "The settings name no such provider.")
    return way


@router.get("/sign-in/with/{provider}", dependencies=_OPEN)
def go_to_provider(request: Request, pages: Pages, users: CurrentUsers, ways: CurrentWays, provider: str) -> Response:
    """To the provider. A link and no form: the page's policy would keep a form's answer from leading elsewhere."""
    way = _way(ways, provider)
    _check_may_leave(request)
    departure = Departure(provider, local_path(request.query_params.get("back", "")), browser=_browser(request))
    try:
        address = _depart(request, users, ways, way, departure)
    except SignInError as error:
        return _failed(request, pages, way, error, departure.back)
    return _remember(RedirectResponse(address, _SEE_OTHER), request, departure)


def _check_may_leave(request: Request) -> None:
    """Each departure is kept, and too many drive out others'. Raises: Problem 429."""
    buckets: Buckets = request.app.state.leaving
    rate, left = buckets.take(address_block(request.client.host if request.client else ""), is_reading=False)
    if left < 0:
        wait = {"Retry-After": str(max(1, math.ceil(-left / rate.per_s)))}
        texts = {
            "zh-CN": "此地址登录次数过多，请稍后再试。",
            "en": "Too many sign-ins begin at this address; try later.",
        }
        raise Problem(429, texts["en"], headers=wait, texts=texts)


@router.post("/account/identities/{provider}", dependencies=_OWN)
def go_to_link(
    request: Request, pages: Pages, users: CurrentUsers, ways: CurrentWays, user: CurrentUser, provider: str
) -> Response:
    """To the provider, to let one's own account be signed in to there. A form, so that no other site starts this."""
    way = _way(ways, provider)
    account = user.account.id if user.account is not None else None
    departure = Departure(provider, "/account?notice=linked", account, browser=_browser(request))
    try:
        address = _depart(request, users, ways, way, departure)
    except SignInError as error:
        return _failed(request, pages, way, error, "/account")
    return _remember(leaving(request, pages, way, address), request, departure)


def _depart(request: Request, users: Users, ways: SignInWays, way: Way, departure: Departure) -> str:
    address = way.begin(departure, ways.return_to(way), request.headers.get("user-agent", ""))
    users.departures.keep(departure)
    return address


@router.get("/sign-in/with/{provider}/back", dependencies=_OPEN)
def come_back(request: Request, pages: Pages, users: CurrentUsers, ways: CurrentWays, provider: str) -> Response:
    """A session, or the form to sign in with what is wrong."""
    way = _way(ways, provider)
    answer = {name: value[:_MOST_PARAMETER] for name, value in request.query_params.items()}
    departure = users.departures.take(provider, answer.get("state", ""), _browser(request))
    if departure is None:
        return _failed(request, pages, way, SignInError(Trouble.STALE, "no such sign-in is under way"), "/")
    try:
        arrival = way.finish(departure, ways.return_to(way), answer)
        if departure.account is not None:
            return _link(request, users, departure, arrival)
        made = users.identities.arrive(arrival, origin_of(request), replaces=session_secret(request))
    except SignInError as error:
        users.identities.refused(provider, error.trouble.value, origin_of(request))
        return _failed(request, pages, way, error, departure.back)
    except ProviderRefusedError as error:
        if error.refusal is ProviderRefusal.TAKEN:
            users.identities.refused(provider, error.refusal.value, origin_of(request))
        text = refusal_of(error.refusal, pages.reader(request))
        return pages.page(request, "sign_in.html", status=403, back=departure.back, error=text, name="")
    response = RedirectResponse(local_path(departure.back), _SEE_OTHER)
    set_session(response, request, made)
    return response


def _link(request: Request, users: Users, departure: Departure, arrival: Arrival) -> Response:
    """Raises: SignInError, somebody else is signed in by now; ProviderRefusedError."""
    user = request.state.user
    if user is None or user.session is None or user.account.id != departure.account:
        raise SignInError(Trouble.STALE, "whoever began to link an account is not signed in any more")
    users.identities.link(user.name, arrival, get_actor(request))
    return RedirectResponse(departure.back, _SEE_OTHER)


@router.post("/account/identities/{identity_id}/unlink", dependencies=_OWN)
def unlink(users: CurrentUsers, user: CurrentUser, actor: CurrentActor, identity_id: RowId) -> Response:
    """Never again sign in by this identity."""
    users.identities.unlink(user.name, identity_id, actor)
    return RedirectResponse("/account?notice=unlinked", _SEE_OTHER)


def leaving(request: Request, pages: Rendering, way: Way, address: str) -> Response:
    """A page that goes on to a provider at once: the answer to a form may not lead there itself."""
    return pages.page(request, "leaving.html", address=address, label=way.label)


def sign_out_there(ways: SignInWays, users: Users, session: SessionInfo) -> tuple[Way, str] | None:
    """Where a session's provider signs the person out; None: it came from none, or that offers nothing."""
    way = ways.find(session.provider) if session.provider else None
    address = way.leave(users.identities.hint_of(session.id), f"{ways.page_url}/sign-in") if way else None
    return (way, address) if way and address else None


def _browser(request: Request) -> str:
    """What this browser was given when it first left; several may be under way in its tabs."""
    given = request.cookies.get(_COOKIES[cookie_scheme(request)], "")
    return given if len(given) == 64 and given.isascii() else secrets.token_hex(32)  # noqa: PLR2004


def _remember(response: Response, request: Request, departure: Departure) -> Response:
    scheme = cookie_scheme(request)
    response.set_cookie(
        _COOKIES[scheme], departure.browser, max_age=int(LONGEST.total_seconds()), path="/", httponly=True,
        samesite="lax", secure=scheme == "https",
    )  # fmt: skip
    return response


def _failed(request: Request, pages: Rendering, way: Way, error: SignInError, back: str) -> Response:
    """The form to sign in: what is wrong, and the other ways in."""
    _log.warning("sign-in at a provider failed", provider=way.id, trouble=error.trouble.value, detail=str(error))
    text = trouble_of(error.trouble, way.label, pages.reader(request))
    status = _STATUS.get(error.trouble, 403)
    return pages.page(request, "sign_in.html", status=status, back=local_path(back), error=text, name="")
