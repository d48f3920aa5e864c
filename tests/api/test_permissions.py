"""Every route as every role: who may what, and what of the site they see.

The two tables are written out here on purpose: a route or a role that changes must be looked at here as well.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from signed_in import ADMIN, PASSWORD, person, sign_in, users_of

from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.models import PhotoRow
from alerts.orders.orders import Orders
from alerts.users.roles import TOKEN_SCOPES, WHOLE_SITE, Permission, Role
from alerts.users.values import AccountState
from alerts.values import Actor
from api.app import create_app
from api.parts import Access, Rate, RateLimits, hash_token
from api.permits import UndeclaredRouteError, check_routes, declared, needs

ROOT = Path(__file__).parents[2]
ROUTES = {
    "GET /": "signed_in",
    "GET /account": "own_account",
    "GET /alerts": "alerts.read",
    "GET /alerts/{alert_id}": "alerts.read",
    "GET /api/v1/alerts": "alerts.read",
    "GET /api/v1/alerts/{alert_id}": "alerts.read",
    "GET /api/v1/alerts/{alert_id}/audit": "alerts.read",
    "GET /api/v1/alerts/{alert_id}/series": "alerts.read",
    "GET /api/v1/health/collector": "collecting.read",
    "GET /api/v1/health/meters": "collecting.read",
    "GET /api/v1/meters": "site.read",
    "GET /api/v1/meters/{meter_id}": "site.read",
    "GET /api/v1/meters/{meter_id}/readings": "site.read",
    "GET /api/v1/nodes": "site.read",
    "GET /api/v1/nodes/{node_id}": "site.read",
    "GET /api/v1/stream": "alerts.read",
    "GET /api/v1/account": "signed_in",
    "GET /api/v1/alerts/{alert_id}/similar": "alerts.read",
    "GET /api/v1/alerts/{alert_id}/timeline": "alerts.read",
    "GET /api/v1/desk/breaches": "site.read",
    "GET /api/v1/desk/figures": "site.read",
    "GET /api/v1/desk/policy": "alerts.read",
    "GET /api/v1/desk/policy/history": "alerts.read",
    "POST /api/v1/alerts/acknowledge": "alerts.handle",
    "POST /api/v1/alerts/{alert_id}/assign": "alerts.handle",
    "POST /api/v1/alerts/{alert_id}/unassign": "alerts.handle",
    "PUT /api/v1/desk/policy": "desk.manage",
    "GET /api/v1/usage": "site.read",
    "GET /api/v1/users": "users.read",
    "GET /api/v1/users/audit": "users.read",
    "GET /collector": "collecting.read",
    "GET /commissioning": "collecting.read",
    "DELETE /api/v1/alerts/{alert_id}/outcome": "alerts.handle",
    "DELETE /api/v1/meters/{meter_id}/sensitivity/{rule}": "rules.tune",
    "DELETE /api/v1/planned-uses/{plan_id}": "rules.tune",
    "GET /api/v1/planned-uses": "site.read",
    "GET /api/v1/sensitivity": "site.read",
    "GET /planned": "site.read",
    "POST /alerts/{alert_id}/withdraw": "alerts.handle",
    "POST /api/v1/planned-uses": "rules.tune",
    "POST /meters/{meter_id}/sensitivity/{rule}/reset": "rules.tune",
    "POST /planned": "rules.tune",
    "POST /planned/{plan_id}/remove": "rules.tune",
    "GET /docs": "signed_in",
    "GET /favicon.ico": "open",
    "GET /healthz": "open",
    "GET /language/{language}": "open",
    "GET /meters/{meter_id}": "site.read",
    "GET /metrics": "metrics.read",
    "GET /openapi.json": "signed_in",
    "GET /readyz": "open",
    "GET /sign-in": "open",
    "GET /sign-in/with/{provider}": "open",
    "GET /sign-in/with/{provider}/back": "open",
    "GET /site": "site.read",
    "GET /site/{node_id}": "site.read",
    "GET /site/{node_id}/children": "site.read",
    "POST /account/identities/{identity_id}/unlink": "own_account",
    "POST /account/identities/{provider}": "own_account",
    "POST /account/password": "own_account",
    "POST /account/sessions/end": "own_account",
    "POST /account/sessions/{session_id}/end": "own_account",
    "POST /account/tokens": "own_account",
    "POST /account/tokens/{token_id}/revoke": "own_account",
    "POST /alerts/{alert_id}/acknowledge": "alerts.handle",
    "POST /alerts/{alert_id}/comments": "alerts.handle",
    "POST /alerts/{alert_id}/resolve": "alerts.handle",
    "POST /api/v1/alerts/{alert_id}/acknowledge": "alerts.handle",
    "POST /api/v1/alerts/{alert_id}/comments": "alerts.handle",
    "POST /api/v1/alerts/{alert_id}/resolve": "alerts.handle",
    "POST /api/v1/readings": "readings.write",
    "GET /api/v1/exports/alerts": "alerts.read",
    "GET /api/v1/exports/orders": "orders.read",
    "GET /api/v1/exports/readings": "site.read",
    "GET /api/v1/exports/usage": "site.read",
    "GET /api/v1/head-counts": "site.read",
    "GET /api/v1/planned-uses.ics": "site.read",
    "GET /api/v1/planned-uses/{plan_id}/history": "site.read",
    "POST /api/v1/planned-uses.ics": "rules.tune",
    "POST /api/v1/planned-uses/{plan_id}/end": "rules.tune",
    "POST /planned/{plan_id}": "rules.tune",
    "POST /planned/{plan_id}/end": "rules.tune",
    "PUT /api/v1/planned-uses/{plan_id}": "rules.tune",
    "GET /api/v1/nodes/{node_id}/head-counts": "site.read",
    "POST /api/v1/head-counts": "head_counts.write",
    "GET /head-counts": "site.read",
    "POST /head-counts": "head_counts.write",
    "POST /head-counts/preview": "head_counts.write",
    "POST /sign-in": "open",
    "POST /sign-out": "own_account",
    "GET /api/v1/platform": "deliveries.read",
    "GET /api/v1/platform/orders/{order_id}": "orders.read",
    "GET /api/v1/platform/received": "deliveries.read",
    "GET /api/v1/platform/sent": "deliveries.read",
    "GET /repair-platform": "deliveries.read",
    "POST /api/v1/platform/events": "open",
    "POST /api/v1/platform/received/place": "platform.manage",
    "POST /api/v1/platform/replay": "platform.manage",
    "POST /repair-platform/events": "platform.manage",
    "POST /repair-platform/replay": "platform.manage",
    "GET /duty": "duty.read",
    "GET /duty/duties/{entry_id}": "duty.read",
    "GET /duty/routes": "duty.read",
    "GET /duty/routes/{entry_id}": "duty.read",
    "GET /duty/silences": "duty.read",
    "GET /notifications": "deliveries.read",
    "POST /duty/absences": "duty.manage",
    "POST /duty/absences/{entry_id}/remove": "duty.manage",
    "POST /duty/contacts": "duty.manage",
    "POST /duty/contacts/{entry_id}/remove": "duty.manage",
    "POST /duty/duties/{entry_id}": "duty.manage",
    "POST /duty/duties/{entry_id}/remove": "duty.manage",
    "POST /duty/routes/{entry_id}": "duty.manage",
    "POST /duty/routes/{entry_id}/remove": "duty.manage",
    "POST /duty/silences": "silences.manage",
    "POST /duty/silences/{entry_id}/end": "silences.manage",
    "POST /notifications/test": "channels.test",
    "GET /tasks": "alerts.handle",
    "POST /alerts/bulk": "alerts.handle",
    "POST /alerts/{alert_id}/reopen": "alerts.handle",
    "POST /api/v1/alerts/{alert_id}/reopen": "alerts.handle",
    "POST /alerts/{alert_id}/assign": "alerts.handle",
    "GET /users": "users.read",
    "GET /users/audit": "users.read",
    "GET /users/{name}": "users.read",
    "POST /users": "users.manage",
    "POST /users/{name}": "users.manage",
    "POST /users/{name}/enable": "users.manage",
    "POST /users/{name}/hand-on": "users.manage",
    "POST /users/{name}/leave": "users.manage",
    "POST /users/{name}/password": "users.manage",
    "POST /users/{name}/sign-out": "users.manage",
    "GET /api/v1/deliveries": "deliveries.read",
    "GET /api/v1/deliveries/{delivery_id}": "deliveries.read",
    "GET /api/v1/roster/holes": "duty.read",
    "POST /api/v1/channels/{channel}/test": "channels.test",
    "POST /api/v1/routing/dry-run": "duty.read",
    "GET /go/{token}": "open",
    "POST /go/{token}": "open",
    "POST /go/{token}/{alert_id}": "open",
    "GET /api/v1/drills": "drills.read",
    "GET /api/v1/drills/{drill_id}": "drills.read",
    "GET /api/v1/drills/{drill_id}/report": "drills.read",
    "GET /api/v1/drills/{drill_id}/report.csv": "drills.read",
    "POST /api/v1/drills": "drills.manage",
    "POST /api/v1/drills/{drill_id}/repair": "drills.manage",
    "POST /api/v1/drills/{drill_id}/stop": "drills.manage",
    "GET /drills": "drills.read",
    "GET /drills/{drill_id}": "drills.read",
    "POST /drills": "drills.manage",
    "POST /drills/{drill_id}/repair": "drills.manage",
    "POST /drills/{drill_id}/stop": "drills.manage",
    "GET /api/v1/duties": "duty.read",
    "GET /api/v1/duties/{entry_id}": "duty.read",
    "GET /api/v1/duties/{entry_id}/history": "duty.read",
    "PUT /api/v1/duties/{entry_id}": "duty.manage",
    "DELETE /api/v1/duties/{entry_id}": "duty.manage",
    "GET /api/v1/absences": "duty.read",
    "GET /api/v1/absences/{entry_id}": "duty.read",
    "GET /api/v1/absences/{entry_id}/history": "duty.read",
    "PUT /api/v1/absences/{entry_id}": "duty.manage",
    "DELETE /api/v1/absences/{entry_id}": "duty.manage",
    "GET /api/v1/routes": "duty.read",
    "GET /api/v1/routes/{entry_id}": "duty.read",
    "GET /api/v1/routes/{entry_id}/history": "duty.read",
    "PUT /api/v1/routes/{entry_id}": "duty.manage",
    "DELETE /api/v1/routes/{entry_id}": "duty.manage",
    "GET /api/v1/silences": "duty.read",
    "GET /api/v1/silences/{entry_id}": "duty.read",
    "GET /api/v1/silences/{entry_id}/history": "duty.read",
    "PUT /api/v1/silences/{entry_id}": "silences.manage",
    "DELETE /api/v1/silences/{entry_id}": "silences.manage",
    "GET /api/v1/contacts": "duty.manage",
    "GET /api/v1/contacts/{entry_id}": "duty.manage",
    "GET /api/v1/contacts/{entry_id}/history": "duty.manage",
    "PUT /api/v1/contacts/{entry_id}": "duty.manage",
    "DELETE /api/v1/contacts/{entry_id}": "duty.manage",
    "GET /api/v1/digests": "duty.read",
    "GET /api/v1/digests/{entry_id}": "duty.read",
    "GET /api/v1/digests/{entry_id}/history": "duty.read",
    "PUT /api/v1/digests/{entry_id}": "duty.manage",
    "DELETE /api/v1/digests/{entry_id}": "duty.manage",
    "GET /api/v1/orders": "orders.read",
    "GET /api/v1/orders/{order_id}": "orders.read",
    "GET /api/v1/orders/{order_id}/events": "orders.read",
    "GET /api/v1/patrol": "patrol.walk",
    "GET /api/v1/photos/{photo_id}": "orders.read",
    "GET /api/v1/reports": "orders.manage",
    "GET /orders": "orders.read",
    "GET /orders/{order_id}": "orders.read",
    "GET /patrol": "patrol.walk",
    "GET /report": "open",
    "GET /report/{token}": "open",
    "GET /reports": "orders.manage",
    "GET /reports/poster": "orders.manage",
    "PATCH /api/v1/orders/{order_id}": "orders.manage",
    "POST /api/v1/orders": "orders.manage",
    "POST /api/v1/orders/{order_id}/alert": "orders.manage",
    "POST /api/v1/orders/{order_id}/assign": "orders.manage",
    "POST /api/v1/orders/{order_id}/checklist": "orders.work",
    "POST /api/v1/orders/{order_id}/close": "orders.manage",
    "POST /api/v1/orders/{order_id}/done": "orders.work",
    "POST /api/v1/orders/{order_id}/notes": "orders.work",
    "POST /api/v1/orders/{order_id}/photos": "orders.work",
    "POST /api/v1/orders/{order_id}/reopen": "orders.manage",
    "POST /api/v1/orders/{order_id}/start": "orders.work",
    "POST /api/v1/orders/{order_id}/verify": "orders.manage",
    "POST /api/v1/patrol/ticks": "patrol.walk",
    "POST /api/v1/reports/{report_id}/dismiss": "orders.manage",
    "POST /api/v1/reports/{report_id}/join": "orders.manage",
    "POST /orders": "orders.manage",
    "POST /orders/{order_id}/alert": "orders.manage",
    "POST /orders/{order_id}/assign": "orders.manage",
    "POST /orders/{order_id}/checklist": "orders.work",
    "POST /orders/{order_id}/close": "orders.manage",
    "POST /orders/{order_id}/cost": "orders.manage",
    "POST /orders/{order_id}/done": "orders.work",
    "POST /orders/{order_id}/due": "orders.manage",
    "POST /orders/{order_id}/notes": "orders.work",
    "POST /orders/{order_id}/photos": "orders.work",
    "POST /orders/{order_id}/reopen": "orders.manage",
    "POST /orders/{order_id}/start": "orders.work",
    "POST /orders/{order_id}/verify": "orders.manage",
    "POST /patrol/ticks": "patrol.walk",
    "POST /report": "open",
    "POST /reports/{report_id}/dismiss": "orders.manage",
    "POST /reports/{report_id}/join": "orders.manage",
    "GET /api/v1/statistics": "statistics.read",
    "GET /api/v1/statistics/contractors": "scorecards.read",
    "GET /api/v1/statistics/workbook": "statistics.read",
    "GET /statistics": "statistics.read",
    "GET /statistics/contractors": "scorecards.read",
    "GET /manifest.webmanifest": "open",
    "GET /offline/{language}": "open",
    "GET /sw.js": "open",
}
ANYBODY = {"open", "signed_in", "own_account"}
ALERTS = ANYBODY | {"alerts.read", "alerts.handle"}
DRILLS = {"drills.read", "drills.manage"}
FIGURES = {"statistics.read", "scorecards.read"}
ON_SITE = {"site.read", "rules.tune", "orders.read", "patrol.walk"}
OFFICE = {"orders.work", "orders.manage", "collecting.read", "head_counts.write"}
DUTIES = {"desk.manage", "duty.read", "duty.manage", "silences.manage", "deliveries.read", "platform.manage"}
MAY = {
    "admin": ALERTS
    | DUTIES
    | DRILLS
    | FIGURES
    | ON_SITE
    | OFFICE
    | {"metrics.read", "readings.write", "users.read", "users.manage", "channels.test"},
    "head_of_logistics": ALERTS | DUTIES | DRILLS | FIGURES | ON_SITE | OFFICE,
    "energy_manager": ALERTS
    | DUTIES
    | DRILLS
    | FIGURES
    | ON_SITE
    | OFFICE
    | {"metrics.read", "readings.write", "channels.test"},
    "maintainer": ALERTS | ON_SITE | {"collecting.read", "duty.read", "orders.work"},
    "dorm_manager": ALERTS | ON_SITE | {"head_counts.write"},
    "duty_guard": ALERTS | ON_SITE,
    "contractor": ALERTS | {"orders.read", "orders.work", "scorecards.read"},
    "auditor": ANYBODY
    | FIGURES
    | {"alerts.read", "site.read", "collecting.read", "metrics.read", "users.read", "duty.read", "deliveries.read"}
    | {"drills.read", "orders.read"},
}
INSIDE = {
    "alert_id": "leak", "node_id": "dorm-1", "meter_id": "w-dorm-1", "language": "en", "session_id": "0",
    "token_id": "0", "name": "other", "entry_id": "nights", "channel": "pigeon", "delivery_id": "0", "token": "made-up",
    "identity_id": "0", "provider": "nobody", "plan_id": "1", "rule": "zone_balance", "drill_id": "drill-1",
    "order_id": "1", "report_id": "1", "photo_id": "inside",
}  # fmt: skip
OUTSIDE = INSIDE | {
    "alert_id": "dead", "node_id": "library", "meter_id": "e-library", "order_id": "2", "report_id": "2",
    "photo_id": "outside",
}  # fmt: skip
NAMED = ("{alert_id}", "{node_id}", "{meter_id}", "{order_id}", "{report_id}", "{photo_id}")
# Whoever saw water running chooses among all places, signed in or not.
PUBLIC = {"GET /report"}
TYPED = {"POST /sign-in", "POST /report", "POST /api/v1/platform/events"}  # what comes has to say of what type it is
QUERY = "?meter=w-dorm-1&start=2026-11-20&end=2026-11-21"
# Everything that tells of what stands outside of dorm-1: places, meters, alerts, a line and its error.
FOREIGN = ("e-library", "图书馆", "w-campus", "主校区", '"dead"', "/alerts/dead", '"echo"', "tcp://b", "no answer")


def concrete(path: str, names: dict[str, str]) -> str:
    return path.format(**names) + (QUERY if path.endswith(("/usage", "/readings", "/series")) else "")


def ask(served, client, route: str, names=INSIDE, **headers: str) -> httpx.Response:
    """One request; of the stream, which has no end, the head."""
    method, path = route.split()
    if path == "/api/v1/stream":
        served.parts.stream.close()
    return client.request(method, concrete(path, names), headers=headers)


@pytest.fixture
def guarded(make):
    """Accounts, and a token of the settings."""
    often = Rate(100_000.0, 100_000)  # a walk asks more routes in a second than anybody may
    access = Access(tokens={"gateway": hash_token("a-long-random-token")})
    served = make(access=access, limits=RateLimits(often, often))
    open_orders(served.app.state.orders)
    return served


def open_orders(orders: Orders) -> None:
    """Number 1 of dorm-1, number 2 of the library: a report, an order and a photo each."""
    office = Person(Actor("office"), manages=True)
    for node, photo in (("dorm-1", "inside"), ("library", "outside")):
        orders.report(node, f"water at {node}", "", "en")
        order = orders.open(office, NewOrder(node=node))
        with orders.database.writing() as session:
            session.add(PhotoRow(id=photo, order_id=order.id, stage="work", by="li", at_ms=0, width=1, height=1,
                                 size_bytes=1, content=b"\xff"))  # fmt: skip


def test_every_route_asks_for_what_is_written_here(guarded):
    found = {f"{method} {path}": permission.value for method, path, permission in declared(guarded.app)}
    assert found == ROUTES


def test_the_description_of_the_api_says_what_each_operation_asks_for(served):
    paths = served.client.get("/openapi.json").json()["paths"]
    told = {f"{m.upper()} {p}": o["x-permission"] for p, methods in paths.items() for m, o in methods.items()}
    assert len(told) > 20
    assert told.items() <= ROUTES.items()


@pytest.mark.parametrize("role", Role)
def test_the_walk(guarded, role):
    """A signed-in person of each role asks every route: refused where the table says so, and nowhere else."""
    users_of(guarded).accounts.add("other", Role.DUTY_GUARD, (WHOLE_SITE,), ADMIN)
    someone = person(guarded, "someone", role)
    leaves = "POST /sign-out"
    for route in sorted(ROUTES, key=lambda r: r == leaves):
        answer = ask(guarded, someone.client, route, **{"X-CSRF-Token": someone.csrf()})
        is_refused = answer.status_code in (401, 403)
        assert is_refused == (ROUTES[route] not in MAY[role.value]), (route, answer.status_code, answer.text[:300])
        assert answer.status_code < 500, (route, answer.text)


def test_the_walk_of_somebody_who_is_not_signed_in(guarded):
    for route, permission in ROUTES.items():
        answer = ask(guarded, guarded.client, route)
        if permission == "open":
            # A link that was made up leads nowhere, nor does a provider that the settings do not name.
            is_nowhere = "/go/" in route or "/with/" in route or "/report/" in route
            expected = {404} if is_nowhere else {415} if route in TYPED else {200, 301, 303}
            assert answer.status_code in expected, (route, answer.status_code)
        else:
            assert answer.status_code == 401, route


def test_the_walk_of_a_first_password(guarded):
    """Until it is changed, it opens nothing but its own change."""
    given = users_of(guarded).accounts.add("newcomer", Role.ADMIN, (WHOLE_SITE,), ADMIN)
    newcomer, _ = sign_in(guarded, "newcomer", given)
    csrf = newcomer.csrf()
    for route, permission in ROUTES.items():
        if permission not in ("open", "own_account"):
            assert ask(guarded, newcomer.client, route, **{"X-CSRF-Token": csrf}).status_code == 403, route


@pytest.mark.parametrize("scope", TOKEN_SCOPES)
def test_the_walk_of_a_token(guarded, scope):
    """An administrator's token opens what its scope says, and never an account."""
    someone = person(guarded, "someone", Role.ADMIN)
    secret, _ = users_of(guarded).tokens.make("someone", "probe", [scope], 1, ADMIN)
    client = type(someone.client)(guarded.app)
    for route, permission in ROUTES.items():
        answer = ask(guarded, client, route, Authorization=f"Bearer {secret}")
        is_refused = answer.status_code in (401, 403) and route != "POST /sign-in"
        assert is_refused == (permission not in ("open", "signed_in", scope)), (route, answer.status_code)


