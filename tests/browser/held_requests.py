"""For tests that hold a request back until something else has happened."""

from __future__ import annotations

import time
from typing import Any

PATIENCE_S = 60


class Held:
    """Holds the first request of an address; what comes later goes its way.

    With `asks` the server is asked at once, and what it answered is what `go` brings. The route stays on the page:
    Playwright lets go what is held when a page's last one is taken away.
    """

    def __init__(self, page: Any, url: Any, *, asks: bool = False) -> None:
        self._page, self._asks = page, asks
        self._route: Any = None
        self._answer: Any = None
        page.route(url, self._hold)

    def _hold(self, route: Any) -> None:
        if self._route is not None:
            route.continue_()
            return
        self._route = route
        if self._asks:
            self._answer = route.fetch()

    def wait(self) -> None:
        """Until it is held, and answered if it asks."""
        deadline = time.monotonic() + PATIENCE_S
        while self._route is None or (self._asks and self._answer is None):
            assert time.monotonic() < deadline
            self._page.wait_for_timeout(20)  # routes run meanwhile

    def go(self) -> None:
        """Let it go on."""
        if self._asks:
            self._route.fulfill(response=self._answer)
        else:
            self._route.continue_()
