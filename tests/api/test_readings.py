"""`POST /api/v1/readings`: the long form, row by row."""

from __future__ import annotations

import pytest

from api.readings import long_form

GOOD = {"meter": "w-campus", "quantity": "water_volume", "time": "2026-11-23T11:00:00+08:00", "value": 5000.5}


def post(served, body, media_type="application/json"):
    if media_type == "application/json":
        return served.client.post("/api/v1/readings", json=body)
    return served.client.post("/api/v1/readings", content=body, headers={"Content-Type": media_type})


def test_good_rows_are_taken_in_our_own_columns(served):
    answer = post(served, [GOOD, GOOD | {"meter": "e-library", "quantity": "active_power", "value": "2"}])
    assert answer.json() == {"taken": 2, "refused": 0, "errors": []}
    (batch,) = served.posted
    assert batch.meters == ("w-campus", "e-library")
    assert batch.value.tolist() == [5000.5, 2.0]
    assert str(batch.time[0]) == "2026-11-23T03:00:00.000"


@pytest.mark.parametrize(
    ("member", "value", "says"),
    [
        ("meter", "w-nowhere", "no meter of this site"),
        ("meter", None, "no meter"),
        ("quantity", "water", "allowed: active_energy_import"),
        ("time", "2026-11-23T11:00:00", "offset"),
        ("time", "noon", "offset"),
        ("time", 1700000000, "offset"),
        ("time", "2026-11-24T00:00:00+08:00", "future"),
        ("value", "many", "finite number"),
        ("value", True, "finite number"),
        ("value", "inf", "finite number"),
        ("value", None, "finite number"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_taken(served, member, value, says):
    answer = post(served, {"readings": [GOOD, GOOD | {member: value}, GOOD]})
    assert answer.status_code == 200
    assert (answer.json()["taken"], answer.json()["refused"]) == (2, 1)
    (error,) = answer.json()["errors"]
    assert (error["row"], error["member"]) == (2, member)
    assert says in error["message"]


def test_csv_with_a_mark_of_byte_order_and_its_own_order_of_columns(served):
    good, bad = "2026-11-23T11:00:00+08:00,7.5,w-campus,water_volume", "x,1,w-campus,water_volume"
    rows = f"\ufefftime,value,meter,quantity\n{good}\n\n{bad}\n"
    answer = post(served, rows.encode(), "text/csv; charset=utf-8")
    assert answer.json()["taken"] == 1
    assert answer.json()["errors"][0]["row"] == 2


def test_nothing_good_is_a_422_and_nothing_is_submitted(served):
    answer = post(served, [GOOD | {"value": "x"}])
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["row"] == 1
    assert served.posted == []


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{", "application/json", 422),
        (b'{"rows": []}', "application/json", 422),
        (b"meter,value\n", "text/csv", 422),
        (b"\xff\xfe\x00", "text/csv", 422),
        (b'meter,quantity,time,value\n"', "text/csv", 422),
        (b"<xml/>", "application/xml", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(served, body, media_type, status):
    answer = post(served, body, "application/json " if media_type == "application/json" else media_type)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_body_without_end_is_cut_off(served):
    async def endless():
        while True:
            yield b"x" * 2**20

    answer = served.client.post("/api/v1/readings", content=endless(), headers={"Content-Type": "text/csv"})
    assert answer.status_code == 413


def test_too_many_rows_are_refused_as_a_whole(served, monkeypatch):
    monkeypatch.setattr(long_form, "MAX_ROWS", 3)
    assert post(served, [GOOD] * 4).status_code == 413
    assert served.posted == []


def test_an_empty_array_is_nothing_to_do(served):
    assert post(served, []).json() == {"taken": 0, "refused": 0, "errors": []}
    assert served.posted == []