def test_a_token_of_the_settings_makes_no_accounts(guarded):
    for route, permission in ROUTES.items():
        answer = ask(guarded, guarded.client, route, Authorization="Bearer a-long-random-token")
        is_refused = answer.status_code in (401, 403) and route != "POST /sign-in"
        assert is_refused == (permission == "own_account" or permission.startswith("users.")), route


# -- parts of the site ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.DORM_MANAGER, Role.MAINTAINER, Role.HEAD_OF_LOGISTICS, Role.ENERGY_MANAGER])
def test_nothing_tells_of_another_part(guarded, role):
    """Lists, counts, readings and pages of one who has dorm-1: not a word of the library and the campus."""
    someone = person(guarded, "someone", role, "dorm-1")
    asked = 0
    for route, permission in ROUTES.items():
        if not route.startswith("GET") or permission not in MAY[role.value] - {"metrics.read"}:
            continue
        for accept in ("text/html", "application/json"):
            text = ask(guarded, someone.client, route, Accept=accept).text
            told = [word for word in FOREIGN if word in text]
            # The description of the API has examples of its own.
            assert not told or route == "GET /openapi.json" or route in PUBLIC, (route, told)
            asked += 1
    assert asked > 30


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMIN])
def test_what_is_outside_is_not_there(guarded, role):
    someone = person(guarded, "someone", role, "dorm-1")
    csrf, asked = someone.csrf(), 0
    for route, permission in ROUTES.items():
        if permission in MAY[role.value] and any(name in route for name in NAMED):
            answer = ask(guarded, someone.client, route, OUTSIDE, **{"X-CSRF-Token": csrf})
            assert answer.status_code == 404, (route, answer.text)
            asked += 1
    assert asked >= 5
    assert guarded.parts.records.get_alert("dead").acknowledged is False


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("orders", {"report_id": 2}), ("orders", {"node": "dorm-1", "report_id": 2}), ("orders", {"node": "library"}),
        ("orders", {"alert_id": "dead"}), ("reports/1/join", {"order_id": 2}),
        ("planned-uses", {"node": "library", "start": "2026-12-01T06:00:00Z", "end": "2026-12-01T08:00:00Z"}),
    ],
)  # fmt: skip
def test_what_a_body_names_is_of_the_own_part_too(guarded, path, body):
    someone = person(guarded, "someone", Role.ENERGY_MANAGER, "dorm-1")
    answer = someone.client.post(f"/api/v1/{path}", json=body, headers={"X-CSRF-Token": someone.csrf()})
    assert answer.status_code in {404, 422}, answer.text
    assert not any(word in answer.text for word in FOREIGN)
    orders: Orders = guarded.app.state.orders
    assert [r.state.value for r in orders.reports()] == ["new", "new"]
    assert len(orders.find().items) == 2


