"""A drill runs from its page: begun, its alert taken from the desk, repaired; and its report shows the times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.drills.keeping import DrillKeeper
from alerts.values import utc_now
from aquavolt.drilling.runner import DrillParts, DrillRunner
from collector.journal import Journal
from rules.settings import RulesSettings

DESKTOP = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def runner(site: Any, tmp_path: Path) -> Iterator[DrillRunner]:
    """The program's own, on the campus as the rules had judged it."""
    campus = site.campus
    journal = Journal(tmp_path / "journal.db", readers=("stream",))

    def told(alerts: Any) -> None:
        for alert in alerts:
            campus.stream.publish({"type": "alert", "id": alert.id})

    parts = DrillParts(
        DrillKeeper(campus.records.database), journal, campus.store, campus.parts.site, RulesSettings(),
        lambda _: (campus.snapshot, 0), told,
    )  # fmt: skip
    running = DrillRunner(parts)
    still = campus.parts.now
    object.__setattr__(campus.parts, "now", utc_now)  # the campus's clock stands still, a drill's people do not
    running.start()
    yield running
    running.stop()
    object.__setattr__(campus.parts, "now", still)
    journal.close()


def seconds_of(page: Any, step: str) -> str:
    return str(page.locator(f"tr[data-step={step}]").first.get_attribute("data-seconds"))


@pytest.mark.timeout(300)
def test_a_drill_runs_from_the_page_and_its_report_shows_the_times(
    open_tab: Callable[..., Any], site: Any, runner: DrillRunner
) -> None:
    page = open_tab("en", DESKTOP).page
    page.goto("/drills")
    page.check("input[name=kind][value=burst]")
    page.select_option("#node", "dorm-1")
    page.fill("#size", "9000")
    page.select_option("#speed", "720")
    page.fill("#note", "autumn")
    page.get_by_role("button", name="Begin the drill").click()
    page.wait_for_url("**/drills/drill-*")
    drill_page = page.url
    page.locator("tr[data-step=raised]:not([data-seconds=''])").first.wait_for()
    alert = page.locator("#drill h3 a").first.get_attribute("href")  # the one whose steps are read below
    page.goto("/alerts")
    strip = page.locator(".av-drill-strip")
    assert "DRILL" in strip.inner_text()
    strip.locator(f"a[href='{alert}']").click()
    page.locator(".av-drill-strip").wait_for()
    page.locator(".av-ack-form button").first.click()
    page.locator(".av-ack-form").wait_for(state="detached")  # its words alone are in "Unacknowledged" too
    page.goto(drill_page)
    page.get_by_role("button", name="The fault is repaired").click()
    page.locator("tr[data-step=repaired]:not([data-seconds=''])").first.wait_for()
    page.get_by_role("button", name="End the drill").click()
    page.locator("#drill-state[data-state=ended]").wait_for()
    for step in ("raised", "acknowledged", "assigned", "repaired"):
        assert float(seconds_of(page, step)) >= 0, step
    assert "By the copy's clock the meters needed" in page.inner_text("#drill")
    assert not page.locator(".av-drill-acts").count()
    page.goto("/alerts")
    assert not page.locator(".av-drill-strip").count()
