"""A provider of OpenID Connect out of authlib's server parts: strict with addresses, secrets, codes and PKCE.

It has one client. What is wrong with its tokens on request (`People.faults`) is put in where they are made.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from simulators.sign_in.people import People

_HOUR_S = 3_600
_BAD_REQUEST, _UNAUTHORIZED = 400, 401
Answer = tuple[int, Any, list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]
    """The application that signs people in here."""

    client_id: str
    client_secret: str
    redirect_uri: str

    def get_client_id(self) -> str:
        """Its id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        """Where people are sent back to."""
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        """Every scope."""
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """That one address, to the letter."""
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        """Its secret."""
        return secrets.compare_digest(client_secret, self.client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        """Never without its secret."""
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        """Codes only."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Codes only."""
        return grant_type == "authorization_code"


@dataclass(frozen=True, slots=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """A code that was given out, and what belongs to it."""

    code: str
    subject: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        """Where it was sent."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """What it is good for."""
        return self.scope

    def get_nonce(self) -> str:
        """What goes into the ID token."""
        return self.nonce

    def get_auth_time(self) -> int:
        """Now: nobody is remembered."""
        return int(time.time())

    def get_acr(self) -> None:
        """Nothing is said of how."""

    def get_amr(self) -> None:
        """Nothing is said of how."""


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, url: str, headers: dict[str, str], form: str) -> None:
        super().__init__(method, url, headers=headers)
        self._args = dict(parse_qsl(url.partition("?")[2]))
        self._form = dict(parse_qsl(form))
        self.payload = BasicOAuth2Payload(self._args | self._form)

    @property
    def args(self) -> dict[str, str]:
        return self._args

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _Grant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code: str, request: Any) -> None:
        given = request.payload.data
        if not given.get("code_challenge") or given.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with S256 is asked for here")
        self.server.codes[code] = Code(
            code, request.user, given["redirect_uri"], given["scope"], given.get("nonce", ""),
            given["code_challenge"], "S256",
        )  # fmt: skip

    def query_authorization_code(self, code: str, client: Client) -> Code | None:  # noqa: ARG002 - there is one client
        found: Code | None = self.server.codes.pop(code, None)  # good once, whatever comes of it
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        self.server.codes.pop(authorization_code.code, None)

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.subject


class _IdToken(OpenIDCode):  # type: ignore[misc]
    """The ID token, with what is wrong with it."""

    def __init__(self, provider: OpenIdProvider) -> None:
        super().__init__(require_nonce=True)
        self._provider = provider

    def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ARG002
        return False

    def resolve_client_private_key(self, client: Client) -> RSAKey:  # noqa: ARG002
        return self._provider.key

    def get_client_algorithm(self, client: Client) -> str:  # noqa: ARG002
        return "RS256"

    def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:  # noqa: ARG002
        return {**self._provider.people.persons[user], "sub": user}

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:  # noqa: ARG002
        people, key = self._provider.people, self._provider.key
        now = int(time.time())
        if people.has("expired"):
            now -= 2 * _HOUR_S
        if people.has("future"):
            now += 2 * _HOUR_S
        code: Code = request.authorization_code
        claims = {
            "iss": "https://evil.example" if people.has("issuer") else self._provider.issuer,
            "aud": "another-client" if people.has("audience") else request.client.client_id,
            "iat": now, "exp": now + _HOUR_S, "nonce": "other" if people.has("nonce") else code.nonce,
            **self.generate_user_info(code.subject, code.scope),
        }  # fmt: skip
        if people.has("no_nonce"):
            del claims["nonce"]
        if people.has("access_token"):
            claims["at_hash"] = "of-another-token"
        if people.has("unsigned"):
            return str(jwt.encode({"alg": "none"}, claims, OctKey.import_key("-"), ["none"]))
        if people.has("shared_secret"):
            return str(jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(request.client.client_secret), ["HS256"]))
        signing = RSAKey.generate_key(2048) if people.has("foreign_key") else key
        return str(jwt.encode({"alg": "RS256", "kid": key.kid}, claims, signing, ["RS256"]))

    def process_token(self, grant: Any, response: Any) -> dict[str, Any]:
        token: dict[str, Any] = super().process_token(grant, response)
        if self._provider.people.has("no_id_token"):
            token.pop("id_token")
        return token


class OpenIdProvider(AuthorizationServer):  # type: ignore[misc]
    """The endpoints, as functions of what was asked. Answers are status, document and headers."""

    def __init__(self, issuer: str, client: Client, people: People) -> None:
        super().__init__()
        self.issuer, self.client, self.people = issuer, client, people
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, str] = {}
        self.key = self._new_key()
        self.register_grant(_Grant, [CodeChallenge(required=True), _IdToken(self)])
        self.register_token_generator("default", BearerTokenGenerator(lambda **_: secrets.token_urlsafe(24)))

    def rotate(self) -> None:
        """Another key from now on; the old one is gone at once."""
        self.key = self._new_key()

    @staticmethod
    def _new_key() -> RSAKey:
        return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)

    def discovery(self) -> Answer:
        """What it says of itself."""
        ends = {"authorization": "authorize", "token": "token", "userinfo": "userinfo", "end_session": "sign-out"}
        return 200, {
            "issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys",
            **{f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in ends.items()},
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
        }, []  # fmt: skip

    def keys(self) -> Answer:
        """What its tokens are signed with."""
        return 200, KeySet([self.key]).as_dict(private=False), []

    def authorize(self, url: str, subject: str | None) -> Answer:
        """Send the browser back: with a code, or with `access_denied` for nobody."""
        request = _Request("GET", url, {}, "")
        grant = self.get_consent_grant(request, subject)
        answer: Answer = self.create_authorization_response(request, subject, grant)
        return answer

    def token(self, url: str, headers: dict[str, str], form: str) -> Answer:
        """Tokens for a code."""
        answer: Answer = self.create_token_response(_Request("POST", url, headers, form))
        return answer

    def userinfo(self, authorization: str) -> Answer:
        """Who a token is about."""
        subject = self.tokens.get(authorization.removeprefix("Bearer "))
        if subject is None:
            return _UNAUTHORIZED, {"error": "invalid_token"}, []
        about = "somebody-else" if self.people.has("other_userinfo") else subject
        return 200, {**self.people.persons[subject], "sub": about}, []

    # What authlib asks of whoever builds a server on it.

    def query_client(self, client_id: str) -> Client | None:
        """The one client."""
        return self.client if client_id == self.client.client_id else None

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        """Remember whose it is."""
        self.tokens[token["access_token"]] = request.user

    def create_oauth2_request(self, request: _Request) -> _Request:
        """It is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        """It is one already."""
        return status, body, list(headers)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""