def test_what_a_form_or_a_tick_names_is_of_the_own_part_too(guarded):
    someone = person(guarded, "someone", Role.ENERGY_MANAGER, "dorm-1")
    for fields in ({"report": "2"}, {"alert": "dead"}, {"node": "library"}):
        someone.post("/orders", **fields)
    someone.post("/reports/1/join", order="2")
    assert len(guarded.app.state.orders.find().items) == 2
    for item in ("alert:dead", "meter:e-library"):
        tick = {"id": "made-on-a-phone", "item": item, "at": guarded.parts.now().isoformat()}
        headers = {"X-CSRF-Token": someone.csrf()}
        (answer,) = someone.client.post("/api/v1/patrol/ticks", json={"ticks": [tick]}, headers=headers).json()["items"]
        assert answer["result"] == "refused", answer


def test_a_workbook_tells_nothing_of_another_part(guarded):
    someone = person(guarded, "someone", Role.ENERGY_MANAGER, "dorm-1")
    whole = person(guarded, "whole", Role.ENERGY_MANAGER)
    told = {}
    for who in (someone, whole):
        with zipfile.ZipFile(io.BytesIO(who.client.get("/api/v1/statistics/workbook").content)) as book:
            told[who.name] = "".join(book.read(name).decode() for name in book.namelist())
    assert "图书馆" in told["whole"]
    assert "梅园1号楼" in told["someone"]
    assert [word for word in ("图书馆", "library", "主校区", ">dead<") if word in told["someone"]] == []


