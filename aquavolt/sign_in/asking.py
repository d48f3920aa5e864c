"""Asking a provider over HTTP: bounded in time, size and number at once, and never redirected elsewhere."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec

from api.sign_in import SignInError, Trouble

_MOST_BYTES = 1_000_000
# Answers hold a thread of the page's while they are awaited: a provider that hangs must not take all of them.
_AT_ONCE = 8
_TIMEOUTS = 3  # the client's timeout is for each piece of an answer; this is for all of it
_SERVER_FAULT = 500
_REFUSED = 400


class Asker:
    """One provider's line. Thread-safe."""

    def __init__(self, timeout_s: float, ca_file: Path | None) -> None:
        """Raises: OSError, the certificates cannot be read."""
        verify = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        self._client = httpx.Client(timeout=timeout_s, verify=verify, follow_redirects=False, trust_env=False)
        self._timeout_s = timeout_s
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def ask(self, method: str, url: str, **request: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of an answer below 500.

        Raises:
            SignInError: UNREACHABLE, there is no such answer.
        """
        if not self._places.acquire(timeout=self._timeout_s):
            raise SignInError(Trouble.UNREACHABLE, f"{_AT_ONCE} requests wait for the provider already")
        try:
            return self._ask(method, url, request)
        except httpx.HTTPError as error:
            raise SignInError(Trouble.UNREACHABLE, f"{_plain(url)}: {type(error).__name__}: {error}") from error
        finally:
            self._places.release()

    def _ask(self, method: str, url: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body, end = b"", time.monotonic() + _TIMEOUTS * self._timeout_s
        with self._client.stream(method, url, **request) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if time.monotonic() > end:
                    raise SignInError(Trouble.UNREACHABLE, f"{_plain(url)}: answers too slowly")
                if len(body) > _MOST_BYTES:
                    raise SignInError(Trouble.UNREACHABLE, f"{_plain(url)}: answers more than {_MOST_BYTES} bytes")
        if answer.status_code >= _SERVER_FAULT:
            raise SignInError(Trouble.UNREACHABLE, f"{_plain(url)}: answers {answer.status_code}")
        try:
            document = msgspec.json.decode(body)
        except (ValueError, UnicodeDecodeError) as error:
            raise SignInError(Trouble.UNREACHABLE, f"{_plain(url)}: answers no JSON ({answer.status_code})") from error
        if not isinstance(document, dict):
            raise SignInError(Trouble.UNREACHABLE, f"{_plain(url)}: answers no JSON object")
        return answer.status_code, document

    def get(self, url: str, **request: Any) -> dict[str, Any]:
        """The JSON object at an address.

        Raises:
            SignInError: UNREACHABLE, or it is refused.
        """
        status, document = self.ask("GET", url, **request)
        if status >= _REFUSED or status != httpx.codes.OK:
            raise SignInError(Trouble.UNREACHABLE, f"{_plain(url)}: answers {status}")
        return document

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def _plain(url: str) -> str:
    """Without its parameters: secrets stand there at some providers."""
    return url.partition("?")[0]


class Kept:
    """Something fetched from a provider, kept for a while.

    After a failure nothing is asked for a few seconds: else everybody who presses the button waits for the timeout.
    What is too old goes on being used while no newer one can be had.

    monotonic  seconds of a clock that is never set
    """

    def __init__(
        self, fetch: Callable[[], Any], good_for_s: float, monotonic: Callable[[], float], *, pause_s: float = 5.0
    ) -> None:
        self._fetch, self._good_for_s, self._monotonic, self._pause_s = fetch, good_for_s, monotonic, pause_s
        self._lock = threading.Lock()
        self._value: Any = None
        self._at = self._failed_at = self._renewed_at = float("-inf")
        self._failure: SignInError | None = None

    def get(self) -> Any:
        """Raises: SignInError."""
        with self._lock:
            if self._value is not None and self._monotonic() - self._at < self._good_for_s:
                return self._value
            return self._renew()

    def renew(self) -> Any:
        """The newest there is, because the kept one does not do; asked for at most once in a pause.

        Raises:
            SignInError.
        """
        with self._lock:
            now = self._monotonic()
            if self._value is not None and now - self._renewed_at < self._pause_s:
                return self._value
            self._renewed_at = now
            return self._renew()

    def _renew(self) -> Any:
        now = self._monotonic()
        if self._failure is not None and now - self._failed_at < self._pause_s:
            return self._old_or(self._failure)
        try:
            self._value, self._at, self._failure = self._fetch(), now, None
        except SignInError as error:
            self._failure, self._failed_at = error, self._monotonic()
            return self._old_or(error)
        return self._value

    def _old_or(self, failure: SignInError) -> Any:
        if self._value is None:
            raise SignInError(failure.trouble, str(failure))
        return self._value
