"""The pages of orders, reports and the patrol, as forms send them."""

from __future__ import annotations

import re

import pytest
from reported import PAGE, photo, report
from signed_in import person

from alerts.users.roles import Role
from api.parts import Rate
from api.web.orders.reporters import Reporters


def status_of(client, answer):
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["Location"], headers=PAGE).text


def test_what_was_written_at_the_end_of_the_work_is_not_lost_with_a_photo_or_a_conflict(guarded):
    office, builder = person(guarded, "office", Role.ENERGY_MANAGER), person(guarded, "builder", Role.CONTRACTOR)
    office.post("/orders", node="dorm-1", assignee="builder")
    orders = guarded.app.state.orders
    fields = {"csrf": builder.csrf(), "outcome": "repaired", "note": "换了球阀", "version": "1"}
    heic = ("a.jpg", b"\0\0\0\x18ftypheic" + b"\0" * 99, "image/jpeg")

    def finish(*files, **more):
        sent = [("photo", file) for file in files]
        return builder.client.post("/orders/1/done", data=fields | more, files=sent, headers=PAGE)

    good = ("a.jpg", photo(), "image/jpeg")
    for answer, said in ((finish(good, heic), "HEIC"), (finish(good, version="7"), "Somebody else changed this")):
        assert answer.status_code == 422
        assert said in answer.text
        assert ">换了球阀</textarea>" in answer.text
        assert orders.get(1).photos == 0
    for _ in range(2):  # pressed twice
        assert finish(good, good).headers["Location"] == "/orders/1?notice=done"
    assert (orders.get(1).state.value, orders.get(1).photos) == ("done", 2)
    assert [p.stage.value for p in orders.photos_of(1)] == ["closing"] * 2


def test_somebody_reports_and_follows_the_report_and_no_more(guarded):
    client = guarded.client
    form = client.get("/report?node=dorm-1-201", headers=PAGE).text
    assert re.search(r'value="dorm-1-201" selected', form)
    answer = report(client, files=[("a.jpg", photo(), "image/jpeg"), ("b.jpg", photo(), "image/jpeg")])
    page = status_of(client, answer)
    for words in ("梅园1号楼", "水一直流", "with 2 photos", "The report is here"):
        assert words in page
    office = person(guarded, "office", Role.ENERGY_MANAGER)
    inbox = office.client.get("/reports", headers=PAGE).text
    assert "水一直流" in inbox
    assert inbox.count("/api/v1/photos/") == 4  # a link and a picture each
    made = office.post("/orders", report="1", assignee="office")
    assert made.headers["Location"] == "/orders/1"
    status = answer.headers["Location"].partition("?")[0]
    page = client.get(status, headers=PAGE).text
    assert "A work order is open" in page
    assert "office" not in re.sub(r"<[^>]*>", "", page).lower()
    for other in (f"{status[:-3]}abc", "/report/made-up", "/report/%00", "/report/" + "A" * 33):
        assert client.get(other, headers=PAGE).status_code == 404, other


def test_who_fills_in_what_nobody_sees_is_thanked_and_forgotten(served):
    answer = report(served.client, remark="http://spam")
    assert answer.headers["Location"] == "/report?notice=thanks"
    assert served.app.state.orders.reports() == ()


def test_reports_of_one_address_are_limited(served):
    served.app.state.reporters = Reporters(Rate(0.001, 2), Rate(0.001, 100))
    assert [report(served.client).status_code for _ in range(3)] == [303, 303, 429]


def test_reports_can_be_off(make):
    served = make(public_reports=False)
    assert served.client.get("/report", headers=PAGE).status_code == 404
    assert report(served.client).status_code == 404


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"%PDF-1.7" + b"\0" * 99, "no photo that is read here"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 99, "HEIC"),
        (photo()[:-40], "damaged"),
        (b"\xff\xd8\xff" + b"\0" * 10 * 1024 * 1024, "10 MB"),
    ],
    ids=["pdf", "heic", "truncated", "too large"],
)
def test_a_photo_that_is_none_is_said_on_the_form(served, file, said):
    answer = report(served.client, files=[("photo.jpg", file, "image/jpeg")], words="七层漏水")
    assert answer.status_code == 422
    assert said in answer.text
    for kept in (">七层漏水</textarea>", 'value="3层水房"', 'value="dorm-1" selected'):
        assert kept in answer.text
    assert served.app.state.orders.reports() == ()


def test_a_form_that_is_far_too_large_is_not_read(served):
    body = b"--x\r\n" + b"\0" * (43 * 1024 * 1024)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert served.client.post("/report", content=body, headers=headers).status_code == 413


def test_a_damaged_form_is_refused(served):
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert served.client.post("/report", content=b"--x\r\nno", headers=headers).status_code == 422
    bare = {"Content-Type": "multipart/form-data"}
    assert served.client.post("/report", content=b"--x\r\nno", headers=bare).status_code == 422
    assert "Choose a place first" in report(served.client, node="nowhere").text
    assert "Write something first" in report(served.client, words="x" * 1001).text


