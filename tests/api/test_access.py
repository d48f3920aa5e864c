"""Who is let in: login modes, Host, same origin, and the headers of every answer."""

from __future__ import annotations

import base64

import pytest
from fastapi.routing import APIRoute

TOKEN = "a-long-random-token"  # noqa: S105 - of the test application alone
OPEN = {"/healthz", "/readyz"}


def concrete(path: str) -> str:
    for name, value in {"alert_id": "leak", "node_id": "dorm-1", "meter_id": "w-campus", "language": "en"}.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def every_route(app, prefix="") -> list[tuple[str, str]]:
    """Every method and path, those of included routers too."""
    found = []
    for route in app.routes:
        if isinstance(route, APIRoute):
            found += [(m, concrete(route.path)) for m in route.methods]
        elif (original := getattr(route, "original_router", None)) is not None:
            found += every_route(original)
    return found


def test_every_route_but_the_two_open_ones_needs_a_token(guarded):
    routes = every_route(guarded.app)
    assert len(routes) > 25
    for method, path in routes:
        answer = guarded.client.request(method, path)
        # A link of a message lets in whom it was sent to; a made up one nobody.
        expected = {200} if path in OPEN else {403} if path.startswith("/go/") else {401}
        assert answer.status_code in expected, (method, path)
    for path in ("/static/logo.svg", "/openapi.json", "/nothing"):
        assert guarded.client.get(path).status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic YTpi", f"Token {TOKEN}", f"Bearer {TOKEN}x"])
def test_a_wrong_token_is_a_401_that_says_how(guarded, header):
    answer = guarded.client.get("/api/v1/alerts", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["", "anybody", "后勤"])
def test_a_browser_signs_in_with_the_token_as_password(guarded, name):
    assert 'Basic realm="AquaVolt"' in guarded.client.get("/alerts").headers["WWW-Authenticate"]
    given = base64.b64encode(f"{name}:{TOKEN}".encode()).decode()
    assert guarded.client.get("/alerts", headers={"Authorization": f"Basic {given}"}).status_code == 200


@pytest.mark.parametrize("given", [f":{TOKEN}x", f"{TOKEN}:", TOKEN, ":"])
def test_a_browser_with_a_wrong_password_is_refused(guarded, given):
    header = f"Basic {base64.b64encode(given.encode()).decode()}"
    assert guarded.client.get("/alerts", headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("header", ["Basic", "Basic !!", "Basic /w=="])
def test_a_torn_header_is_a_401(guarded, header):
    assert guarded.client.get("/alerts", headers={"Authorization": header}).status_code == 401


def test_the_tokens_name_is_who_acts(guarded):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = guarded.client.post("/api/v1/alerts/leak/acknowledge", json={}, headers=headers)
    assert answer.json()["acknowledged_by"] == "gateway"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::2]:8000"])
def test_the_demo_refuses_foreign_hosts(served, host):
    answer = served.client.get("/api/v1/alerts", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "LOCALHOST:8000", "[::1]:8000"])
def test_the_demo_answers_to_its_own_names(served, host):
    assert served.client.get("/api/v1/alerts", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/alerts/leak/acknowledge", "/alerts/leak/acknowledge"])
def test_a_foreign_page_changes_nothing(served, path, headers):
    answer = served.client.post(path, headers=headers, data={})
    assert answer.status_code == 403
    assert served.client.get("/api/v1/alerts/leak").json()["acknowledged"] is False


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://127.0.0.1:8000"}, {"Sec-Fetch-Site": "same-origin"}])
def test_the_own_page_and_programs_may(served, headers):
    assert served.client.post("/api/v1/alerts/leak/acknowledge", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/alerts", "/api/v1/alerts", "/static/live.js", "/nothing", "/metrics", "/docs"])
def test_security_headers_stand_on_every_answer(served, path):
    headers = served.client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/alerts", "/alerts/leak", "/site", "/collector", "/docs"])
def test_no_page_has_inline_script_or_style(served, path):
    page = served.client.get(path, headers={"Accept": "text/html"}).text
    assert "<script>" not in page
    assert "style=" not in page.replace("stylesheet", "")
    assert " onclick" not in page
    assert "//cdn" not in page
    assert 'src="http' not in page
