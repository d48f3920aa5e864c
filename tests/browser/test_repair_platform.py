"""One order on both sides: told to the platform simulator, closed on its page, closed here once the meters agree."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from of_the_api import api_module

from alerts.orders.states import OrderState
from api.app import create_app

TESTS = Path(__file__).parents[1]
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
AXE = TESTS.parent / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Both:
    """The campus with a platform, worked by a thread of its own."""

    address: str
    simulator: Any
    mirror: Any
    orders: Any
    open: Callable[..., int]
    meters_agree: Callable[[str], None]


@pytest.fixture(scope="module")
def both(site: Any) -> Iterator[Both]:
    """The served campus once more, on another port, with the mirror's thread and the simulator's process."""
    harness, campus = api_module("mirrored"), site.campus
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    simulator = harness.Simulator(f"{address}/api/v1/platform/events")
    ground = harness.ground_of(campus.records, campus.parts.site(), harness.settings_of(simulator.url))
    mirror = harness.Mirror(replace(ground, page_base=address), harness.FAST)
    app = create_app(replace(campus.parts, repair_platform=harness.platform_parts(ground, mirror)))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    mirror.start()
    orders = harness.Orders(campus.records.database, campus.parts.site)

    def open_order(**new: Any) -> int:
        return int(orders.open(harness.OFFICE, harness.NewOrder(**new)).id)

    yield Both(address, simulator, mirror, orders, open_order, partial(harness.meters_agree, campus.records))
    mirror.stop()
    mirror.close()
    server.should_exit = True
    thread.join(20)
    simulator.close()
    listener.close()


def until(is_so: Callable[[], bool], within_s: float = 90.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def tab_of(chromium: Any, address: str, language: str, size: dict[str, Any]) -> Any:
    context = chromium.new_context(base_url=address, locale=language, **size)
    context.set_default_timeout(90_000)
    return context.new_page()


def test_an_order_is_mirrored_to_the_platform_and_closed_from_there(chromium: Any, site: Any, both: Both) -> None:
    order = both.open(alert_id=site.raise_leak("dorm-3", "w-dorm-3"))
    alert = both.orders.get(order).alert_id
    until(lambda: len(both.simulator.orders()) == 1)
    number = both.simulator.orders()[0]["number"]
    theirs = tab_of(chromium, both.simulator.base, "zh-CN", DESKTOP)
    theirs.goto("/")
    row = theirs.locator(f"tr#{number}")
    assert row.locator(".t").inner_text() == "open"
    row.locator("input[name=note]").fill("换了角阀")
    row.get_by_role("button", name="closed").click()
    until(lambda: both.orders.get(order).state is OrderState.DONE)
    until(lambda: both.simulator.orders()[0]["said_by_them"] == "done")

    ours = tab_of(chromium, both.address, "zh-CN", DESKTOP)
    ours.goto(f"/repair-platform?order={order}")
    assert number in ours.locator("#log").inner_text()
    assert "已完工，待表计确认" in ours.locator("#log").inner_text()
    theirs.reload()
    assert theirs.locator(f"tr#{number} .t").inner_text() == "done"

    both.meters_agree(alert)
    until(lambda: both.orders.get(order).state is OrderState.CLOSED)
    until(lambda: both.simulator.orders()[0]["said_by_them"] == "verified")
    closed = both.orders.get(order)
    assert closed.closed_by == "repair-platform"
    assert "换了角阀" in [event.text for event in both.orders.events_of(order)]
    theirs.context.close()
    ours.context.close()


@pytest.mark.parametrize("size", [pytest.param(DESKTOP, id="desk"), pytest.param(PHONE, id="phone")])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_page_fits_is_accessible_and_sends_again(
    chromium: Any, both: Both, size: dict[str, Any], language: str
) -> None:
    order = both.open(node="dorm-2", title="a tap runs")
    until(lambda: both.mirror.desk.link(order) is not None)
    both.simulator.misdeed(both.mirror.desk.link(order).number, "unknown_event")
    page = tab_of(chromium, both.address, language, size)
    page.goto("/repair-platform")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    unplaced = page.locator("button[value=aside]")
    before = unplaced.count()
    unplaced.first.click()
    page.wait_for_function(f"document.querySelectorAll('button[value=aside]').length === {before - 1}")
    page.locator("#order").fill(str(order))
    page.locator("form", has=page.locator("#order")).get_by_role("button").click()
    page.locator(".av-notice.is-ok").wait_for()
    page.context.close()
