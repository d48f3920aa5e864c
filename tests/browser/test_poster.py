"""The poster for a door: what a phone's camera reads off it is the page on which that place is chosen already."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp
from PIL import Image

PHONE = {"viewport": {"width": 360, "height": 780}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
A4_PX = {"width": 794, "height": 1123}  # at 96 to the inch


def read(picture: bytes) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("L"))]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_code_leads_to_the_form_of_its_place(
    open_tab: Callable[..., Any], site: Any, language: str, scheme: str
) -> None:
    page = open_tab(language, DESKTOP, color_scheme=scheme).page
    page.goto("/reports/poster?node=dorm-2")
    poster = page.locator(".av-poster")
    (link,) = read(poster.screenshot())
    assert link == f"{site.address}/report?node=dorm-2" == poster.locator(".av-poster-link").inner_text()
    text = poster.inner_text()
    for words in ("发现漏水", "Water running?", site.campus.parts.site().nodes["dorm-2"].name):
        assert words in text
    page.goto(link)
    assert page.locator("#node").input_value() == "dorm-2"


def test_it_is_printed_alone_a_sheet_each_place(open_tab: Callable[..., Any], site: Any) -> None:
    page = open_tab("zh-CN", DESKTOP).page
    page.goto("/reports/poster?node=dorm-2&below=true")
    places = list(site.campus.parts.site().subtree("dorm-2"))
    assert page.locator(".av-poster").count() == len(places)
    page.emulate_media(media="print")
    assert not page.locator("header, .av-poster-choice").first.is_visible()
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert printed.count(b"/Type /Page\n") == len(places)


def test_a_torn_poster_is_still_read(open_tab: Callable[..., Any], site: Any) -> None:
    page = open_tab("zh-CN", DESKTOP).page
    page.goto("/reports/poster?node=dorm-3")
    picture = Image.open(io.BytesIO(page.locator(".av-poster-code").screenshot())).convert("L")
    side = picture.width
    picture.paste(255, (side // 2 - side // 10, side // 2 - side // 10, side // 2 + side // 10, side // 2 + side // 10))
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [f"{site.address}/report?node=dorm-3"]


def test_it_is_found_from_the_reports_and_from_a_place_and_fits_a_phone(open_tab: Callable[..., Any]) -> None:
    page = open_tab("en", PHONE).page
    page.goto("/reports")
    page.get_by_role("link", name="Posters with a QR code").click()
    page.wait_for_url("**/reports/poster")
    page.locator("select[name=node]").select_option("dorm-2")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**node=dorm-2")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.goto("/site/dorm-2")
    assert page.get_by_role("link", name="Poster with a QR code").get_attribute("href") == "/reports/poster?node=dorm-2"