def test_what_is_outside_is_refused_as_a_filter_too(guarded):
    someone = person(guarded, "someone", Role.DORM_MANAGER, "dorm-1")
    for path in ("alerts?node=library", "meters?node=campus", "usage?meter=e-library&start=2026-11-20&end=2026-11-21"):
        assert someone.client.get(f"/api/v1/{path}").status_code == 404, path


def test_counts_are_of_the_own_part(guarded):
    manager, whole = person(guarded, "m", Role.DORM_MANAGER, "library"), person(guarded, "w", Role.DORM_MANAGER)
    assert "主校区" in whole.page("/site").text
    ours = manager.client.get("/api/v1/alerts?inhibited=true").json()["items"]
    assert [a["id"] for a in ours] == ["dead"]
    desk = manager.client.get("/alerts?state=all", headers={"Accept": "text/html", "Accept-Language": "en"}).text
    assert "of 1 active" in desk
    assert 'data-alert="dead"' in desk
    assert 'data-alert="leak"' not in desk


def test_a_limited_account_has_no_metrics_and_no_accounts(guarded):
    someone = person(guarded, "someone", Role.AUDITOR, "dorm-1")
    assert someone.client.get("/metrics").status_code == 403
    assert person(guarded, "other", Role.AUDITOR).client.get("/metrics").status_code == 200


