"""WeCom's and DingTalk's endpoints of sign-in, as their documentation has them.

The addresses of that stand in `aquavolt.sign_in.wecom` and `aquavolt.sign_in.dingtalk`. Nothing here was compared with
the real services: what they do beyond their documentation is not known to this.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from simulators.sign_in.people import People

Answer = tuple[int, Any, list[tuple[str, str]]]
APP, SECRET, CORP, AGENT = "ding-app", "app-secret", "ww-corp", "1000002"
_APP_TOKEN, _NEW_APP_TOKEN = "app-token-1", "app-token-2"


@dataclass(slots=True)
class ChinaServices:
    """Both services over one set of persons: their claims are what `user/get` says of them.

    fetched  how many times an application's token was fetched
    """

    people: People
    fetched: int = 0
    _users: dict[str, str] = field(default_factory=dict)

    def send_back(self, query: dict[str, str], subject: str | None, parameter: str) -> Answer:
        """Back to the application: with a code, or of somebody who said no without one."""
        given = {"state": query["state"]}
        if subject is not None:
            given[parameter] = self.people.code_for(subject)
        elif parameter == "authCode":
            given["error"] = "access_denied"
        return 302, "", [("Location", f"{query['redirect_uri']}?{urlencode(given)}")]

    def answer(self, path: str, query: dict[str, str], headers: dict[str, str], body: str) -> Answer | None:
        """The answer of an endpoint; None where there is none."""
        if path.startswith("/cgi-bin/"):
            return 200, self._wecom(path.removeprefix("/cgi-bin/"), query), []
        if path.startswith("/v1.0/"):
            return self._dingtalk(path.removeprefix("/v1.0/"), headers, body)
        if path.startswith("/topapi/"):
            return 200, self._dingtalk_old(path, query, json.loads(body)), []
        return None

    # -- WeCom --------------------------------------------------------------------------------------------

    def _wecom(self, what: str, query: dict[str, str]) -> dict[str, Any]:
        if what == "gettoken":
            if (query.get("corpid"), query.get("corpsecret")) != (CORP, SECRET):
                return {"errcode": 40001, "errmsg": "invalid credential"}
            return {"errcode": 0, "errmsg": "ok", "access_token": self._app_token(), "expires_in": 7200}
        if not self._is_token_good(query.get("access_token", "")):
            return {"errcode": 42001, "errmsg": "access_token expired"}
        if what == "auth/getuserinfo":
            subject = self.people.redeem(query.get("code", ""))
            if subject is None:
                return {"errcode": 40029, "errmsg": "invalid code"}
            return {"errcode": 0, "errmsg": "ok", **self._member(subject)}
        return self._wecom_user(query.get("userid", "")) if what == "user/get" else {"errcode": 404, "errmsg": "none"}

    def _member(self, subject: str) -> dict[str, str]:
        return {"openid": f"o-{subject}"} if self.people.has("outsider") else {"userid": subject}

    def _wecom_user(self, user: str) -> dict[str, Any]:
        known = self.people.persons.get(user)
        if self.people.has("busy"):
            return {"errcode": 45009, "errmsg": "api freq out of limit"}
        if known is None or known.get("hidden"):
            return {"errcode": 60011, "errmsg": "no privilege to access/modify contact/party/agent"}
        return {"errcode": 0, "errmsg": "ok", "userid": user, **known}

    # -- DingTalk -----------------------------------------------------------------------------------------

    def _dingtalk(self, what: str, headers: dict[str, str], body: str) -> Answer:
        if what == "contact/users/me":
            subject = self._users.get(headers.get("x-acs-dingtalk-access-token", ""))
            if subject is None:
                return 401, {"code": "InvalidAuthentication", "message": "不合法的access_token"}, []
            return 200, {"nick": subject, "unionId": f"union-{subject}", "openId": f"open-{subject}"}, []
        asked = json.loads(body)
        if what == "oauth2/accessToken":
            if (asked.get("appKey"), asked.get("appSecret")) != (APP, SECRET):
                return 400, {"code": "invalidClientIdOrSecret", "message": "无效的clientId或者clientSecret"}, []
            return 200, {"accessToken": self._app_token(), "expireIn": 7200}, []
        subject = self.people.redeem(asked.get("code", ""))
        is_client = (asked.get("clientId"), asked.get("clientSecret")) == (APP, SECRET)
        if subject is None or not is_client or asked.get("grantType") != "authorization_code":
            return 400, {"code": "invalidParameter.authCode.notFound", "message": "不合法的临时授权码"}, []
        token = f"user-token-{len(self._users)}"
        self._users[token] = subject
        return 200, {"accessToken": token, "refreshToken": "r", "expireIn": 7200, "corpId": CORP}, []

    def _dingtalk_old(self, path: str, query: dict[str, str], asked: dict[str, Any]) -> dict[str, Any]:
        if not self._is_token_good(query.get("access_token", "")):
            return {"errcode": 42001, "errmsg": "access_token超时"}
        if path == "/topapi/user/getbyunionid":
            user = str(asked.get("unionid", "")).removeprefix("union-")
            if user not in self.people.persons:
                return {"errcode": 60121, "errmsg": "找不到该用户"}
            kind = 1 if self.people.has("outsider") else 0
            return {"errcode": 0, "errmsg": "ok", "result": {"userid": user, "contact_type": kind}}
        user = str(asked.get("userid", ""))
        return {"errcode": 0, "errmsg": "ok", "result": {"userid": user, **self.people.persons.get(user, {})}}

    # -- both ---------------------------------------------------------------------------------------------

    def _app_token(self) -> str:
        self.fetched += 1
        return _NEW_APP_TOKEN if self.people.has("stale_token") else _APP_TOKEN

    def _is_token_good(self, token: str) -> bool:
        """With the fault `stale_token` only one that was fetched after it began."""
        return token == (_NEW_APP_TOKEN if self.people.has("stale_token") else _APP_TOKEN)
