"""What readers of the desk share, the open alerts and the lines, is fresh, and holds nothing of another reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from signed_in import CSRF, person

from alerts.users.reach import AlertsWithin, reach_of
from alerts.users.roles import WHOLE_SITE, Role
from alerts.values import Actor
from api.app import create_app
from api.web.open_alerts import OpenAlertsKept

LI = Actor("li", "test")


@pytest.fixture
def reads(records, monkeypatch):
    """How often the list was read."""
    found, find = [], records.find_alerts
    monkeypatch.setattr(type(records), "find_alerts", lambda self, *a, **k: (found.append(self), find(*a, **k))[1])
    return found


def test_open_alerts_are_read_once_until_something_is_written_or_time_goes_by(served, records, reads):
    at = [0.0]
    kept = OpenAlertsKept(records, lambda: at[0])
    alerts = AlertsWithin(records, reach_of(served.parts.site(), (WHOLE_SITE,)))
    first = kept.of(alerts)
    assert kept.of(alerts) is first
    assert len(reads) == 1
    records.acknowledge("leak", LI)
    assert kept.of(alerts).counts.unacknowledged == first.counts.unacknowledged - 1
    assert len(reads) == 2
    at[0] = 5.0
    kept.of(alerts)
    assert len(reads) == 3


def test_each_reach_has_its_own(served, records):
    kept, site = OpenAlertsKept(records), served.parts.site()
    whole = kept.of(AlertsWithin(records, reach_of(site, (WHOLE_SITE,))))
    part = kept.of(AlertsWithin(records, reach_of(site, ("dorm-1-f1",))))
    assert {a.node for a in part.items} < {a.node for a in whole.items}


def test_a_line_that_two_read_carries_the_own_mark_and_the_own_way_back(guarded):
    li, wang = person(guarded, "li", Role.ENERGY_MANAGER), person(guarded, "wang", Role.ENERGY_MANAGER)
    pages = [(who, path, who.page(path).text) for path in ("/alerts", "/alerts?medium=water") for who in (li, wang)]
    for who, path, html in pages:
        rows = html.split('<div class="av-row sev-')[1:]
        assert rows
        assert {mark for row in rows for mark in CSRF.findall(row)} == {who.csrf()}
        assert f'name="back" value="{path}"' in html
    assert li.csrf() != wang.csrf()


def test_who_may_only_read_gets_no_line_with_a_button(guarded):
    manager, auditor = person(guarded, "li", Role.ENERGY_MANAGER), person(guarded, "wu", Role.AUDITOR)
    assert 'name="version"' in manager.page("/alerts").text
    assert 'name="version"' not in auditor.page("/alerts").text


def test_a_line_is_written_anew_after_an_act_and_after_a_minute(served, records):
    now = [served.parts.now()]
    app = create_app(replace(served.parts, now=lambda: now[0]))
    client = type(served.client)(app)

    def row() -> str:
        html = client.get("/alerts?q=leak", headers={"Accept": "text/html", "Accept-Language": "en"}).text
        return html.split('data-alert="leak"')[1].split('data-alert="', maxsplit=1)[0]

    before = row()
    assert "2 d" in before
    now[0] += timedelta(hours=5)
    assert "2 d 5 h" in row()
    records.acknowledge("leak", LI)
    assert "Acknowledged" in row()