def test_readings_are_taken_for_the_own_meters_only(guarded):
    someone = person(guarded, "someone", Role.ENERGY_MANAGER, "dorm-1")
    rows = [
        {"meter": m, "quantity": "water_volume", "time": "2026-11-23T11:00:00+08:00", "value": 500.0}
        for m in ("w-dorm-1", "w-campus")
    ]
    headers = {"X-CSRF-Token": someone.csrf()}
    answer = someone.client.post("/api/v1/readings", json=rows, headers=headers)
    assert (answer.json()["taken"], answer.json()["refused"]) == (1, 1)
    assert [list(b.meters) for b in guarded.posted] == [["w-dorm-1"]]


def test_a_part_that_is_taken_out_of_the_site_shows_nothing_else(guarded):
    someone = person(guarded, "someone", Role.DORM_MANAGER, "pulled-down")
    assert someone.client.get("/api/v1/nodes").json()["items"] == []
    assert someone.client.get("/api/v1/alerts?inhibited=true").json()["items"] == []
    assert someone.page("/site").status_code == 200


def test_a_contractor_sees_the_alerts_that_are_assigned_and_no_other(guarded):
    someone = person(guarded, "someone", Role.CONTRACTOR)
    assert someone.client.get("/api/v1/alerts?inhibited=true").json()["items"] == []
    assert someone.client.get("/api/v1/alerts/leak").status_code == 404
    assert "data-alert=" not in someone.page("/alerts?state=all").text
    guarded.parts.records.assign("leak", ADMIN, "someone")
    assert [a["id"] for a in someone.client.get("/api/v1/alerts?inhibited=true").json()["items"]] == ["leak"]
    assert someone.client.get("/api/v1/alerts/leak").status_code == 200
    assert someone.client.get("/api/v1/alerts/dead").status_code == 404
    assert 'data-alert="leak"' in someone.page("/alerts?state=all").text


