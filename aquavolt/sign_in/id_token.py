"""Checking an ID token: OpenID Connect Core 1.0, 3.1.3.7.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from __future__ import annotations

from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

from api.sign_in import SignInError, Trouble
from aquavolt.sign_in.discovery import Discovery

# Signed with the provider's own key: never `none`, and never a secret that is ours too.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_LEEWAY_S = 60  # clocks that are a little apart


def check_id_token(
    raw: object, discovery: Discovery, *, issuer: str, client_id: str, nonce: str, access_token: str, now_s: int
) -> dict[str, Any]:
    """The claims of a token that holds.

    Raises:
        SignInError: UNTRUSTED, it does not; UNREACHABLE, the keys cannot be had.
    """
    if not isinstance(raw, str):
        raise SignInError(Trouble.UNTRUSTED, "the provider gave no ID token: is `openid` among its scopes?")
    try:
        token = _decoded(raw, discovery)
        options: Any = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
        params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
        CodeIDToken(token.claims, token.header, options, params).validate(now=now_s, leeway=_LEEWAY_S)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SignInError(Trouble.UNTRUSTED, f"ID token: {error}") from error
    if not isinstance(token.claims.get("sub"), str) or not token.claims["sub"]:
        raise SignInError(Trouble.UNTRUSTED, "ID token: it names nobody")
    return dict(token.claims)


def _decoded(raw: str, discovery: Discovery) -> jwt.Token:
    """With the kept keys; where its own is not among them, with the newest: the provider may have changed it."""
    try:
        return jwt.decode(raw, discovery.keys(), algorithms=ALGORITHMS)
    except (InvalidKeyIdError, BadSignatureError):
        return jwt.decode(raw, discovery.keys(newest=True), algorithms=ALGORITHMS)
