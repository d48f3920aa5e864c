"""For tests of a phone that loses its connection: waiting for what it does by itself, a server that comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from api.app import create_app

PATIENCE_S = 60


def controlled(page: Page) -> None:
    """The page is the worker's, and what is to be kept is kept."""
    settles(page, "() => navigator.serviceWorker.controller !== null")
    settles(page, "async () => (await AquaVolt.kept()).length > 0")


def settles(page: Page, claim: str) -> None:
    """Waits until the claim, which may be a promise, is true; the page may be left for another one meanwhile."""

    def holds() -> bool:
        try:
            return bool(page.evaluate(claim))
        except PlaywrightError:
            return False

    assert until(holds), claim


def until(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def serving(parts: Any, port: int) -> Iterator[int]:
    """The application on a port; the same one again after it was stopped."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        server = uvicorn.Server(uvicorn.Config(create_app(parts), log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert until(lambda: server.started)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)
