"""The demo that `make_screens.py` pictures: what people are made to do there, over the API and the pages."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page

from alerts.users.roles import WHOLE_SITE
from simulators.photos import pipe_photo

PEOPLE = {
    "zhao.lei": "maintainer", "zhou.jun": "maintainer", "sun.li": "dorm_manager", "chen.hao": "head_of_logistics",
}  # fmt: skip
CONTRACTOR, OWN_PASSWORD = "hengtong", "quiet-river-4711"
DRILL = {"kind": "burst", "node": "dorm-1", "size": 12.0, "speed": 240, "limit_s": 1800, "note": "冬季演练"}
COUNTS = """node,from,beds,people
dorm-1-201,2026-11-24,4,3
dorm-1-202,2026-11-24,4,4
dorm-2-301,2026-11-24,6,5
dorm-9-101,2026-11-24,4,4
"""
PATIENCE_S = 900.0


class Demo:
    """One running demo."""

    def __init__(self, page: str) -> None:
        self.page, self._base = page, f"{page}/api/v1"

    def ask(self, method: str, path: str, document: Any = None, *, kind: str = "application/json") -> Any:
        """The answer; a document that is text is sent as it is. Raises: HTTPError."""
        body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        request = urllib.request.Request(  # noqa: S310 - the page that was named
            self._base + path, None if document is None else body, {"Content-Type": kind}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def send(self, path: str, **fields: str) -> str:
        """A form of the pages; the page that answers. Raises: HTTPError."""
        with urllib.request.urlopen(self.page + path, urlencode(fields).encode(), timeout=30) as answer:  # noqa: S310
            return str(answer.read().decode())

    def active(self) -> list[Any]:
        """The open alerts, the latest first."""
        items: list[Any] = self.ask("GET", "/alerts?state=active&limit=100")["items"]
        return items

    def fill(self, buildings: list[str]) -> None:
        """A roster with a hole and a stand-in, a route, a silence, planned use, heads, and alerts that people have."""
        for person, role in PEOPLE.items():
            self.send("/users", name=person, role=role, node=WHOLE_SITE)
        self._plan_duty(buildings)
        for number, alert in enumerate(self.active()[:6]):
            if number == 1:
                self.ask("POST", f"/alerts/{alert['id']}/acknowledge", {"note": "在路上"})
            if number == 2:
                self.ask("POST", f"/alerts/{alert['id']}/assign", {"assignee": "li.wei"})
        for start, hours, node, medium, reason in (
            (30, 4, "garden", "water", "绿化带管网冬季放空"),
            (52, 2, "teaching", "water", "消防演练：试放消火栓"),
            (-20, 3, "canteen", "electricity", "冷库设备调试"),
        ):
            use = {"node": node, "medium": medium, "start": at(start), "end": at(start + hours), "text": reason}
            self.ask("POST", "/planned-uses", use)

    def _plan_duty(self, buildings: list[str]) -> None:
        shifts = [
            {"start": "08:00", "end": "20:00", "people": ["li.wei", "wang.qiang"]},
            {"start": "20:00", "end": "08:00", "people": ["zhao.lei"], "days": ["mon", "tue", "wed", "thu", "fri"]},
        ]
        duty = {"role": "maintainer", "name": "水暖维修", "nodes": buildings, "fallback": "chen.hao", "shifts": shifts}
        guard = {"role": "zone_manager", "name": "公寓管理", "fallback": "chen.hao", "shifts": [{"people": ["sun.li"]}]}
        self.ask("PUT", "/duties/pipes", duty)
        self.ask("PUT", "/duties/zone", guard)
        for person in (*PEOPLE, "li.wei", "wang.qiang"):
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

    def give_order(self, alert: str) -> int:
        """The office gives an alert to the contractor."""
        words = "三号楼梯间管井先看，钥匙在值班室。"
        given = {"alert_id": alert, "assignee": CONTRACTOR, "words": words}
        return int(self.ask("POST", "/orders", given)["id"])

    def drill(self) -> str:
        """A drill from its fault to the meters' word; its id. Takes some minutes. Raises: SystemExit."""
        drill = str(self.ask("POST", "/drills", DRILL)["id"])
        until(lambda: self.ask("GET", f"/drills/{drill}/report")["alerts"])
        time.sleep(30)  # as people are: it is found, read, gone to
        for act, document in (
            ("acknowledge", {"note": "在路上"}),
            ("assign", {"assignee": "li.wei"}),
            ("resolve", {"outcome": "repaired", "note": "已关阀，换接头"}),
        ):
            for found in self.ask("GET", f"/drills/{drill}/report")["alerts"]:
                self.ask("POST", f"/alerts/{found['alert']}/{act}", document)
            time.sleep(20)
        until(lambda: self.ask("GET", f"/drills/{drill}")["state"] == "ended")
        return drill

    def bring_counts(self) -> None:
        """Head-counts of a term."""
        self.ask("POST", "/head-counts?source=2026-autumn.csv", COUNTS, kind="text/csv")

    def one_time_password(self, name: str) -> str:
        """A new one. Raises: HTTPError, SystemExit."""
        found = re.search(r'class="av-secret">([^<]+)<', self.send(f"/users/{name}/password"))
        if found is None:
            raise SystemExit(f"no password was given to {name}")
        return found[1]


