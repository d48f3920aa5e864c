"""OpenID Connect: the authorization code flow with PKCE, state and nonce.

OpenID Connect Core 1.0, https://openid.net/specs/openid-connect-core-1_0.html; PKCE: RFC 7636; the issuer in the
answer: RFC 9207; signing out: https://openid.net/specs/openid-connect-rpinitiated-1_0.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from alerts.users.departures import Departure
from alerts.users.identities import Arrival
from api.sign_in import SignInError, Trouble
from aquavolt.sign_in.asking import Asker
from aquavolt.sign_in.discovery import Discovery, Metadata
from aquavolt.sign_in.id_token import check_id_token
from aquavolt.sign_in.mapping import grant_of, name_of
from aquavolt.sign_in.settings import OidcSettings

_FORM = "application/x-www-form-urlencoded"


class OidcWay:
    """One provider.

    now_s      the clock, seconds since 1970
    monotonic  seconds of a clock that is never set
    """

    def __init__(
        self,
        settings: OidcSettings,
        now_s: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises: OSError, the certificates cannot be read."""
        self.id, self.label = settings.id, settings.shown
        self._settings, self._now_s = settings, now_s
        self._asker = Asker(settings.timeout_s, settings.ca_file)
        self._discovery = Discovery(settings, self._asker, monotonic)

    def begin(self, departure: Departure, return_to: str, agent: str) -> str:  # noqa: ARG002 - of the port
        """Where the browser is sent."""
        address: str = prepare_grant_uri(
            self._discovery.metadata().authorization, self._settings.client_id, "code",
            redirect_uri=return_to, scope=" ".join(dict.fromkeys(("openid", *self._settings.scopes))),
            state=departure.state, nonce=departure.nonce,
            code_challenge=create_s256_code_challenge(departure.verifier), code_challenge_method="S256",
        )  # fmt: skip
        return address

    def finish(self, departure: Departure, return_to: str, answer: Mapping[str, str]) -> Arrival:
        """Who came back."""
        metadata = self._discovery.metadata()
        self._check_answer(answer, metadata)
        token = self._token(metadata, answer["code"], return_to, departure.verifier)
        access = str(token.get("access_token", ""))
        claims = check_id_token(
            token.get("id_token"), self._discovery, issuer=self._settings.issuer, client_id=self._settings.client_id,
            nonce=departure.nonce, access_token=access, now_s=int(self._now_s()),
        )  # fmt: skip
        claims = {**self._userinfo(metadata, access, claims["sub"]), **claims}
        return self._arrival(claims, str(token["id_token"]))

    def _check_answer(self, answer: Mapping[str, str], metadata: Metadata) -> None:
        issuer = answer.get("iss")
        if issuer != self._settings.issuer and (issuer is not None or metadata.answers_name_issuer):
            raise SignInError(Trouble.UNTRUSTED, f"the answer comes from {issuer!r}")
        if "error" in answer:
            raise SignInError(Trouble.DENIED, f"{answer['error']}: {answer.get('error_description', '')}")
        if not answer.get("code"):
            raise SignInError(Trouble.DENIED, "the answer has no code")

    def _token(self, metadata: Metadata, code: str, return_to: str, verifier: str) -> dict[str, Any]:
        settings = self._settings
        body = prepare_token_request("authorization_code", "", return_to, code=code, code_verifier=verifier)
        secret = settings.secret.get_secret_value() if settings.secret else ""
        auth = ClientAuth(settings.client_id, secret, settings.client_auth)
        headers = {"Accept": "application/json", "Content-Type": _FORM}
        url, headers, body = auth.prepare("POST", metadata.token, headers, body)
        status, token = self._asker.ask("POST", url, headers=headers, content=body)
        if status != httpx.codes.OK:
            detail = f"the code was not taken: {status} {token.get('error')}: {token.get('error_description', '')}"
            raise SignInError(Trouble.REFUSED, detail)
        return token

    def _userinfo(self, metadata: Metadata, access: str, subject: str) -> dict[str, Any]:
        """What more the provider says of the person; it must be the same one (Core 5.3.2)."""
        if metadata.userinfo is None or not access:
            return {}
        said = self._asker.get(metadata.userinfo, headers={"Authorization": f"Bearer {access}"})
        if said.get("sub") != subject:
            raise SignInError(Trouble.UNTRUSTED, "userinfo is about somebody else than the ID token")
        return said

    def _arrival(self, claims: dict[str, Any], hint: str) -> Arrival:
        settings = self._settings
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Arrival(
            provider=self.id,
            issuer=settings.issuer,
            subject=claims["sub"],
            name=name_of(claims, settings.name_claim, claims["sub"]),
            grant=grant_of(settings.roles, settings.default, claims),
            is_role_ours=not settings.roles,
            email=email if settings.link_verified_email and isinstance(email, str) else None,
            hint=hint,
        )

    def leave(self, hint: str, return_to: str) -> str | None:
        """Where the browser is sent to sign out there too."""
        if not self._settings.sign_out:
            return None
        try:
            end = self._discovery.metadata().end_session
        except SignInError:
            return None
        if end is None:
            return None
        told = {"client_id": self._settings.client_id, "post_logout_redirect_uri": return_to}
        return f"{end}{'&' if '?' in end else '?'}{urlencode(told | ({'id_token_hint': hint} if hint else {}))}"

    def probe(self) -> None:
        """Whether its endpoints and keys can be had now. Raises: SignInError."""
        self._discovery.metadata()
        self._discovery.keys()

    def close(self) -> None:
        """Give the connections back."""
        self._asker.close()
