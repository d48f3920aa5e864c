"""The figures over HTTP: who sees whose, what a period is, the workbook's sheets and cells."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta

import openpyxl
import pytest
from signed_in import ADMIN, person

from alerts.orders.models import OrderRow
from alerts.rows import ms_of
from alerts.users.roles import Role
from alerts.values import Outcome

STATISTICS = "/api/v1/statistics"
FOREIGN = ("library", "图书馆", "主校区", "e-library")


def workbook(served, query: str = ""):
    answer = served.client.get(f"{STATISTICS}/workbook{query}")
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["Content-Disposition"]
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def test_figures_of_the_small_site(served):
    found = served.client.get(STATISTICS).json()
    assert found["total"]["counts"]["found"] == 5  # the sixth is explained by another
    assert {line["name"]: line["counts"]["found"] for line in found["by_building"]} == {"dorm-1": 4, "library": 1}
    assert [line["name"] for line in found["by_month"]] == [f"2026-{m:02}" for m in range(6, 12)]
    assert found["is_estimate"] is True
    assert found["usual_discovery"]["way"] == "bill"
    assert found["total"]["losses"]["money_lost"] == pytest.approx(72 * 4.2 + 6 * 0.6)


def test_a_repair_that_the_meters_have_not_confirmed_is_not_counted_as_one(served):
    for alert in ("leak", "done"):
        served.parts.records.resolve(alert, ADMIN, Outcome.REPAIRED)
    counts = served.client.get(STATISTICS).json()["total"]["counts"]
    assert (counts["repaired"], counts["unproven"]) == (1, 1)


def test_an_inner_place_a_kind_and_a_period_are_chosen(served):
    def found(query: str) -> int:
        return served.client.get(f"{STATISTICS}?{query}").json()["total"]["counts"]["found"]

    assert found("node=dorm-1-f2") == 2
    assert found("category=leak&medium=water") == 3
    assert found("start=2026-11-21&end=2026-11-22") == 3
    assert found("start=2026-10-01&end=2026-11-01") == 0
    assert found("node=&category=") == 5  # as a form sends what is not chosen


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("start=2026-11-22&end=2026-11-21", 422),
        ("start=1990-01-01&end=2026-11-21", 422),
        ("start=yesterday", 422),
        ("node=nowhere", 404),
        ("category=nonsense", 422),
        ("medium=wine", 422),
    ],
)
def test_what_cannot_be_asked_is_refused(served, query, status):
    for path in (STATISTICS, f"{STATISTICS}/workbook", f"{STATISTICS}/contractors", "/statistics"):
        assert served.client.get(f"{path}?{query}").status_code == status, path


@pytest.mark.parametrize("role", [Role.HEAD_OF_LOGISTICS, Role.ENERGY_MANAGER, Role.AUDITOR])
def test_who_has_a_part_of_the_site_has_its_figures_alone(guarded, role):
    someone = person(guarded, "someone", role, "dorm-1")
    found = someone.client.get(STATISTICS).json()
    assert found["total"]["counts"]["found"] == 4
    page = someone.page("/statistics").text
    book = openpyxl.load_workbook(io.BytesIO(someone.client.get(f"{STATISTICS}/workbook").content))
    cells = " ".join(str(c.value) for sheet in book for row in sheet.iter_rows() for c in row)
    for text in (str(found), page, cells):
        assert [word for word in FOREIGN if word in text] == []
    assert someone.client.get(f"{STATISTICS}?node=library").status_code == 404


@pytest.fixture
def with_orders(guarded):
    """Two contractors, an order each: at dorm-1 and at the library."""
    for name in ("pipes", "cables"):
        person(guarded, name, Role.CONTRACTOR)
    now_ms = ms_of(guarded.parts.now())
    with guarded.parts.records.database.writing() as session:
        for number, (name, node) in enumerate((("pipes", "dorm-1"), ("cables", "library")), 1):
            given = now_ms - 40 * 3600 * 1000
            session.add(
                OrderRow(
                    id=number, state="closed", node=node, title="t", severity="warning", owner="chief", assignee=name,
                    created_by="chief", created_ms=given, assigned_ms=given, due_ms=now_ms, checklist=[], rating=4,
                    started_ms=given + 3_600_000, done_ms=given + 7_200_000, updated_ms=given,
                )
            )  # fmt: skip
    return guarded


def test_a_contractor_sees_the_own_scorecard_and_no_figures(with_orders):
    client = type(with_orders.client)(with_orders.app)
    client.post("/sign-in", data={"name": "pipes", "password": "quiet-river-4711"})
    cards = client.get(f"{STATISTICS}/contractors").json()["items"]
    assert [(c["contractor"], c["given"], c["share_in_time"], c["rating"]) for c in cards] == [("pipes", 1, 1.0, 4.0)]
    page = client.get("/statistics/contractors", headers={"Accept": "text/html"})
    assert "pipes" in page.text
    assert "cables" not in page.text
    assert 'href="/statistics/contractors"' in page.text
    assert client.get(STATISTICS).status_code == 403


def test_the_page_of_the_scorecards_asks_for_today_too(with_orders):
    """Its fields give the period that is shown: pressed as they are, nothing of today is left out."""
    today = with_orders.parts.now().astimezone(with_orders.parts.site().zone).date()
    reader = person(with_orders, "whole", Role.AUDITOR).client
    page = reader.get("/statistics/contractors", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert f"to {today.isoformat()}" in page.text
    assert f'name="end" value="{(today + timedelta(days=1)).isoformat()}"' in page.text


def test_of_another_part_no_contractor_is_told(with_orders):
    chief = person(with_orders, "chief", Role.HEAD_OF_LOGISTICS, "dorm-1")
    assert [c["contractor"] for c in chief.client.get(f"{STATISTICS}/contractors").json()["items"]] == ["pipes"]
    whole = person(with_orders, "whole", Role.AUDITOR)
    cards = whole.client.get(f"{STATISTICS}/contractors").json()["items"]
    assert [(c["contractor"], c["to_repair"]["median_s"]) for c in cards] == [("cables", 7200), ("pipes", 7200)]


def test_the_workbook_has_typed_cells_in_both_languages(served):
    chinese, english = workbook(served, "?language=zh-CN"), workbook(served, "?language=en")
    assert chinese.sheetnames[0] == "统计口径"
    assert english.sheetnames == [
        "Basis", "By month", "By term", "By zone", "By building", "By kind", "Repeat leaks", "Missed deadlines",
        "Contractors", "Alerts",
    ]  # fmt: skip
    rows = list(english["Alerts"].iter_rows(values_only=True))
    alerts = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert set(alerts) == {"leak", "room", "dead", "floor", "done"}
    done = alerts["done"]
    assert isinstance(done["Cleared"], datetime)
    assert done["Cleared"] == datetime(2026, 11, 22, 12, 0)  # noqa: DTZ001 - the site's clock, as Excel has it
    assert done["Onset to all-clear"] == timedelta(days=1)
    assert isinstance(done["Lost, m³ or kWh"], int | float)
    assert alerts["leak"]["Cleared"] is None
    months = list(english["By month"].iter_rows(values_only=True))
    assert [row[0] for row in months[1:]] == [*(f"2026-{m:02}" for m in range(6, 12)), "All"]
    assert sum(row[1] for row in months[1:-1]) == months[-1][1] == 5


def test_a_name_is_never_a_formula(make, records):
    evil = '=HYPERLINK("http://evil.example")'
    with records.database.writing() as session:
        from alerts.models import AlertRow  # noqa: PLC0415

        session.get(AlertRow, "leak").assigned_to = evil
    served = make()
    answer = served.client.get(f"{STATISTICS}/workbook")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/")]
    assert all(b"<f>" not in sheet for sheet in sheets)
    assert any(b"HYPERLINK" in sheet for sheet in sheets)


def test_the_workbooks_file_is_taken_away(served, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    workbook(served)
    assert list(tmp_path.glob("aquavolt-*")) == []


def test_the_page_says_what_the_saving_rests_on(served):
    for language, words in (("en", "the monthly bill, read on day 5"), ("zh-CN", "要到每月 5 日抄表结算")):
        page = served.client.get("/statistics", headers={"Accept": "text/html", "Accept-Language": language}).text
        assert words in page
        assert "data-figures=" in page
        assert "<script>" not in page
        assert " style=" not in page


def test_when_a_phone_says_it_was_done_stands_in_the_history(served):
    said = "2026-11-23T10:14:00+08:00"
    body = {"version": served.parts.records.get_alert("leak").version, "said_at": said}
    assert served.client.post("/api/v1/alerts/leak/acknowledge", json=body).status_code == 200
    page = served.client.get("/alerts/leak", headers={"Accept": "text/html", "Accept-Language": "en"}).text
    assert "done at Nov 23 10:14, sent later" in page
    entry = next(e for e in served.parts.records.audit_of("leak") if e.action == "acknowledged")
    assert entry.detail["said_at"] == "2026-11-23T02:14:00.000Z"
    assert entry.at == served.parts.now()


@pytest.mark.parametrize(("said", "status"), [("2027-01-01T00:00:00Z", 200), ("2026-10-01T00:00:00Z", 422),
                                               ("2026-11-23T10:14:00", 422)])  # fmt: skip
def test_a_phones_clock_that_is_wrong(served, said, status):
    answer = served.client.post("/api/v1/alerts/leak/comments", json={"text": "x", "said_at": said})
    assert answer.status_code == status, answer.text
    if status == 200:  # ahead: it counts as now
        entry = served.parts.records.audit_of("leak")[-1]
        assert datetime.fromisoformat(entry.detail["said_at"]) == served.parts.now()
