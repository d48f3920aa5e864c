"""DingTalk (钉钉): OAuth 2 in a form of its own. There is no ID token, no nonce and no PKCE; state alone guards it.

What its documentation says, and what is done here:
- The person is sent to `login.dingtalk.com/oauth2/auth` with `scope=openid` and `prompt=consent`, and comes back with
  `authCode` and `state`, or with `error` and `state`
  (https://open.dingtalk.com/document/orgapp/obtain-identity-credentials).
- `POST api.dingtalk.com/v1.0/oauth2/userAccessToken` takes clientId, clientSecret, code and grantType as JSON
  (https://open.dingtalk.com/document/orgapp/obtain-user-token); `GET /v1.0/contact/users/me` with the header
  `x-acs-dingtalk-access-token` gives nick, unionId, openId
  (https://open.dingtalk.com/document/orgapp/dingtalk-retrieve-user-information). `unionId` stays the same for all
  applications of one organisation, so it is the subject.
- Anybody who uses DingTalk can sign in there. Whether it is a member is asked with the application's own token
  (`POST /v1.0/oauth2/accessToken`, appKey and appSecret): `POST oapi.dingtalk.com/topapi/user/getbyunionid` gives
  `userid` and `contact_type`, 0 for a member and 1 for an outside contact
  (https://open.dingtalk.com/document/orgapp/query-a-user-by-the-union-id). Who is no member is not let in.
- `topapi/v2/user/get` gives name, `dept_id_list` and `role_list`, each with id, name and group_name
  (https://open.dingtalk.com/document/orgapp/query-user-details); rules know them as `dept_id_list`, `roles` and
  `role_ids`.
- The new interface answers faults with HTTP 4xx, `code` and `message`; the old one with HTTP 200 and `errcode`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from alerts.users.departures import Departure
from alerts.users.identities import Arrival
from api.sign_in import SignInError, Trouble
from aquavolt.sign_in.app_token import AppToken
from aquavolt.sign_in.app_way import AppWay
from aquavolt.sign_in.asking import Asker
from aquavolt.sign_in.mapping import grant_of, name_of
from aquavolt.sign_in.settings import DingtalkSignInSettings

_STALE_TOKEN = frozenset({40014, 42001, 88})
_NOBODY = 60121
_MEMBER = 0


class DingtalkWay(AppWay):
    """One organisation's application."""

    def __init__(self, settings: DingtalkSignInSettings, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Raises: OSError, the certificates cannot be read."""
        self.id, self.label = settings.id, settings.shown
        self._settings = settings
        self._asker = Asker(settings.timeout_s, settings.ca_file)
        self._token = AppToken(self._fetch_token, monotonic)

    def begin(self, departure: Departure, return_to: str, agent: str) -> str:  # noqa: ARG002 - of the port
        """Where the browser is sent."""
        asked = {
            "redirect_uri": return_to, "response_type": "code", "client_id": self._settings.client_id,
            "scope": "openid", "state": departure.state, "prompt": "consent",
        }  # fmt: skip
        return f"{self._settings.login_url.rstrip('/')}/oauth2/auth?{urlencode(asked)}"

    def finish(self, departure: Departure, return_to: str, answer: Mapping[str, str]) -> Arrival:  # noqa: ARG002
        """Who came back."""
        code = answer.get("authCode") or answer.get("code", "")
        if "error" in answer or not code:
            raise SignInError(Trouble.DENIED, f"the answer has no code: {answer.get('error', '')}")
        union = self._union_id(code)
        claims = self._details(self._member(union)) | {"unionid": union}
        settings = self._settings
        return Arrival(
            provider=self.id,
            issuer=f"dingtalk:{settings.corp_id}",
            subject=union,
            name=name_of(claims, settings.name_claim, union),
            grant=grant_of(settings.roles, settings.default, claims),
            is_role_ours=not settings.roles,
        )

    def _union_id(self, code: str) -> str:
        """Who it is in all of DingTalk."""
        given = {"clientId": self._settings.client_id, "clientSecret": self._secret()}
        asked = {**given, "code": code, "grantType": "authorization_code"}
        token = self._new("POST", "oauth2/userAccessToken", json=asked).get("accessToken")
        headers = {"x-acs-dingtalk-access-token": str(token)}
        union = self._new("GET", "contact/users/me", headers=headers).get("unionId")
        if not isinstance(union, str) or not union:
            raise SignInError(Trouble.UNTRUSTED, "contact/users/me: names nobody")
        return union

    def _member(self, union: str) -> str:
        """The id of a member of the organisation."""
        found = self._old("topapi/user/getbyunionid", {"unionid": union})
        if not isinstance(found.get("userid"), str) or found.get("contact_type") != _MEMBER:
            raise SignInError(Trouble.OUTSIDER, "no member of the organisation")
        return str(found["userid"])

    def _details(self, user: str) -> dict[str, Any]:
        """What is known of a member, with the roles as lists that a rule can name."""
        found = self._old("topapi/v2/user/get", {"userid": user})
        roles = [role for role in found.get("role_list") or () if isinstance(role, dict)]
        return {**found, "roles": [r.get("name") for r in roles], "role_ids": [r.get("id") for r in roles]}

    def _new(self, method: str, what: str, **request: Any) -> dict[str, Any]:
        status, said = self._asker.ask(method, f"{self._settings.api_url.rstrip('/')}/v1.0/{what}", **request)
        if status != httpx.codes.OK:
            raise SignInError(Trouble.REFUSED, f"{what}: {status} {said.get('code')} {str(said.get('message'))[:200]}")
        return said

    def _old(self, what: str, asked: dict[str, str]) -> dict[str, Any]:
        """An answer of the old interface to the application; asked again once where its token is over."""
        said = self._post(what, asked)
        if said.get("errcode") in _STALE_TOKEN:
            self._token.forget()
            said = self._post(what, asked)
        if said.get("errcode") == _NOBODY:
            raise SignInError(Trouble.OUTSIDER, f"{what}: no member of the organisation")
        if said.get("errcode") != 0 or not isinstance(said.get("result"), dict):
            raise SignInError(Trouble.REFUSED, f"{what}: {said.get('errcode')} {str(said.get('errmsg'))[:200]}")
        result: dict[str, Any] = said["result"]
        return result

    def _post(self, what: str, asked: dict[str, str]) -> dict[str, Any]:
        url = f"{self._settings.old_api_url.rstrip('/')}/{what}"
        return self._asker.ask("POST", url, params={"access_token": self._token.get()}, json=asked)[1]

    def _fetch_token(self) -> tuple[str, float]:
        asked = {"appKey": self._settings.client_id, "appSecret": self._secret()}
        said = self._new("POST", "oauth2/accessToken", json=asked)
        token, good_for_s = said.get("accessToken"), said.get("expireIn")
        if not isinstance(token, str) or not isinstance(good_for_s, int):
            raise SignInError(Trouble.UNREACHABLE, "oauth2/accessToken: gives no token")
        return token, float(good_for_s)

    def _secret(self) -> str:
        return self._settings.secret.get_secret_value() if self._settings.secret else ""
