"""Drills where pages and rules are programs of their own: asked for at `serve`, run by `watch`, ended without it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from drilled import BURST, LI

from alerts.drills.book import DrillBook
from alerts.drills.keeping import DrillKeeper
from alerts.drills.values import Ending
from alerts.records import Records
from alerts.values import utc_now
from aquavolt.config.documents import load_site
from aquavolt.drilling.attended import DrillWatch
from bench.harness.services import API_TOKEN, Services, until

ASKED = {"kind": "burst", "node": "canteen", "size": 9.0, "speed": 720, "limit_s": 600}


@pytest.fixture
def services(fed, receiver, influx, tmp_path) -> Iterator[Services]:
    found = Services(tmp_path / "data", fed.site, influx, receiver.url)
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.influx
@pytest.mark.timeout(600)
def test_one_asked_for_at_serve_runs_at_watch_and_without_watch_it_says_so(services, fed):
    watch = services.start("watch")
    collector = services.start("collect", feed=str(fed.feed))
    services.start("serve")
    until(lambda: collector.has_said("fed"), "the feed is journaled")
    services.see_through()
    given = {"headers": {"Authorization": f"Bearer {API_TOKEN}"}, "trust_env": False, "timeout": 30}
    with httpx.Client(base_url=f"http://127.0.0.1:{services.page_port}/api/v1", **given) as page:
        until(lambda: page.get("/drills").json()["rules"]["is_there"], "watch is seen", 60)
        before = _real(page)
        drill = page.post("/drills", json=ASKED).json()["id"]
        until(lambda: _first(page, drill) is not None, "it is found", 240)
        page.post(f"/drills/{drill}/repair").raise_for_status()
        until(lambda: page.get(f"/drills/{drill}").json()["state"] == "ended", "the copy's meters agree", 240)
        assert page.get(f"/drills/{drill}").json()["ending"] == "confirmed"
        steps = {step["name"]: step for step in _first(page, drill)["steps"]}
        assert {name for name, step in steps.items() if step["at"]} >= {"raised", "repaired", "confirmed"}
        assert _real(page) == before
        assert watch.stop() == 0
        assert not page.get("/drills").json()["rules"]["is_there"]
        drill = page.post("/drills", json=ASKED).json()
        assert drill["state"] == "asked"
        assert page.post(f"/drills/{drill['id']}/stop").json()["ending"] == "stopped"


def _real(page):
    """What the rules have said of each real alert; people's clock runs on, and with it deadlines and stages."""
    items = page.get("/alerts?inhibited=true&limit=500").json()["items"]
    said = ("id", "node", "rule", "severity", "state", "detected_at", "closed_at", "observed", "loss_total", "drill")
    return [[alert[name] for name in said] for alert in items]


def _first(page, drill):
    """The first alert of the drill that people are shown."""
    alerts = page.get(f"/drills/{drill}/report").json()["alerts"]
    return next((alert for alert in alerts if alert["inhibited_by"] is None), None)


def test_serve_ends_what_nobody_begins(tmp_path):
    (tmp_path / "site.yaml").write_text(
        "site: {id: s, name: S, timezone: Asia/Shanghai}\nnodes: [{id: canteen, kind: building}]\n"
        "meters: [{id: w, medium: water, node: canteen}]\n"
    )
    records = Records(f"sqlite:///{tmp_path / 'records.db'}")
    records.migrate()
    book = DrillBook(records.database)
    drill = book.ask(BURST, load_site(tmp_path / "site.yaml")[0], LI)
    watch = DrillWatch(
        DrillKeeper(records.database, clock=lambda: utc_now() + timedelta(minutes=4)), lambda _: None, 0.05
    )
    watch.worker.start()
    try:
        until(lambda: book.get(drill.id).is_over, "it ends", 30)
    finally:
        watch.worker.stop()
        ended = book.get(drill.id)
        records.close()
    assert (ended.ending, ended.detail) == (
        Ending.UNATTENDED, "no program that runs the rules began it within 180 s",
    )  # fmt: skip
