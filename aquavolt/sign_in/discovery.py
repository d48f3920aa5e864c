"""What a provider of OpenID Connect says of itself, and its keys. Fetched when first needed, never at the start.

OpenID Connect Discovery 1.0, https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet
from pydantic import ValidationError

from api.sign_in import SignInError, Trouble
from aquavolt.sign_in.asking import Asker, Kept
from aquavolt.sign_in.settings import OidcSettings

_GOOD_FOR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where a provider's endpoints are.

    answers_name_issuer  its answers carry `iss` (RFC 9207), so one that does not is none of its
    """

    authorization: str
    token: str
    jwks: str
    userinfo: str | None
    end_session: str | None
    answers_name_issuer: bool


class Discovery:
    """A provider's endpoints and keys, kept for an hour. Thread-safe."""

    def __init__(self, settings: OidcSettings, asker: Asker, monotonic: Callable[[], float]) -> None:
        self._settings, self._asker = settings, asker
        self._metadata = Kept(self._fetch_metadata, _GOOD_FOR_S, monotonic)
        self._keys = Kept(self._fetch_keys, _GOOD_FOR_S, monotonic)

    def metadata(self) -> Metadata:
        """Raises: SignInError."""
        found: Metadata = self._metadata.get()
        return found

    def keys(self, *, newest: bool = False) -> KeySet:
        """What its tokens are signed with. `newest`: a token's key is not among those that are kept.

        Raises:
            SignInError.
        """
        found: KeySet = self._keys.renew() if newest else self._keys.get()
        return found

    def _fetch_metadata(self) -> Metadata:
        said = self._asker.get(get_well_known_url(self._settings.issuer, external=True))
        if said.get("issuer") != self._settings.issuer:
            detail = f"it calls itself {said.get('issuer')!r}; the settings say {self._settings.issuer!r}"
            raise SignInError(Trouble.UNTRUSTED, detail)
        return Metadata(
            authorization=self._endpoint(said, "authorization_endpoint"),
            token=self._endpoint(said, "token_endpoint"),
            jwks=self._endpoint(said, "jwks_uri"),
            userinfo=self._endpoint(said, "userinfo_endpoint") if said.get("userinfo_endpoint") else None,
            end_session=self._endpoint(said, "end_session_endpoint") if said.get("end_session_endpoint") else None,
            answers_name_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, said: dict[str, Any], name: str) -> str:
        """An endpoint of the document; never without TLS where the issuer has it."""
        address, scheme = said.get(name), self._settings.issuer.partition("://")[0]
        if not isinstance(address, str) or not address.startswith(("https://", f"{scheme}://")):
            raise SignInError(Trouble.UNTRUSTED, f"its discovery document has no usable {name}: {address!r}")
        return address

    def _fetch_keys(self) -> KeySet:
        said = self._asker.get(self.metadata().jwks).get("keys")
        keys = [key for each in said if (key := _key(each))] if isinstance(said, list) else []
        if not keys:
            raise SignInError(Trouble.UNTRUSTED, "its key document has no key that is known here")
        return KeySet(keys)


def _key(given: Any) -> Any:
    """A key to check signatures with; None for others, and for kinds that are not known here."""
    if not isinstance(given, dict) or given.get("use", "sig") != "sig" or given.get("kty") not in ("RSA", "EC"):
        return None
    try:
        return JWKRegistry.import_key(given)
    except (JoseError, ValueError, TypeError, ValidationError):
        return None
