"""`watch` and `serve` with a repair platform: `watch` alone sends, and the pages of `serve` say how that goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from aquavolt.config.documents import load_site
from bench.harness.services import API_TOKEN, Services, until
from simulators.repair_platform.server import RepairPlatform
from simulators.repair_platform.state import Faults, Platform

pytestmark = [pytest.mark.slow, pytest.mark.influx, pytest.mark.timeout(300)]
SECRET = "of-this-test-alone"  # noqa: S105 - it says so


@pytest.fixture
def platform() -> Platform:
    """The simulator's own state; its server stands beside it."""
    return Platform(SECRET)


@pytest.fixture
def services(fed, influx, platform, tmp_path) -> Iterator[Services]:
    server = RepairPlatform(platform)
    server.start()
    said = {"url": server.url, "secret": SECRET, "allow_networks": ["127.0.0.0/8"], "timeout_s": 5}
    found = Services(tmp_path / "data", fed.site, influx, more={"repair_platform": said})
    yield found
    found.close()
    server.stop()


@pytest.fixture
def page(services) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"http://127.0.0.1:{services.page_port}", headers={"Authorization": f"Bearer {API_TOKEN}"},
        trust_env=False, timeout=30,
    ) as client:  # fmt: skip
        yield client


@pytest.fixture
def open_order(page, fed) -> Callable[[str], int]:
    place = next(iter(load_site(fed.site)[0].nodes))

    def open_one(title: str) -> int:
        answer = page.post("/api/v1/orders", json={"node": place, "title": title})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["id"])

    return open_one


def is_there(platform: Platform, order: int) -> bool:
    return any(repair["order"] == str(order) for repair in platform.document()["orders"])


def trouble(page: httpx.Client) -> str:
    return str(page.get("/api/v1/platform").json()["last_error"])


def dot(page: httpx.Client) -> str:
    html = page.get("/repair-platform", headers={"Accept": "text/html"}).text
    return html.partition('<h2><span class="av-dot is-')[2].partition('"')[0]


def test_watch_alone_sends_and_serve_says_how_it_goes(services, platform, page, open_order):
    watch = services.start("watch")
    services.start("serve")
    until(lambda: trouble(page) == "", "serve has heard of watch", 30)

    first = open_order("one")
    until(lambda: is_there(platform, first), "the platform has it", 60)
    assert dot(page) == "delivered"

    platform.set_faults(Faults(error=503))
    second = open_order("two")
    until(lambda: "503" in trouble(page), "serve says that the platform is in trouble", 60)
    assert dot(page) == "failed"
    platform.set_faults(Faults())
    until(lambda: is_there(platform, second), "the platform has it after all", 120)
    until(lambda: (trouble(page), dot(page)) == ("", "delivered"), "serve says that it is over", 30)

    assert watch.stop() == 0
    third = open_order("three")
    until(lambda: "watch" in trouble(page), "serve says that nobody sends", 30)
    assert dot(page) == "failed"
    assert not is_there(platform, third), "serve sends nothing itself"
    services.start("watch")
    until(lambda: is_there(platform, third), "watch sends what waited", 60)
    until(lambda: trouble(page) == "", "serve says so", 30)
    told = platform.document()
    assert (len(platform.deliveries), told["repeats"], told["refused"]) == (3, 0, [])
