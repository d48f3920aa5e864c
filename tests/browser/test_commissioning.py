"""The commissioning page in a real browser: found by typing, paged, alive, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from metering.health import HealthReport, MeterHealth
from metering.site import Meter, Site

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
MANY = 5000
FRAME = "68 61 01 00 00 00 00 68 91 08 33 33 34 33 ab 9a 56 45 c8 16"


def fits(page: Any) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.fixture
def put(site: Any) -> Iterator[Callable[..., None]]:
    """Puts another site and report behind the served pages."""
    parts, known = site.campus.parts, site.campus.parts.site()
    before = parts.site, parts.health

    def swap(*, values: float = 1.0, errors: int = 0) -> None:
        now = np.datetime64("2026-03-01T08:00:00", "ms")
        nodes = [n for n in known.nodes if known.nodes[n].kind == "room"]
        meters = {
            f"m{i:04d}": Meter(f"m{i:04d}", "electricity", nodes[i % len(nodes)], connection=f"tcp://gw{i % 40}:502")
            for i in range(MANY)
        }
        health = [
            MeterHealth(m.id, str(m.connection), 100, 99, errors=errors, last_reading=now, raw=FRAME,
                        quantity="active_energy_import", value=values, next_poll=now + np.timedelta64(7, "s"))
            for m in meters.values()
        ]  # fmt: skip
        health[4321] = replace(
            health[4321], breaker="open", last_error="no answer within 1 s; 12 bytes came " + "ff " * 30, errors=77
        )
        report, shown = HealthReport(now, tuple(health)), replace_meters(known, meters)
        object.__setattr__(parts, "site", lambda: shown)
        object.__setattr__(parts, "health", lambda: report)

    yield swap
    object.__setattr__(parts, "site", before[0])
    object.__setattr__(parts, "health", before[1])


def replace_meters(site: Site, meters: dict[str, Meter]) -> Site:
    return Site(site.id, site.name, site.timezone, site.nodes, meters, site.calendar)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(
    ("language", "broken", "raw"),
    [("zh-CN", "暂停抄读", "原始值"), ("en", "breaker open", "As read")],
    ids=["zh", "en"],
)
def test_a_meter_among_thousands_is_found_by_typing(open_tab, put, language, broken, raw, size):
    put()
    page = open_tab(language, size).page
    page.goto("/commissioning")
    assert fits(page)
    assert page.locator("#meters tbody tr").count() == 50
    first = page.locator("#meters tbody tr").first
    assert broken in first.inner_text(), "trouble comes first"
    assert fits(page)
    page.locator("#search").press_sequentially("m4999")
    page.locator("#meters tbody th", has_text="m4999").wait_for()
    assert page.locator("#meters tbody tr").count() == 1
    assert "search=m4999" in page.url
    assert page.locator("#search").input_value() == "m4999"
    text = page.locator("#meters tbody tr").inner_text()
    assert "68 61 01" in text
    assert fits(page)
    if size is PHONE:
        label = page.evaluate("getComputedStyle(document.querySelector('.is-raw'), '::before').content")
        assert raw in label, "a card names what it shows"


def test_values_arrive_by_themselves_and_leave_the_search_alone(open_tab, put):
    put(values=1.0)
    page = open_tab("en").page
    page.goto("/commissioning?search=m0001")
    page.get_by_text("1.000 kWh").wait_for()
    page.locator("#search").fill("m0001 ")
    page.wait_for_url(re.compile("m0001(%20|\\+)"))
    put(values=2.5, errors=3)
    page.get_by_text("2.500 kWh").wait_for()
    assert page.locator("#meters tbody tr").count() == 1
    assert page.locator("#search").input_value() == "m0001 "


def test_filters_sorting_and_pages_go_together(open_tab, put):
    put()
    page = open_tab("en").page
    page.goto("/commissioning")
    page.locator("select[name=connection]").select_option("tcp://gw7:502")
    page.get_by_text("1 to 50 of 125").wait_for()
    page.get_by_role("link", name="Meter", exact=True).click()
    page.wait_for_url(re.compile("sort=meter"))
    assert page.locator("#meters tbody th").first.inner_text().startswith("m0007")
    page.get_by_role("link", name="Further").click()
    page.get_by_text("51 to 100 of 125").wait_for()
    assert page.locator("select[name=connection]").input_value() == "tcp://gw7:502"
    page.get_by_role("link", name=re.compile("^In trouble")).click()
    page.get_by_text("No meter is like that.").wait_for()


def test_it_works_without_scripts(open_tab, put):
    put()
    page = open_tab("en", PHONE, java_script_enabled=False).page
    page.goto("/commissioning")
    page.locator("#search").fill("m4321")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("no answer within 1 s").first.wait_for()
    assert page.locator("#meters tbody tr").count() == 1
