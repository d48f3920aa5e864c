"""What ways have in common that ask with an application's own token."""

from __future__ import annotations

from aquavolt.sign_in.app_token import AppToken
from aquavolt.sign_in.asking import Asker


class AppWay:
    """Of WeCom and DingTalk: neither offers to sign somebody out there."""

    _asker: Asker
    _token: AppToken

    def leave(self, hint: str, return_to: str) -> str | None:  # noqa: ARG002
        """Nowhere to go."""
        return None

    def probe(self) -> None:
        """Whether it takes the application's secret now. Raises: SignInError."""
        self._token.get()

    def close(self) -> None:
        """Give the connections back."""
        self._asker.close()
