"""A judged campus served on a free port, and a real Chromium without a window."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from sqlalchemy import delete

from alerts.duty_desk.book_source import BookSource
from alerts.duty_desk.entries import EntryKind
from alerts.notices import look_at
from alerts.notify.dispatch import Dispatcher
from alerts.notify.models import LookRow
from alerts.routing.routes import Contact, Route
from alerts.values import Actor
from api.app import create_app
from api.web.vendor import missing_files
from aquavolt.telling import surroundings_of

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "program")]

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
PATIENCE_MS = 90_000  # passwords are hashed slowly on purpose, and other tests may run beside these
_ADMIN = Actor("admin", "test")
DESKTOP = {"viewport": {"width": 1440, "height": 900}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder drives a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Site:
    """The served campus."""

    address: str
    campus: Any

    def raise_leak(self, node: str = "dorm-2", meter: str = "w-dorm-2") -> str:
        """A new active leak that nobody has seen yet; its id."""
        return str(self.campus.raise_leak(node, meter))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """35 days of the simulated campus, judged by the real rules, served over HTTP."""
    from of_the_api import api_module  # noqa: PLC0415 - it is beside this file, which has just made that importable

    if missing := missing_files():
        pytest.fail(f"browser files are missing ({', '.join(missing)}): npm ci && python -m api.web.vendor")
    campus = api_module("campus").build(tmp_path_factory.mktemp("campus"), seed=5, days=35)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = create_app(campus.parts)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", campus)
    campus.stream.close()
    server.should_exit = True
    thread.join(20)
    listener.close()
    campus.close()


@pytest.fixture(scope="module")
def site(served: Site) -> Iterator[Site]:
    """The served campus; the leaks that a module raised are over after it, or they would fill the next one's lists."""
    yield served
    served.campus.clear_leaks()


@pytest.fixture(scope="session")
def link_of(served: Site) -> Callable[..., str]:
    """The path of the link that `person` gets in one message about these alerts."""
    parts, records = served.campus.parts, served.campus.records

    def send(person: str, *alerts: str) -> str:
        contact = Contact.model_validate({"addresses": [{"channel": "webhook"}]})
        parts.duty_desk.entries.put(EntryKind.CONTACT, person, contact, _ADMIN)
        route = Route(targets=(f"person:{person}",), group_by=(), group_wait_s=0, group_interval_s=1)
        parts.duty_desk.entries.put(EntryKind.ROUTE, f"to-{person}", route.model_copy(update={"position": 1}), _ADMIN)
        with records.database.writing() as session:
            session.execute(delete(LookRow))  # what other tests did is none of this message's matter
            for alert in alerts:
                look_at(session, alert, 0)
        books = BookSource(surroundings_of(parts.site, ("webhook",)))
        Dispatcher(records.database, books, parts.now).turn()
        parts.duty_desk.entries.remove(EntryKind.ROUTE, f"to-{person}", _ADMIN)
        (sent,) = [d for d in records.deliveries_of(alerts[0]) if d.receiver == f"person:{person}"]
        return "/go/" + parts.duty_desk.links.link_of(sent).url.rpartition("/")[2]

    return send


@dataclass
class Tab:
    """A page, and what its console complained of."""

    page: Any
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for the module's tests; ended with it, for playwright keeps an event loop running in this thread."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where a browser is wanted

    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium fonts-noto-cjk")
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


def _is_given_up(request: Any) -> bool:
    """The stream ends with its page, and the browser drops what it still loads when the reader goes on to another."""
    return "stream" in request.url or request.failure == "net::ERR_ABORTED"


@pytest.fixture
def open_tab_at(chromium: Any) -> Iterator[Callable[..., Tab]]:
    """Opens a tab of a language and size at an address; afterwards no console may have complained."""
    contexts, tabs = [], []

    def build(address: str, language: str, size: dict[str, Any] = DESKTOP, **more: Any) -> Tab:
        context = chromium.new_context(base_url=address, locale=language, **size, **more)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        tab = Tab(context.new_page())
        page = tab.page
        page.on("console", lambda m: tab.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        page.on("requestfailed", lambda r: None if _is_given_up(r) else tab.complaints.append(f"failed: {r.url}"))
        page.on(
            "request",
            lambda r: None if r.url.startswith((address, "data:")) else tab.complaints.append(f"foreign: {r.url}"),
        )
        tabs.append(tab)
        return tab

    yield build
    for context in contexts:
        context.close()
    assert [c for tab in tabs for c in tab.complaints] == []


@pytest.fixture
def open_tab(open_tab_at: Callable[..., Tab], site: Site) -> Callable[..., Tab]:
    """The same, on the served campus."""
    return partial(open_tab_at, site.address)


@pytest.fixture
def photo(tmp_path: Path) -> str:
    """A photo as a phone takes it."""
    path = tmp_path / "water.jpg"
    Image.effect_noise((1200, 900), 40).convert("RGB").save(path, "JPEG")
    return str(path)


@pytest.fixture
def offline_tab(chromium: Any, site: Any) -> Iterator[Callable[..., Any]]:
    """Tabs whose console may complain: without a connection it does."""
    contexts = []

    def build(language: str, address: str = "", **more: Any) -> Any:
        context = chromium.new_context(base_url=address or site.address, locale=language, **PHONE, **more)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return context.new_page()

    yield build
    for context in contexts:
        context.close()
