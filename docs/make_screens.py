"""Pictures of every page for the documents, with an example roster: desk and phone, Chinese and English.

    aquavolt demo --port 8000 &
    python docs/make_screens.py --page http://127.0.0.1:8000

It puts the roster, a route, a silence and a few acts into the demo it looks at. Look at every picture before it is
committed; each has less than 150 kB.
"""

from __future__ import annotations

import argparse
import io
import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from make_screenshots import CHROMIUM, FLAGS, LANGUAGES, shown_alert
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from alerts.users.roles import WHOLE_SITE

SCREENS = Path(__file__).parent / "screens"
MOST_BYTES, COLOURS = 150_000, 255
SIZES: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
PEOPLE = {
    "li.wei": "maintainer", "wang.qiang": "maintainer", "zhao.lei": "maintainer", "zhou.jun": "maintainer",
    "sun.li": "dorm_manager", "chen.hao": "head_of_logistics",
}  # fmt: skip
PAGES = {
    "alerts": "/alerts",
    "alert": "/alerts/{alert}",
    "tasks": "/tasks",
    "roster": "/duty",
    "routes": "/duty/routes?dry=1&node={node}&category=leak&severity=critical",
    "silences": "/duty/silences",
    "notifications": "/notifications",
    "users": "/users",
    "audit": "/users/audit",
    "sign-in": "/sign-in",
}


class Demo:
    """The API of the demo that is looked at."""

    def __init__(self, page: str) -> None:
        self._page, self._base = page, f"{page}/api/v1"

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        """The answer. Raises: HTTPError."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(  # noqa: S310 - the page that was named
            self._base + path, body, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def send(self, path: str, **fields: str) -> None:
        """A form of the pages. Raises: HTTPError."""
        with urllib.request.urlopen(self._page + path, urlencode(fields).encode(), timeout=30):  # noqa: S310
            pass

    def fill(self, buildings: list[str]) -> None:
        """A roster with a hole and a stand-in, a route, a silence, and alerts that people have."""
        now = datetime.now(UTC)

        def at(hours: float) -> str:
            return (now + timedelta(hours=hours)).isoformat()

        shifts = [
            {"start": "08:00", "end": "20:00", "people": ["li.wei", "wang.qiang"]},
            {"start": "20:00", "end": "08:00", "people": ["zhao.lei"], "days": ["mon", "tue", "wed", "thu", "fri"]},
        ]
        duty = {"role": "maintainer", "name": "水暖维修", "nodes": buildings, "fallback": "chen.hao", "shifts": shifts}
        guard = {"role": "zone_manager", "name": "公寓管理", "fallback": "chen.hao", "shifts": [{"people": ["sun.li"]}]}
        self.ask("PUT", "/duties/pipes", duty)
        self.ask("PUT", "/duties/zone", guard)
        for person, role in PEOPLE.items():
            self.send("/users", name=person, role=role, node=WHOLE_SITE)
            self.ask("PUT", f"/contacts/{person}", {"addresses": [{"channel": "demo"}]})
        away = {"person": "zhao.lei", "start": at(-5), "end": at(60), "stand_in": "zhou.jun", "reason": "年假"}
        self.ask("PUT", "/absences/leave", away)
        route = {
            "name": "宿舍漏水", "position": 10, "match": {"nodes": buildings, "categories": ["leak"]},
            "targets": ["role:maintainer"], "steps": [{"after_s": 900, "targets": ["role:zone_manager"]}],
        }  # fmt: skip
        self.ask("PUT", "/routes/dorm-leaks", route)
        shutdown = {"kind": "planned_shutdown", "match": {"nodes": buildings[:1]}, "start": at(-1), "end": at(5)}
        self.ask("PUT", "/silences/valve", shutdown | {"reason": "更换环网阀门，停水"})
        for number, alert in enumerate(self.ask("GET", "/alerts?state=active&limit=6")["items"]):
            if number == 1:
                self.ask("POST", f"/alerts/{alert['id']}/acknowledge", {"note": "在路上"})
            if number == 2:
                self.ask("POST", f"/alerts/{alert['id']}/assign", {"assignee": "li.wei"})


def take(browser: Browser, page: str, words: dict[str, str]) -> None:
    """Every page in every size and language. Raises: SystemExit, a picture is too large."""
    for size, device in SIZES.items():
        for language, locale in LANGUAGES.items():
            context = browser.new_context(locale=locale, **device)
            tab = context.new_page()
            for name, path in PAGES.items():
                # The live stream never ends, so that `networkidle` would wait for ever.
                tab.goto(page + path.format(**words), wait_until="load")
                tab.wait_for_timeout(1500)
                out = SCREENS / f"{name}-{size}-{language}.png"
                picture = Image.open(io.BytesIO(tab.screenshot()))
                picture.convert("RGB").quantize(COLOURS).save(out, optimize=True)
                print(f"{out.name}: {out.stat().st_size // 1000} kB")
                if out.stat().st_size > MOST_BYTES:
                    raise SystemExit(f"{out} has more than {MOST_BYTES // 1000} kB")
            context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", default="http://127.0.0.1:8000")
    page = parser.parse_args().page.rstrip("/")
    SCREENS.mkdir(exist_ok=True)
    demo = Demo(page)
    nodes = demo.ask("GET", "/nodes")["items"]
    buildings = [node["id"] for node in nodes if node["kind"] == "building"][:3]
    demo.fill(buildings)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        take(browser, page, {"alert": shown_alert(page), "node": buildings[1]})
        browser.close()


if __name__ == "__main__":
    main()
