"""Every error is a problem (RFC 9457); people get a page instead."""

from __future__ import annotations

import pytest

from metering.ports import StoreUnavailableError

CASES = [
    ("GET", "/api/v1/nothing", 404),
    ("GET", "/api/v1/alerts/none", 404),
    ("GET", "/api/v1/alerts/none/series", 404),
    ("GET", "/api/v1/alerts/none/audit", 404),
    ("POST", "/api/v1/alerts/none/acknowledge", 404),
    ("GET", "/api/v1/nodes/none", 404),
    ("GET", "/api/v1/meters/none", 404),
    ("GET", "/api/v1/alerts?node=none", 404),
    ("DELETE", "/api/v1/alerts", 405),
    ("POST", "/api/v1/nodes", 405),
    ("GET", "/api/v1/alerts?limit=0", 422),
    ("GET", "/api/v1/alerts?limit=501", 422),
    ("GET", "/api/v1/alerts?state=open", 422),
    ("GET", "/api/v1/alerts?cursor=%00nonsense", 422),
    ("GET", "/api/v1/usage?meter=w-campus&start=2026-11-02&end=2026-11-01", 422),
    ("GET", "/api/v1/usage?meter=w-campus&start=yesterday&end=2026-11-01", 422),
    ("GET", "/api/v1/usage?meter=w-campus&start=2026-11-01T00:00&end=2026-11-02", 422),
    ("GET", "/api/v1/usage?meter=w-campus&start=1970-01-05&end=2100-01-01&step=15min", 422),
    ("GET", "/api/v1/usage?meter=w-campus&meter=e-library&start=2026-11-01&end=2026-11-02", 422),
    ("GET", "/api/v1/usage?meter=w-campus&quantity=flow_rate&start=2026-11-01&end=2026-11-02", 422),
    ("GET", "/api/v1/meters/w-campus/readings?start=2026-11-01&end=2026-11-02&quantity=nonsense", 422),
    ("POST", "/api/v1/readings", 415),
]


@pytest.mark.parametrize(("method", "path", "status"), CASES)
def test_errors_are_problems(served, method, path, status):
    body = {"json": {}} if method == "POST" and status != 415 else {}
    answer = served.client.request(method, path, **body)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert len(problem["detail"]) > 10
    assert problem["instance"] == path.partition("?")[0]


def test_a_fault_of_ours_is_a_500_that_tells_nothing_of_the_inside(make):
    def broken():
        raise RuntimeError("secret of the inside")

    served = make(health=broken)
    answer = served.client.get("/api/v1/health/collector")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    page = served.client.get("/collector", headers={"Accept": "text/html"})
    assert page.status_code == 500
    assert "secret" not in page.text
    assert "text/html" in page.headers["Content-Type"]


class _AwayStore:
    def usage(self, *_):
        raise StoreUnavailableError("the disk is away")


def test_a_store_that_is_away_is_a_503_to_try_again(make):
    served = make(intervals=_AwayStore())
    answer = served.client.get("/api/v1/usage?meter=w-campus&start=2026-11-01&end=2026-11-02")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_the_desk_is_there_without_its_curves_when_the_store_is_away(make):
    page = make(intervals=_AwayStore()).client.get("/alerts", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "梅园1号楼" in page.text
    assert "av-spark" not in page.text


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/alerts/none", 404), ("/site/none", 404)])
def test_people_get_a_page(served, path, status):
    answer = served.client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert served.client.get(path).headers["Content-Type"] == "application/problem+json"
