"""`POST /api/v1/readings`: the long form, row by row."""

from __future__ import annotations

import gzip

import pytest

from api.readings import long_form
from metering.ports import StoreUnavailableError

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
        ("time", "0001-01-01T00:00:00+08:00", "before 1970"),
        ("time", "1969-12-31T23:59:59Z", "before 1970"),
        ("time", "9999-12-31T23:59:59-14:00", "future"),
        ("value", "many", "finite number"),
        ("value", True, "finite number"),
        ("value", "inf", "finite number"),
        ("value", None, "finite number"),
        ("quality", 256, "0 to 255"),
        ("quality", -1, "0 to 255"),
        ("quality", True, "0 to 255"),
        ("quality", "good", "0 to 255"),
        ("serial", "12", "no column"),
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


@pytest.mark.parametrize("where", ["header", "row"])
def test_a_field_without_end_costs_its_own_row_at_most(served, where):
    long, good = b"x" * 200_000, b"w-campus,water_volume,2026-11-23T11:00:00+08:00,5\n"
    head = long if where == "header" else b"meter,quantity,time,value"
    answer = post(served, head + b"\n" + long + b",,,\n" + good, "text/csv")
    assert answer.status_code == (422 if where == "header" else 200)
    if where == "row":
        assert (answer.json()["taken"], [e["row"] for e in answer.json()["errors"]]) == (1, [1])


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
        (b"meter,quantity,time,value,value\n", "text/csv", 422),
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


def test_a_lost_quote_or_a_field_too_many_costs_its_own_row_only(served):
    good = "w-campus,water_volume,2026-11-23T11:00:00+08:00,{}"
    rows = ["meter,quantity,time,value", good.format(1), f'"{good.format(2)}', good.format(3) + ",4", good.format(5)]
    answer = post(served, "\n".join(rows).encode(), "text/csv")
    assert [(e["row"], e["member"]) for e in answer.json()["errors"]] == [(2, ""), (3, "field 5")]
    assert served.posted[0].value.tolist() == [1.0, 5.0]


def test_quality_comes_with_a_reading_and_is_good_where_it_is_not_said(served):
    assert post(served, [GOOD | {"quality": 1}, GOOD | {"quality": "4"}, GOOD]).json()["taken"] == 3
    assert served.posted[0].quality.tolist() == [1, 4, 0]


def test_a_packed_body_is_taken_and_a_bomb_is_not(served):
    rows = b"meter,quantity,time,value\nw-campus,water_volume,2026-11-23T11:00:00+08:00,7\n"
    packed = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}

    def sent(body: bytes) -> int:
        return served.client.post("/api/v1/readings", content=body, headers=packed).status_code

    assert sent(gzip.compress(rows)) == 200
    assert served.posted[0].value.tolist() == [7.0]
    assert sent(gzip.compress(rows + b"\n" * 2**27)) == 413
    assert [sent(rows), sent(gzip.compress(rows)[:-4]), sent(gzip.compress(rows) + b"more")] == [422, 422, 422]
    assert len(served.posted) == 1


def test_a_journal_that_takes_nothing_is_said_to_be_so(make):
    async def refuse(_):
        raise StoreUnavailableError("the disk is full")

    answer = make(submit=refuse).client.post("/api/v1/readings", json=[GOOD])
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
