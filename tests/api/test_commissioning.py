"""Each meter as collecting sees it: the API, the page, and both for five thousand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from api.system.meter_states import Wanted, choose, meter_rows
from metering.health import HealthReport, MeterHealth
from metering.site import Meter, Node, Site

NOW = np.datetime64("2026-03-01T08:00:00", "ms")
NODES = {
    "c": Node("c", "campus", None, "校园"),
    "b1": Node("b1", "building", "c", "梅园1号楼"),
    "b1-301": Node("b1-301", "room", "b1", "301"),
    "b2": Node("b2", "building", "c", "图书馆"),
}


def seconds(n: float) -> np.timedelta64:
    return np.timedelta64(round(n * 1000), "ms")


def meter(identity: str, node: str = "b1", **more: object) -> Meter:
    return Meter(identity, "electricity", node, connection="tcp://a", profile="eastron-sdm120", poll_s=10, **more)  # type: ignore[arg-type]


SITE = Site("s", "s", "Asia/Shanghai", NODES, {m.id: m for m in (
    meter("ok", "b1-301", name="301室"), meter("late"), meter("broken", "b2"), meter("silent"),
    Meter("paper", "water", "b2"),
)})  # fmt: skip
REPORT = HealthReport(NOW, (
    MeterHealth("ok", "tcp://a", 10, 10, last_reading=NOW - seconds(5), raw="4:0x0156 = 449a 5000",
                quantity="active_energy_import", value=1234.5, next_poll=NOW + seconds(5)),
    MeterHealth("late", "tcp://a", 10, 5, errors=3, last_reading=NOW - seconds(31), last_error="CRC is wrong",
                quantity="active_energy_import", value=1.0, quality=2 | 4),
    MeterHealth("broken", "tcp://b", 10, 5, errors=9, last_reading=NOW - seconds(5), breaker="open"),
    MeterHealth("silent", "tcp://b", 10),
    MeterHealth("gone", "tcp://b", 1, 1, last_reading=NOW),
))  # fmt: skip


def chosen(**wanted: object) -> list[str]:
    return [row.id for row in choose(meter_rows(REPORT, SITE), SITE, Wanted(**wanted)).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["broken", "silent", "late", "gone", "ok", "paper"]),
        ({"state": "troubled"}, ["broken", "silent", "late"]),
        ({"state": "unread"}, ["paper"]),
        ({"building": "b1"}, ["silent", "late", "ok"]),
        ({"building": "b2"}, ["broken", "paper"]),
        ({"connection": "tcp://a"}, ["late", "ok"]),
        ({"search": "梅园 301室"}, ["ok"]),
        ({"search": "CRC"}, ["late"]),
        ({"search": "sdm120 图书"}, ["broken"]),
        ({"search": "nothing"}, []),
        ({"sort": "meter"}, ["broken", "gone", "late", "ok", "paper", "silent"]),
        ({"sort": "meter", "is_reverse": True, "limit": 2}, ["silent", "paper"]),
        ({"sort": "errors", "limit": 2}, ["broken", "late"]),
        ({"sort": "age", "state": "troubled"}, ["silent", "late", "broken"]),
        ({"sort": "next", "limit": 1}, ["ok"]),
        ({"offset": 4, "limit": 5}, ["ok", "paper"]),
    ],
)
def test_meters_are_searched_filtered_sorted_and_cut(wanted: dict[str, object], found: list[str]) -> None:
    assert chosen(**wanted) == found


def test_states_are_counted_under_the_other_conditions() -> None:
    rows = choose(meter_rows(REPORT, SITE), SITE, Wanted(building="b1", state="ok"))
    assert (rows.total, rows.states) == (1, {"broken": 0, "silent": 1, "late": 1, "ok": 1, "unread": 0})


def served_with(make, site: Site = SITE, report: HealthReport = REPORT):
    return make(site=lambda: site, health=lambda: report)


def test_the_api_says_what_was_read_and_what_it_means(make) -> None:
    answer = served_with(make).client.get("/api/v1/health/meters", params={"search": "301室"}).json()
    (item,) = answer["items"]
    assert (item["raw"], item["quantity"], item["value"], item["unit"]) == (
        "4:0x0156 = 449a 5000", "active_energy_import", 1234.5, "kWh",
    )  # fmt: skip
    assert (item["age_s"], item["next_poll"], item["quality"]) == (5.0, "2026-03-01T08:00:05Z", [])
    assert (item["building"], item["state"], item["breaker"], item["name"]) == ("b1", "ok", "closed", "301室")
    late = served_with(make).client.get("/api/v1/health/meters?state=late").json()["items"][0]
    assert (late["quality"], late["errors"], late["last_error"]) == (["held", "clock_wrong"], 3, "CRC is wrong")


@pytest.mark.parametrize("query", ["state=bad", "sort=colour", "limit=0", "limit=501", "offset=-1"])
def test_what_cannot_be_meant_is_refused(make, query: str) -> None:
    assert served_with(make).client.get(f"/api/v1/health/meters?{query}").status_code == 422


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "not plausible",
                "clock is wrong",
                "sends by itself",
                "in 5 s",
                "breaker open",
                "CRC is wrong",
            ),
        ),
        ("zh-CN", ("数值可疑", "表时钟错误", "自行上报", "5 秒后", "暂停抄读", "梅园1号楼 301", "正向有功电能")),
    ],
)
def test_the_page_says_it_in_both_languages(make, language: str, words: tuple[str, ...]) -> None:
    html = served_with(make).client.get("/commissioning", headers={"Accept-Language": language}).text
    for word in (*words, "4:0x0156 = 449a 5000", "1,234.500"):
        assert word in html, word
    assert html.index(">broken<") < html.index(">ok<")


def test_the_pages_of_five_thousand_meters(make) -> None:
    meters = {f"m{i:04d}": meter(f"m{i:04d}", "b1-301") for i in range(5000)}
    health = tuple(replace(REPORT.meters[0], meter=m) for m in meters)
    client = served_with(make, replace(SITE, meters=meters), replace(REPORT, meters=health)).client
    html = client.get("/commissioning?offset=4950", headers={"Accept-Language": "en"}).text
    assert "4951 to 5000 of 5000" in html
    assert html.count("<tr>") == 51
    assert 'rel="prev"' in html
    assert 'rel="next"' not in html
    assert "m0042<" in client.get("/commissioning?search=0042").text
    assert client.get("/commissioning?offset=x&sort=y&state=z").status_code == 200


def test_text_of_meters_is_never_markup(make) -> None:
    evil = replace(REPORT.meters[1], raw="<script>alert(1)</script>", last_error="<img src=x>")
    html = served_with(make, report=replace(REPORT, meters=(evil,))).client.get("/commissioning").text
    assert "<script>alert" not in html
    assert "<img" not in html.split('id="meters"')[1]