def test_many_at_once_are_acknowledged_in_the_own_part_only(guarded):
    someone = person(guarded, "someone", Role.DORM_MANAGER, "dorm-1")
    wanted = {"alerts": [{"id": "leak"}, {"id": "dead"}]}
    headers = {"X-CSRF-Token": someone.csrf()}
    answer = someone.client.post("/api/v1/alerts/acknowledge", json=wanted, headers=headers)
    assert [(i["id"], i["result"]) for i in answer.json()["items"]] == [("leak", "acknowledged"), ("dead", "unknown")]
    assert not guarded.parts.records.get_alert("dead").acknowledged


def cookie_of(someone) -> dict[str, str]:
    return {"Cookie": f"aquavolt_session={someone.client._cookies['aquavolt_session']}"}


def test_live_events_are_of_the_own_part(guarded, listen):
    someone = person(guarded, "someone", Role.DORM_MANAGER, "dorm-1")
    places = {"a": "dorm-1-201", "b": "library", "c": "campus"}
    events = [{"type": "alert", "id": i, "node": n} for i, n in places.items()]
    heard: list[dict] = []
    with httpx.stream("GET", f"{listen(guarded.app)}/api/v1/stream", headers=cookie_of(someone), timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry")
        for event in (*events, {"type": "alert", "id": "nowhere"}, {"type": "ready"}):
            guarded.parts.stream.publish(event)
        while not heard or heard[-1]["type"] != "ready":
            line = next(lines)
            if line.startswith("data: "):
                heard.append(json.loads(line.removeprefix("data: ")))
    assert [e.get("id") for e in heard] == ["a", None]


@pytest.mark.parametrize("end", ["disabled", "signed out", "no role for it"])
def test_the_stream_ends_when_the_account_does(guarded, listen, end):
    """Who hears is asked again at each heartbeat: each 50 ms here."""
    someone = person(guarded, "someone", Role.DUTY_GUARD)
    users = users_of(guarded)
    with httpx.stream("GET", f"{listen(guarded.app)}/api/v1/stream", headers=cookie_of(someone), timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry")
        if end == "disabled":
            users.leaving.leave("someone", AccountState.DISABLED, ADMIN)
        elif end == "signed out":
            users.sessions.end_all("someone", ADMIN)
        else:
            users.leaving.give_password("someone", ADMIN)
        assert all(line in ("", ": quiet") for line in lines)


def test_views_ask_for_alerts_within_the_readers_part_only():
    """Lists and counts come by `CurrentAlerts` or `reader.alerts`; what a path names is checked before the view."""
    unbounded = re.compile(r"records\.(find_alerts|count_alerts|recent_deliveries)\(")
    views = [p for p in (ROOT / "api").rglob("*.py") if p.name != "metrics.py"]
    assert len(views) > 30
    assert not [p.name for p in views if unbounded.search(p.read_text(encoding="utf-8"))]


# -- the mechanism ----------------------------------------------------------------------------------------


def application(**route) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route(route.pop("path", "/x"), lambda: None, **route)
    return app


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ({}, "declares 0 permissions"),
        ({"dependencies": [needs(Permission.SITE_READ), needs(Permission.OPEN)]}, "declares 2 permissions"),
        ({"dependencies": [needs(Permission.OPEN)]}, "do not agree"),
        ({"path": "/sign-in", "dependencies": [needs(Permission.SITE_READ)]}, "do not agree"),
        ({"path": "/x/{thing}", "dependencies": [needs(Permission.SITE_READ)]}, "nobody says how thing"),
    ],
)
def test_a_route_that_nobody_guards_is_refused_at_start(route, reason):
    with pytest.raises(UndeclaredRouteError, match=reason):
        check_routes(application(**route))
    check_routes(application(dependencies=[needs(Permission.SITE_READ)]))


def test_the_application_itself_does_not_start_with_one(make, monkeypatch):
    served = make()
    monkeypatch.setattr("api.web.pages.ROUTERS", (application().router,))
    with pytest.raises(UndeclaredRouteError, match="GET /x"):
        create_app(served.parts)


def test_a_folder_that_is_not_open_is_not_mounted():
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/private", FastAPI())
    with pytest.raises(UndeclaredRouteError, match="/private"):
        check_routes(app)


def test_a_password_that_is_right_is_what_the_walk_signs_in_with(guarded):
    person(guarded, "someone", Role.ADMIN)
    assert sign_in(guarded, "someone", PASSWORD)[1].status_code == 303
    assert sign_in(guarded, "someone", PASSWORD + "x")[1].status_code == 401