def test_the_contractor_does_the_order_on_its_page(guarded):
    office, builder = person(guarded, "office", Role.ENERGY_MANAGER), person(guarded, "builder", Role.CONTRACTOR)
    made = office.post("/orders", alert="leak", assignee="builder")
    order = made.headers["Location"]
    assert "builder" in office.page("/alerts/leak").text
    again = office.post("/orders", alert="leak", back="/alerts/leak")
    assert again.headers["Location"] == "/alerts/leak?notice=exists"
    assert order in builder.page("/orders").text
    builder.post(f"{order}/start", version="1")
    builder.post(f"{order}/checklist", line="0", done="1")
    builder.post(f"{order}/notes", text="缺阀门")
    fields = {"csrf": builder.csrf(), "outcome": "repaired", "note": "换了球阀", "version": "2"}
    done = builder.client.post(f"{order}/done", data=fields, files=[("photo", ("a.jpg", photo(), "image/jpeg"))])
    assert done.headers["Location"] == f"{order}?notice=done", done.text
    orders = guarded.app.state.orders
    (found,) = orders.find().items
    assert (found.state.value, found.photos, found.checklist[0].done_by) == ("done", 1, "builder")
    page = builder.client.get(order, headers=PAGE).text
    for words in ("换了球阀", "缺阀门", "done, to be confirmed", "/api/v1/photos/"):
        assert words in page
    early = office.post(f"{order}/close", rating="5", version=str(found.version))
    assert early.headers["Location"].endswith("notice=meters_disagree")


def test_a_form_with_photos_needs_the_pages_secret_too(guarded):
    builder = person(guarded, "builder", Role.MAINTAINER)
    for path in ("/orders/1/done", "/orders/1/photos"):
        answer = builder.client.post(path, data={"outcome": "false"}, files=[("photo", ("a", photo(), "image/jpeg"))])
        assert answer.status_code == 403, path


def test_a_posters_code_is_of_the_address_that_people_reach(make):
    served = make(public_url="https://water.example.edu.cn/")
    page = served.client.get("/reports/poster?node=dorm-1", headers=PAGE).text
    assert "https://water.example.edu.cn/report?node=dorm-1" in page
    assert "public_url" not in page
    assert served.client.get("/reports/poster?node=nowhere", headers=PAGE).status_code == 404
    assert "public_url" in make().client.get("/reports/poster?node=dorm-1", headers=PAGE).text
    assert make(public_reports=False).client.get("/reports/poster?node=dorm-1", headers=PAGE).status_code == 404


def test_a_poster_of_a_place_that_is_not_theirs_is_none(guarded):
    office = person(guarded, "office", Role.ENERGY_MANAGER, "dorm-1")
    assert office.client.get("/reports/poster?node=dorm-1", headers=PAGE).status_code == 200
    assert office.client.get("/reports/poster?node=library", headers=PAGE).status_code == 404


def test_two_people_close_it_on_the_page(guarded):
    orders, office = guarded.app.state.orders, person(guarded, "office", Role.ENERGY_MANAGER)
    chief = person(guarded, "chief", Role.HEAD_OF_LOGISTICS)
    order = office.post("/orders", node="dorm-1", words="阀门井积水").headers["Location"]
    fields = {"csrf": office.csrf(), "outcome": "repaired", "version": "1"}
    office.client.post(f"{order}/done", data=fields, files=[("photo", ("", b"", "application/octet-stream"))])
    office.post(f"{order}/verify", version="2")
    unread = office.post(f"{order}/close", rating="4", version="3", cost="about 80")
    assert (unread.status_code, "380.50" in unread.text) == (422, True)
    closing = office.post(f"{order}/close", rating="4", version="3", cost="80,5")
    assert closing.headers["Location"].endswith("notice=saved")
    assert orders.find().items[0].cost == 80.5
    assert office.post(f"{order}/cost", cost="95").headers["Location"].endswith("notice=saved")
    assert orders.find().items[0].cost == 95
    assert office.post(f"{order}/cost", cost="").headers["Location"].endswith("notice=empty")
    late = chief.post(f"{order}/close", rating="1", version="3")
    assert late.headers["Location"].endswith("notice=conflict")
    assert orders.find().items[0].rating == 4


def test_many_orders_from_the_desk(guarded):
    office, guard = person(guarded, "office", Role.ENERGY_MANAGER), person(guarded, "guard", Role.DUTY_GUARD)
    body = f"csrf={office.csrf()}&do=order&alert=leak%3A0&alert=floor%3A0&alert=nobody%3A0"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = office.client.post("/alerts/bulk", content=body, headers=form)
    assert answer.headers["Location"].endswith("done=2&refused=1")
    refused = guard.client.post("/alerts/bulk", content=f"csrf={guard.csrf()}&do=order&alert=room%3A0", headers=form)
    assert refused.status_code == 403


def test_the_patrol_page(guarded):
    guard = person(guarded, "guard", Role.DUTY_GUARD)
    page = guard.client.get("/patrol", headers=PAGE).text
    item = re.search(r'name="id" value="([\w-]+)"><input type="hidden" name="item" value="(alert:leak)"', page)
    assert item
    for _ in range(2):
        answer = guard.post("/patrol/ticks", id=item[1], item=item[2], result="problem", note="听到水声")
        assert answer.headers["Location"].endswith("notice=ticked")
    page = guard.client.get("/patrol", headers=PAGE).text
    assert page.count("听到水声") == 1
    assert guard.post("/patrol/ticks", id="x", item="alert:leak", result="fine").headers["Location"].endswith("state")
