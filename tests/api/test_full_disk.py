"""A full disk under the records, or none there: said as what it is, nothing half done; asked again it is done once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from reported import PAGE, photo, report
from signed_in import person
from sqlalchemy import Connection, event

from alerts.database import RecordsUnavailableError
from alerts.records import Records
from alerts.users.roles import Role

PICTURE = ("a.jpg", photo((1600, 1200), "PNG"), "image/png")
_ROOMY = 1 << 30


@dataclass
class Disk:
    """How far the database may grow, by SQLite's own limit: past it the error is that of a full disk."""

    is_full: bool = False

    def limit(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {1 if self.is_full else _ROOMY}")


@pytest.fixture
def disk(records: Records) -> Iterator[Disk]:
    if not records.database.is_sqlite:
        pytest.skip("the limit is SQLite's")
    disk = Disk()
    event.listen(records.database.engine, "begin", disk.limit)
    yield disk
    event.remove(records.database.engine, "begin", disk.limit)


@pytest.mark.parametrize(("language", "said"), [("en", "its disk is full"), ("zh-CN", "磁盘已满")])
def test_a_report_that_finds_no_room_says_so_and_is_made_once_there_is(guarded, disk, language, said):
    disk.is_full = True
    long = "水一直流" * 240
    data = {"node": "dorm-1", "spot": "", "words": long}
    page = PAGE | {"Accept-Language": language}
    refused = guarded.client.post("/report", data=data, files=[("photo", PICTURE)], headers=page)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert said in refused.text
    assert "sqlite" not in refused.text.lower()
    disk.is_full = False
    assert guarded.app.state.orders.reports() == ()
    assert report(guarded.client, files=[PICTURE], words=long).status_code == 303
    (kept,) = guarded.app.state.orders.reports()
    assert (kept.words, kept.photos) == (long, 1)


def test_work_that_finds_no_room_for_its_photo_is_not_half_done(guarded, disk):
    office, builder = person(guarded, "office", Role.ENERGY_MANAGER), person(guarded, "builder", Role.CONTRACTOR)
    office.post("/orders", node="dorm-1", assignee="builder")
    orders = guarded.app.state.orders
    fields = {"csrf": builder.csrf(), "outcome": "repaired", "note": "换了球阀" * 100, "version": "1"}

    def finish():
        return builder.client.post("/orders/1/done", data=fields, files=[("photo", PICTURE)], headers=PAGE)

    disk.is_full = True
    assert finish().status_code == 503
    assert (orders.get(1).state.value, orders.get(1).photos) == ("assigned", 0)
    disk.is_full = False
    assert finish().headers["Location"] == "/orders/1?notice=done"
    assert (orders.get(1).state.value, orders.get(1).photos) == ("done", 1)


def test_a_key_whose_act_found_no_room_is_free_again(served, records, disk):
    remark = {"json": {"text": "到场查看，" * 800}, "headers": {"Idempotency-Key": "one"}}
    path = f"/api/v1/alerts/{records.find_alerts().items[0].id}/comments"
    disk.is_full = True
    refused = served.client.post(path, **remark)
    assert refused.status_code == 503
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert served.client.get("/api/v1/alerts").status_code == 200
    disk.is_full = False
    versions = [served.client.post(path, **remark).json()["version"] for _ in range(2)]
    assert versions[0] == versions[1]


def test_a_database_that_is_away_is_said_on_the_page_of_somebody_signed_in(guarded, records, monkeypatch):
    office = person(guarded, "office", Role.ENERGY_MANAGER)

    def away():  # stands for a PostgreSQL that was stopped
        raise RecordsUnavailableError("SELECT of the inside", {}, Exception("the server closed the connection"))

    monkeypatch.setattr(records.database, "reading", away)
    answer = office.client.get("/orders", headers=PAGE)
    assert answer.status_code == 503
    assert "cannot be read or written now" in answer.text
    assert "inside" not in answer.text
