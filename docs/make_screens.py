"""Pictures of every page for the documents, with an example roster: desk and phone, Chinese and English.

    aquavolt simulate repair-platform --secret a-secret-for-the-pictures &
    cd docs/screens_demo && aquavolt demo --port 8000 --data /tmp/screens &    # the settings there name the platform
    python docs/make_screens.py --page http://127.0.0.1:8000

It puts a roster, orders, a report, a drill and more into the demo it looks at, so that has to be a fresh one. Look at
every picture before it is committed; each has less than 150 kB. `--only NAME` takes some of a demo that was filled.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

from make_screenshots import CHROMIUM, FLAGS, LANGUAGES, shown_alert
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from screened_demo import CONTRACTOR, Demo, fill_report, report_water, work_on

SCREENS = Path(__file__).parent / "screens"
MOST_BYTES, COLOURS = 150_000, 255
SIZES: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
PAGES = {
    "alerts": "/alerts",
    "alert": "/alerts/{alert}",
    "tasks": "/tasks",
    "orders": "/orders",
    "order": "/orders/{order}",
    "reports": "/reports",
    "patrol": "/patrol",
    "drills": "/drills",
    "drill": "/drills/{drill}",
    "statistics": "/statistics",
    "contractors": "/statistics/contractors",
    "head-counts": "/head-counts",
    "planned": "/planned",
    "platform": "/repair-platform",
    "roster": "/duty",
    "routes": "/duty/routes?dry=1&node={node}&category=leak&severity=critical",
    "silences": "/duty/silences",
    "notifications": "/notifications",
    "users": "/users",
    "audit": "/users/audit",
}
# Of those who are not signed in: in a demo everybody is, so what shows that is left out.
OPEN_PAGES = {"report": "/report", "report-status": "{report}", "sign-in": "/sign-in"}
NOT_SIGNED_IN = ".av-nav, .av-user { display: none !important; }"
OF_THE_CONTRACTOR = {
    "contractor-order": "/orders/{order}",
    "contractor-orders": "/orders",
    "contractor-score": "/statistics/contractors",
}


class Camera:
    """Takes the pages that are wanted (none named: all)."""

    def __init__(self, browser: Browser, page: str, words: dict[str, Any], only: list[str]) -> None:
        self._browser, self._page, self._words, self._only = browser, page, words, only

    def take(self, pages: dict[str, str], language: str, style: str = "", session: Any = None) -> None:
        """In both sizes. Raises: SystemExit, a picture is too large."""
        wanted = {name: path for name, path in pages.items() if name in self._only or not self._only}
        for size, device in SIZES.items():
            context = self._browser.new_context(
                base_url=self._page, locale=LANGUAGES[language], bypass_csp=True, storage_state=session, **device
            )
            tab = context.new_page()
            for name, path in wanted.items():
                if name == "report":
                    fill_report(tab)
                else:
                    # The live stream never ends, so that `networkidle` would wait for ever.
                    tab.goto(path.format(**self._words), wait_until="load")
                if style:
                    tab.add_style_tag(content=style)
                tab.wait_for_timeout(1500)
                _keep(tab, SCREENS / f"{name}-{size}-{language}.png")
            context.close()


def _keep(tab: Page, out: Path) -> None:
    picture = Image.open(io.BytesIO(tab.screenshot()))
    picture.convert("RGB").quantize(COLOURS).save(out, optimize=True)
    print(f"{out.name}: {out.stat().st_size // 1000} kB", flush=True)
    if out.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{out} has more than {MOST_BYTES // 1000} kB")


def fill(browser: Browser, page: str) -> dict[str, Any]:
    """What the addresses name, once everything is there; `session` is the contractor's."""
    demo = Demo(page)
    nodes = demo.ask("GET", "/nodes")["items"]
    buildings = [node["id"] for node in nodes if node["kind"] == "building"][:3]
    demo.fill(buildings)
    demo.bring_counts()
    alert = shown_alert(page)
    order = demo.give_order(alert)
    session = work_on(browser, demo, order)
    report = report_water(browser, page)
    newest = demo.ask("GET", "/reports")["items"][0]["id"]
    told = demo.ask("POST", "/orders", {"report_id": newest, "assignee": CONTRACTOR})
    demo.ask("POST", f"/orders/{told['id']}/start", {})
    found = {"alert": alert, "node": buildings[1], "order": order, "report": report, "session": session}
    return found | {"drill": demo.drill()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", default="http://127.0.0.1:8000")
    parser.add_argument("--only", nargs="*", default=[], help="pages by name")
    parser.add_argument("--filled", type=Path, default=Path("filled.json"), help="what was put into the demo")
    given = parser.parse_args()
    page = given.page.rstrip("/")
    SCREENS.mkdir(exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        if not given.filled.exists():
            given.filled.write_text(json.dumps(fill(browser, page)), encoding="utf-8")
        words = json.loads(given.filled.read_text(encoding="utf-8"))
        camera = Camera(browser, page, words, given.only)
        for language in LANGUAGES:
            camera.take(PAGES, language)
            camera.take(OPEN_PAGES, language, style=NOT_SIGNED_IN)
            camera.take(OF_THE_CONTRACTOR, language, session=words["session"])
        browser.close()


if __name__ == "__main__":
    main()
