"""WeCom (企业微信): OAuth 2 in a form of its own. There is no ID token, no nonce and no PKCE; state alone guards it.

What its documentation says, and what is done here:
- In a browser the person is sent to `login.work.weixin.qq.com/wwlogin/sso/login` with `login_type=CorpApp`, the CorpID
  as `appid` and the AgentId (https://developer.work.weixin.qq.com/document/path/98171); inside of WeCom's own browser
  to `open.weixin.qq.com/connect/oauth2/authorize` with `scope=snsapi_base` and the fragment `#wechat_redirect`, which
  asks nothing (https://developer.work.weixin.qq.com/document/path/91022). `state` has letters and digits, at most 128.
- Whoever says no comes back with `state` and no `code`.
- The code is good once, for 5 minutes. `auth/getuserinfo` gives for it the `userid` of a member; of anybody else an
  `openid` (https://developer.work.weixin.qq.com/document/path/98177): those are not let in. It is asked with the
  application's token (`gettoken`, https://developer.work.weixin.qq.com/document/path/91039), not with the person's.
- `user/get` gives name and departments (numbers) of those whom the application may see
  (https://developer.work.weixin.qq.com/document/path/90196); where it refuses, there are no departments.
- Every answer is HTTP 200 with `errcode`: 0 is success, 40029 a code that is not good, 40014 and 42001 a token that is
  not (https://developer.work.weixin.qq.com/document/path/90313).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from alerts.users.departures import Departure
from alerts.users.identities import Arrival
from api.sign_in import SignInError, Trouble
from aquavolt.sign_in.app_token import AppToken
from aquavolt.sign_in.app_way import AppWay
from aquavolt.sign_in.asking import Asker
from aquavolt.sign_in.mapping import grant_of, name_of
from aquavolt.sign_in.settings import WecomSignInSettings

_STALE_TOKEN = frozenset({40014, 42001})
_BAD_CODE = 40029
# Busy, or asked too often: nothing is said of the person, whose departments are not gone for that.
_BUSY = frozenset({-1, 45009, 45011, 45033})


class WecomWay(AppWay):
    """One organisation's application."""

    def __init__(self, settings: WecomSignInSettings, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Raises: OSError, the certificates cannot be read."""
        self.id, self.label = settings.id, settings.shown
        self._settings = settings
        self._asker = Asker(settings.timeout_s, settings.ca_file)
        self._token = AppToken(self._fetch_token, monotonic)

    def begin(self, departure: Departure, return_to: str, agent: str) -> str:
        """Where the browser is sent."""
        settings = self._settings
        if "wxwork" in agent.lower():
            asked = {
                "appid": settings.corp_id, "redirect_uri": return_to, "response_type": "code", "scope": "snsapi_base",
                "state": departure.state, "agentid": settings.agent_id,
            }  # fmt: skip
            return f"{settings.in_app_url.rstrip('/')}/connect/oauth2/authorize?{urlencode(asked)}#wechat_redirect"
        asked = {
            "login_type": "CorpApp", "appid": settings.corp_id, "agentid": settings.agent_id,
            "redirect_uri": return_to, "state": departure.state,
        }  # fmt: skip
        return f"{settings.login_url.rstrip('/')}/wwlogin/sso/login?{urlencode(asked)}"

    def finish(self, departure: Departure, return_to: str, answer: Mapping[str, str]) -> Arrival:  # noqa: ARG002
        """Who came back."""
        code = answer.get("code", "")
        if not code:
            raise SignInError(Trouble.DENIED, "the answer has no code")
        said = self._ask("auth/getuserinfo", code=code)
        user = said.get("userid")
        if not isinstance(user, str) or not user:
            raise SignInError(Trouble.OUTSIDER, "no member of the organisation")
        claims = {**self._details(user), "userid": user}
        settings = self._settings
        return Arrival(
            provider=self.id,
            issuer=f"wecom:{settings.corp_id}",
            subject=user,
            name=name_of(claims, settings.name_claim, user),
            grant=grant_of(settings.roles, settings.default, claims),
            is_role_ours=not settings.roles,
        )

    def _details(self, user: str) -> dict[str, Any]:
        """What more is known of a member; nothing of one whom the application may not see."""
        if not self._settings.with_details:
            return {}
        try:
            return self._ask("user/get", userid=user)
        except SignInError as error:
            if error.trouble is Trouble.REFUSED:
                return {}
            raise

    def _ask(self, what: str, **parameters: str) -> dict[str, Any]:
        """An answer to the application; asked again once where its token is over."""
        said = self._asker.get(self._url(what), params={"access_token": self._token.get(), **parameters})
        if said.get("errcode") in _STALE_TOKEN:
            self._token.forget()
            said = self._asker.get(self._url(what), params={"access_token": self._token.get(), **parameters})
        return _checked(what, said)

    def _fetch_token(self) -> tuple[str, float]:
        secret = self._settings.secret.get_secret_value() if self._settings.secret else ""
        asked = {"corpid": self._settings.corp_id, "corpsecret": secret}
        said = _checked("gettoken", self._asker.get(self._url("gettoken"), params=asked))
        token, good_for_s = said.get("access_token"), said.get("expires_in")
        if not isinstance(token, str) or not isinstance(good_for_s, int):
            raise SignInError(Trouble.UNREACHABLE, "gettoken: gives no token")
        return token, float(good_for_s)

    def _url(self, what: str) -> str:
        return f"{self._settings.api_url.rstrip('/')}/cgi-bin/{what}"


def _checked(what: str, said: dict[str, Any]) -> dict[str, Any]:
    code = said.get("errcode")
    if code == 0:
        return said
    trouble = Trouble.DENIED if code == _BAD_CODE else Trouble.UNREACHABLE if code in _BUSY else Trouble.REFUSED
    raise SignInError(trouble, f"{what}: {code} {str(said.get('errmsg', ''))[:200]}")
