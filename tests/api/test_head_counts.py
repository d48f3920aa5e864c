"""Head-counts brought over HTTP and on their page: what they change is shown first, bad rows are named."""

from __future__ import annotations

import gzip
import re

import pytest
from signed_in import person

from alerts.head_counts import HeadCountBook
from alerts.users.roles import Role

HEAD = "node,from,beds,people\n"
CSV = {"Content-Type": "text/csv"}
GOOD = f"{HEAD}dorm-1-201,2026-11-01,4,3\ndorm-1,2026-11-01,96,90\n"
MIXED = f"{HEAD}dorm-9,2026-11-01,4,3\ndorm-1-201,2026-11-01,4,3\ndorm-1,never,96,90\n"


def bring(client, content: str | bytes, query: str = "", **headers: str):
    return client.post(f"/api/v1/head-counts{query}", content=content, headers={**CSV, **headers})


def held(client, query: str = "") -> dict[str, tuple]:
    items = client.get(f"/api/v1/head-counts{query}").json()["items"]
    return {i["node"]: (i["from"], i["beds"], i["people"], i["source"]) for i in items}


def test_unknown_rooms_are_refused_row_by_row_and_nothing_else_is_lost(served):
    answer = bring(served.client, MIXED, "?source=秋季.csv")
    assert answer.status_code == 200
    said = answer.json()
    assert (said["taken"], said["unchanged"], said["refused"]) == (1, 0, 2)
    assert [(e["line"], e["member"], e["reason"]) for e in said["errors"]] == [
        (2, "node", "unknown_node"), (4, "from", "no_day")
    ]  # fmt: skip
    assert "dorm-9" in said["errors"][0]["message"]
    assert held(served.client)["dorm-1-201"] == ("2026-11-01", 4, 3, "brought")
    assert held(served.client)["dorm-1"] == (None, 96, None, "site")


def test_a_dry_run_says_what_would_change_and_changes_nothing(served):
    before = held(served.client)
    said = bring(served.client, GOOD, "?dry_run=true").json()
    assert (said["dry_run"], said["taken"]) == (True, 2)
    assert [(c["line"], c["node"], c["before"]["beds"], c["people"]) for c in said["changes"]] == [
        (2, "dorm-1-201", None, 3), (3, "dorm-1", 96, 90)
    ]  # fmt: skip
    assert held(served.client) == before
    assert HeadCountBook(served.parts.records.database).imports() == ()


def test_the_same_file_twice_is_one_and_the_history_stays(served):
    assert bring(served.client, GOOD).json()["taken"] == 2
    assert bring(served.client, GOOD).json() | {"errors": []} == {
        "dry_run": False, "taken": 0, "unchanged": 2, "refused": 0, "changes": [], "errors": []
    }  # fmt: skip
    rows = [{"node": "dorm-1-201", "from": "2027-02-22", "people": 2}]
    assert served.client.post("/api/v1/head-counts", json=rows).json()["taken"] == 1
    items = served.client.get("/api/v1/nodes/dorm-1-201/head-counts").json()["items"]
    assert [(i["from"], i["people"], i["who"]) for i in items] == [
        ("2027-02-22", 2, "demo"), ("2026-11-01", 3, "demo"), (None, None, None)
    ]  # fmt: skip
    assert held(served.client, "?day=2027-02-21&node=dorm-1-f2")["dorm-1-201"][2] == 3
    assert held(served.client, "?day=2027-02-22&node=dorm-1-f2")["dorm-1-201"][2] == 2


@pytest.mark.parametrize(
    ("content", "headers", "status", "word"),
    [
        (f"{HEAD}nowhere,2026-11-01,1,1\n", {}, 422, "nowhere"),
        ("x" * 200_000, {}, 422, "node,from,beds,people"),
        (f"{HEAD}{'x' * 200_000},2026-11-01,1,1\n", {}, 422, "node,from,beds,people"),
        ("room,beds\nx,1\n", {}, 422, "node,from,beds,people"),
        (GOOD, {"Content-Type": "application/pdf"}, 415, "text/csv"),
        ("{", {"Content-Type": "application/json"}, 422, "no JSON"),
        ('{"node": "x"}', {"Content-Type": "application/json"}, 422, "array"),
        (GOOD, {"Content-Encoding": "gzip"}, 422, "no gzip"),
        (gzip.compress(GOOD.encode(), mtime=0)[:-9], {"Content-Encoding": "gzip"}, 422, "cut short"),
        (gzip.compress(b" " * 2**26, mtime=0), {"Content-Encoding": "gzip"}, 413, "4 MB"),
        (GOOD, {"Content-Encoding": "br"}, 415, "gzip"),
        (HEAD + " " * 2**22, {}, 413, "4 MB"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_written(served, content, headers, status, word):
    answer = bring(served.client, content, **headers)
    assert (answer.status_code, word in answer.text) == (status, True), answer.text
    assert HeadCountBook(served.parts.records.database).imports() == ()


def test_a_packed_file_of_another_encoding_is_taken(served):
    office = "房间,起始日期,人数\ndorm-1-201,2026/11/1,3\n".encode("gbk")
    assert bring(served.client, gzip.compress(office), **{"Content-Encoding": "gzip"}).json()["taken"] == 1


def test_a_manager_brings_them_for_the_own_part_only(guarded):
    manager = person(guarded, "m", Role.DORM_MANAGER, "dorm-1")
    content = f"{HEAD}library,2026-11-01,4,3\ndorm-1,2026-11-01,96,90\n"
    answer = bring(manager.client, content, **{"X-CSRF-Token": manager.csrf()})
    assert [(e["line"], e["reason"]) for e in answer.json()["errors"]] == [(2, "unknown_node")]
    assert bring(guarded.client, GOOD).status_code == 401
    guard = person(guarded, "g", Role.DUTY_GUARD)
    assert bring(guard.client, GOOD, **{"X-CSRF-Token": guard.csrf()}).status_code == 403


# -- the page ---------------------------------------------------------------------------------------------------------


def test_a_file_is_looked_at_on_the_page_then_taken(served):
    client = served.client
    looked = client.post("/head-counts/preview", data={"text": MIXED, "source": "秋季.csv"})
    assert looked.status_code == 200
    refused = re.search(r"data-refused>(.*?)</ul>", looked.text, re.DOTALL).group(1)
    assert ("第 2 行" in refused, "第 4 行" in refused, "dorm-9" in refused) == (True, True, True)
    assert "dorm-1-201" in looked.text
    assert HeadCountBook(served.parts.records.database).imports() == ()
    taken = client.post("/head-counts", data={"text": MIXED, "source": "秋季.csv"})
    assert (taken.status_code, taken.headers["Location"]) == (303, "/head-counts?taken=1")
    page = client.get("/head-counts?node=dorm-1-201").text
    assert ("秋季.csv" in page, "2026-11-01" in page) == (True, True)


def test_a_file_of_nothing_but_faults_cannot_be_taken_on_the_page(served):
    looked = served.client.post("/head-counts/preview", data={"text": f"{HEAD}x,2026-11-01,4,3\n"})
    assert looked.status_code == 422
    assert 'action="/head-counts"' not in looked.text


def test_a_file_of_thousands_of_rooms_goes_through_the_form(served):
    rows = "".join(f"room-{i},2026-11-01,4,3\n" for i in range(9000))
    looked = served.client.post("/head-counts/preview", data={"text": f"{HEAD}dorm-1,2026-11-01,9,9\n{rows}"})
    assert looked.status_code == 200
    assert "9000" in looked.text
    assert served.client.post("/head-counts", data={"text": "x" * 2**22}).status_code == 413
