"""Readings, use, alerts and work orders as files that spreadsheets open."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest
from openpyxl import load_workbook
from signed_in import person

from alerts.orders.hand import Person as Hand
from alerts.orders.making import NewOrder
from alerts.users.roles import Role
from alerts.values import Actor, Outcome
from api.exports import table
from api.exports.table import table_response

API = "/api/v1/exports"
SPAN = "start=2026-11-22&end=2026-11-23"


def rows(answer) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["Content-Disposition"]
    text = answer.content.decode("utf-8")
    assert text.startswith("\ufeff"), "else a Chinese spreadsheet takes it for GBK"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def sheet(answer) -> list[tuple]:
    assert answer.status_code == 200, answer.text
    return list(load_workbook(io.BytesIO(answer.content)).active.values)


def test_readings_come_in_the_long_form_and_go_in_again(served):
    found = rows(served.client.get(f"{API}/readings?meter=w-campus&meter=e-library&{SPAN}"))
    assert len(found) == 2 * 96
    first = found[0]
    assert (first["meter"], first["quantity"], first["time"]) == (
        "w-campus",
        "water_volume",
        "2026-11-22T00:00:00+08:00",
    )
    text = "meter,quantity,time,value\n" + "\n".join(
        f"{r['meter']},{r['quantity']},{r['time']},{r['value']}" for r in found
    )
    back = served.client.post("/api/v1/readings", content=text.encode(), headers={"Content-Type": "text/csv"})
    assert back.json()["taken"] == len(found)


def test_use_by_day_is_a_row_a_window_also_as_a_workbook(served):
    (day,) = rows(served.client.get(f"{API}/usage?meter=w-campus&{SPAN}"))
    assert (day["start"], float(day["usage"]), day["unit"]) == ("2026-11-22T00:00:00+08:00", 96.0, "m3")
    head, row = sheet(served.client.get(f"{API}/usage?meter=w-campus&{SPAN}&format=xlsx"))
    assert (head[0], row[0], row[2], row[4]) == ("meter", "w-campus", datetime(2026, 11, 22), 96.0)  # noqa: DTZ001
    (none,) = rows(served.client.get(f"{API}/usage?meter=w-campus&start=2020-01-01&end=2020-01-02"))
    assert none["usage"] == "", "missing is missing"


def test_alerts_come_with_place_loss_and_who_has_them(served):
    served.parts.records.acknowledge("leak", Actor("li"))
    found = {row["id"]: row for row in rows(served.client.get(f"{API}/alerts"))}
    assert set(found) == {"leak", "room", "dead", "floor", "done"}
    leak = found["leak"]
    assert (leak["place"], leak["acknowledged_by"], float(leak["loss_total"])) == ("梅园1号楼", "li", 24.0)
    assert (float(leak["loss_money_estimate"]), leak["currency"]) == (100.8, "CNY")
    assert found["dead"]["observed"] == ""
    only = rows(served.client.get(f"{API}/alerts?state=cleared&node=dorm-1&start=2026-11-20&end=2026-11-24"))
    assert [row["id"] for row in only] == ["done"]
    assert len(sheet(served.client.get(f"{API}/alerts?format=xlsx"))) == 6
    assert rows(served.client.get(f"{API}/alerts?end=2026-01-01")) == []


def test_of_another_part_nothing_goes_out(guarded):
    manager = person(guarded, "m", Role.DORM_MANAGER, "library")
    assert [row["id"] for row in rows(manager.client.get(f"{API}/alerts"))] == ["dead"]
    assert manager.client.get(f"{API}/readings?meter=w-campus&{SPAN}").status_code == 404
    assert manager.client.get(f"{API}/usage?meter=w-campus&{SPAN}").status_code == 404


@pytest.fixture
def contracted(guarded):
    """Two orders of one contractor, one of them done in time for 120 yuan, and one of nobody."""
    accounts = person(guarded, "office", Role.ENERGY_MANAGER), person(guarded, "builder", Role.CONTRACTOR)
    orders, office = guarded.app.state.orders, Hand(Actor("office"), manages=True)
    for days in (9, -9):
        due = guarded.parts.now() + timedelta(days=days)
        orders.open(office, NewOrder(node="dorm-1", assignee="builder", title="=水管", due_at=due))
    orders.open(office, NewOrder(node="dorm-1-201", words="水龙头关不上"))
    orders.finish(1, Hand(Actor("builder")), Outcome.REPAIRED, words="换阀", cost=120.0)
    return accounts


def test_orders_come_with_times_rating_and_cost(contracted):
    office, _ = contracted
    found = {row["order"]: row for row in rows(office.client.get(f"{API}/orders"))}
    assert list(found) == ["3", "2", "1"]
    done, late, nobodys = found["1"], found["2"], found["3"]
    assert (done["state"], done["outcome"], done["place"]) == ("done", "repaired", "梅园1号楼")
    assert (done["in_time"], float(done["cost"]), done["currency"]) == ("True", 120.0, "CNY")
    assert done["title"] == "'=水管", "no formula"
    assert (late["in_time"], late["cost"], late["assignee"]) == ("False", "", "builder")
    assert nobodys["place"].startswith("梅园1号楼 "), "the floor alone says nothing"
    assert nobodys["words"] == "水龙头关不上"
    assert (nobodys["assignee"], nobodys["in_time"], nobodys["given_at"]) == ("", "", "")
    assert [r["order"] for r in rows(office.client.get(f"{API}/orders?assignee=builder&state=done"))] == ["1"]
    day = done["given_at"][:10]
    assert len(rows(office.client.get(f"{API}/orders?start={day}"))) == 3
    assert rows(office.client.get(f"{API}/orders?end={day}")) == []
    assert len(sheet(office.client.get(f"{API}/orders?format=xlsx"))) == 4


def test_a_contractor_takes_the_own_orders_home(contracted):
    _, builder = contracted
    assert [row["order"] for row in rows(builder.client.get(f"{API}/orders"))] == ["2", "1"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"readings?meter=gone&{SPAN}", 404), (f"readings?meter=w-campus&quantity=wine&{SPAN}", 422),
        ("readings?meter=w-campus&start=2026-11-23&end=2026-11-22", 422), (f"readings?{SPAN}", 422),
        (f"usage?meter=w-campus&{SPAN}&format=pdf", 422), (f"usage?meter=w-campus&{SPAN}&quantity=flow_rate", 422),
        ("alerts?start=soon", 422), ("alerts?node=gone", 404), ("orders?end=soon", 422), ("orders?state=lost", 422),
    ],
)  # fmt: skip
def test_what_cannot_be_given_is_said(served, path, status):
    answer = served.client.get(f"{API}/{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


def test_too_much_is_refused_as_a_whole(served, monkeypatch):
    monkeypatch.setattr(table, "MOST_ROWS", {"csv": 50, "xlsx": 50})
    for form in ("csv", "xlsx"):
        assert served.client.get(f"{API}/readings?meter=w-campus&{SPAN}&format={form}").status_code == 413


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_text_is_never_a_formula(form):
    for sign in "=+-@\t\r\n＝＋－＠":
        assert table.plain_cell(f"{sign}1") == f"'{sign}1"
    answer = table_response("x", ["a", "b"], [["=HYPERLINK(1)", -1.5], ["\x07@x", 2]], form)
    if form == "csv":
        assert b"'=HYPERLINK(1),-1.5" in answer.body
    else:
        (_, first, second) = load_workbook(io.BytesIO(answer.body)).active.values
        assert (first, second) == (("'=HYPERLINK(1)", -1.5), ("@x", 2))