def at(hours: float) -> str:
    """So many hours from now, at the full hour."""
    moment = datetime.now(UTC) + timedelta(hours=hours)
    return moment.replace(minute=0, second=0, microsecond=0).isoformat()


def until(look: Any) -> Any:
    """What is found at last. Raises: SystemExit."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except HTTPError:  # not there yet
            pass
        time.sleep(1)
    raise SystemExit(f"waited {PATIENCE_S:g} s in vain")


def report_water(browser: Browser, page: str) -> str:
    """A student reports water; the address of the status page."""
    tab = browser.new_page(base_url=page, locale="zh-CN")
    fill_report(tab)
    tab.get_by_role("button", name="提交报修").click()
    tab.wait_for_url("**/report/*")
    address = tab.url.removeprefix(page)
    tab.close()
    return address


def fill_report(tab: Page) -> None:
    """The public form, filled in."""
    tab.goto("/report?node=dorm-2-f4", wait_until="load")
    tab.fill("#spot", "4层水房，靠窗的水龙头")
    tab.fill("#words", "水管接口一直在喷水，地上全是水。")
    photo: Any = {"name": "IMG_2041.jpg", "mimeType": "image/jpeg", "buffer": pipe_photo(21, is_leaking=True)}
    tab.locator("input[type=file]").set_input_files(photo)


def work_on(browser: Browser, demo: Demo, order: int) -> Any:
    """The contractor signs in and works on the order; the session, for pictures."""
    context = browser.new_context(base_url=demo.page, locale="zh-CN")
    tab, given = context.new_page(), demo.one_time_password(CONTRACTOR)
    tab.goto("/sign-in")
    tab.fill("#name", CONTRACTOR)
    tab.fill("#password", given)
    tab.locator("form[action='/sign-in'] button").click()
    tab.wait_for_url("**/account*")
    for field, value in (("#old", given), ("#new", OWN_PASSWORD), ("#again", OWN_PASSWORD)):
        tab.fill(field, value)
    tab.locator("form[action='/account/password'] button").click()
    tab.wait_for_url("**/account?notice=password")
    tab.goto(f"/orders/{order}")
    for part in ("start", "checklist"):
        tab.locator(f"form[action='/orders/{order}/{part}'] button").first.click()
        tab.wait_for_load_state("load")
    photo: Any = {"name": "IMG_0007.jpg", "mimeType": "image/jpeg", "buffer": pipe_photo(22, is_leaking=True)}
    tab.locator(f"form[action='/orders/{order}/photos'] input[type=file]").set_input_files(photo)
    tab.locator(f"form[action='/orders/{order}/photos'] button").last.click()
    tab.wait_for_load_state("load")
    kept = context.storage_state()
    context.close()
    return kept
