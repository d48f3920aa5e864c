"""The token by which an application asks WeCom or DingTalk: the same for everybody, good for two hours, kept so long.

WeCom slows down who fetches it again and again (https://developer.work.weixin.qq.com/document/path/91039).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

_EARLY_S = 300.0


class AppToken:
    """One application's token. Thread-safe.

    fetch      a new one, and how many seconds it is good for; raises SignInError
    monotonic  seconds of a clock that is never set
    """

    def __init__(self, fetch: Callable[[], tuple[str, float]], monotonic: Callable[[], float]) -> None:
        self._fetch, self._monotonic = fetch, monotonic
        self._lock = threading.Lock()
        self._token, self._until = "", float("-inf")

    def get(self) -> str:
        """Raises: SignInError."""
        with self._lock:
            if self._monotonic() >= self._until:
                now = self._monotonic()
                self._token, good_for_s = self._fetch()
                self._until = now + max(0.0, good_for_s - _EARLY_S)
            return self._token

    def forget(self) -> None:
        """It was not taken: the next one who asks gets a new one."""
        with self._lock:
            self._until = float("-inf")
