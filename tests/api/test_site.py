"""Nodes, meters and use by local windows."""

from __future__ import annotations

import pytest

from api.moments import read_range, window_edges
from metering.site import Site


def test_the_tree_names_children_and_meters(served):
    tree = served.client.get("/api/v1/nodes").json()
    by_id = {n["id"]: n for n in tree["items"]}
    assert tree["timezone"] == "Asia/Shanghai"
    assert by_id["campus"]["children"] == ["dorm-1", "library"]
    assert by_id["dorm-1"]["meters"] == ["w-dorm-1"]


def test_a_nodes_use_comes_from_its_own_main_meter(served):
    water = served.client.get("/api/v1/nodes/dorm-1").json()["consumption"]["water"]
    # 0.5 m3 a quarter hour: noon is 48 quarter hours into the local day; 22 days of November lie behind it.
    assert water["today"] == 24.0
    assert water["yesterday"] == 48.0
    assert water["last_7_days"] == 6 * 48.0 + 24.0
    assert water["month"] == 22 * 48.0 + 24.0
    assert water["daily"] == [48.0] * 6 + [24.0]
    assert (water["is_partial"], water["meters"]) == (False, ["w-dorm-1"])


def test_a_node_without_a_meter_is_the_sum_of_what_is_below_and_says_so(served):
    power = served.client.get("/api/v1/nodes/campus").json()["consumption"]["electricity"]
    assert power["is_partial"] is True
    assert power["yesterday"] == 96 * (0.0625 + 2.0)


def test_meters_by_medium_and_place(served):
    def ids(query: str) -> list[str]:
        return [m["id"] for m in served.client.get(f"/api/v1/meters{query}").json()["items"]]

    assert len(ids("")) == 6
    assert ids("?medium=electricity") == ["e-dorm-1-201", "e-library"]
    assert ids("?node=dorm-1-f2") == ["w-dorm-1-f2", "e-dorm-1-201"]


def test_a_meter_shows_its_newest_reading(served):
    meter = served.client.get("/api/v1/meters/w-dorm-1").json()
    assert (meter["parents"], meter["children"]) == (["w-campus"], ["w-dorm-1-f1", "w-dorm-1-f2"])
    newest = {"quantity": "water_volume", "unit": "m3", "time": "2026-11-23T04:00:00Z", "value": 1780.0, "quality": 0}
    assert meter["latest"] == [newest]


def test_readings_are_half_open_and_in_columns(served):
    path = "/api/v1/meters/w-dorm-1/readings?start=2026-11-20T00:00:00%2B08:00&end=2026-11-20T01:00:00%2B08:00"
    (series,) = served.client.get(path).json()["series"]
    assert series["times"][0] == "2026-11-19T16:00:00Z"
    assert len(series["times"]) == 4
    assert series["values"][1] - series["values"][0] == 0.5


def test_long_readings_come_in_parts(served):
    start, values = "2026-11-20", []
    while start:
        path = "/api/v1/meters/w-dorm-1/readings"
        answer = served.client.get(path, params={"start": start, "end": "2026-11-21", "limit": 50}).json()
        values += answer["series"][0]["values"]
        start = answer["next_start"]
    assert len(values) == 96
    assert values == sorted(set(values))


@pytest.mark.parametrize(
    ("step", "windows", "each"), [("15min", 192, 0.5), ("1h", 48, 2.0), ("1d", 2, 48.0), ("1mo", 1, None)]
)
def test_use_by_any_step(served, step, windows, each):
    query = f"?meter=w-dorm-1&start=2026-11-10&end=2026-11-12&step={step}"
    answer = served.client.get(f"/api/v1/usage{query}").json()
    values = answer["usage"]["w-dorm-1"]
    assert len(values) == windows
    assert len(answer["edges"]) == windows + 1
    if each is not None:
        assert set(values) == {each}
        assert answer["edges"][0] == "2026-11-09T16:00:00Z"
    else:
        assert (answer["edges"][0], values) == ("2026-10-31T16:00:00Z", [22 * 48.0 + 24.0])


def test_what_is_not_stored_is_null(served):
    answer = served.client.get("/api/v1/usage?meter=w-campus&start=2025-01-01&end=2025-01-02&step=1d").json()
    assert answer["usage"]["w-campus"] == [None]


@pytest.mark.parametrize(
    ("zone", "day", "after", "hours"),
    [
        ("Europe/Berlin", "2026-10-25", "2026-10-26", 25),
        ("Europe/Berlin", "2026-03-29", "2026-03-30", 23),
        ("Asia/Kathmandu", "2026-10-25", "2026-10-26", 24),
        ("Asia/Shanghai", "2026-10-25", "2026-10-26", 24),
    ],
)
def test_windows_are_the_sites_own(zone, day, after, hours):
    site = Site("s", "s", zone, {}, {})
    start, end = read_range(day, after, site)
    assert len(window_edges(start, end, "1h", site)) == hours + 1
    assert len(window_edges(start, end, "1d", site)) == 2
    assert window_edges(start, end, "1h", site)[0] == start
    assert window_edges(start, end, "1h", site)[-1] == end
