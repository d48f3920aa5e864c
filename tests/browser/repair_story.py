"""The program, its meters and a repair platform on one clock, and what each person of a repair does at a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signing_in import first_sign_in
from story import Story, playing

from alerts.users.roles import Role
from bench.harness.steered_clock import SteeredClock
from simulators.repair_platform.server import RepairPlatform
from simulators.repair_platform.state import Platform

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
SECRET = "a-secret-of-the-test-alone"  # noqa: S105 - of the test alone
BUILDER, THEIR_BUILDER = "pipes-and-co", "1007"
PATIENCE_MS = 90_000


@dataclass
class Repair:
    """One story, in one language."""

    story: Story
    platform: RepairPlatform
    language: str
    open_tab_at: Callable[..., Any]
    chromium: Any

    # -- people ---------------------------------------------------------------------------------------------------

    def student(self) -> Any:
        """Somebody with a phone and no account."""
        return self.open_tab_at(self.story.page, self.language, PHONE).page

    def office(self) -> Any:
        """The energy manager, signed in."""
        page = self.open_tab_at(self.story.page, self.language, DESKTOP).page
        first_sign_in(page, "chief", self.story.passwords["chief"])
        return page

    @contextmanager
    def builder(self) -> Iterator[Any]:
        """The contractor's phone, which may lose its connection: that its console may tell."""
        given = self.story.add_person(BUILDER, Role.CONTRACTOR)
        with self._foreign(self.story.page, PHONE) as page:
            first_sign_in(page, BUILDER, given)
            yield page

    @contextmanager
    def clerk(self) -> Iterator[Any]:
        """Somebody at the platform's own page, which is none of ours."""
        with self._foreign(self.platform.base, DESKTOP) as page:
            page.goto("/")
            yield page

    @contextmanager
    def _foreign(self, address: str, size: dict[str, Any]) -> Iterator[Any]:
        context = self.chromium.new_context(base_url=address, locale=self.language, **size)
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield context.new_page()
        finally:
            context.close()

    # -- what stands where ----------------------------------------------------------------------------------------

    def order(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.story.get(f"/api/v1/orders/{number}")
        return found

    def over_there(self, number: int) -> dict[str, Any]:
        """The order as the platform has it; empty as long as it has not."""
        found = [o for o in self.platform.platform.document()["orders"] if o["order"] == str(number)]
        return found[0] if found else {}

    def wait_over_there(self, number: int, status: str) -> dict[str, Any]:
        """Until the platform was told so."""
        self.story.wait(lambda: self.over_there(number).get("said_by_them") == status)
        return self.over_there(number)


@contextmanager
def repairing(folder: Path, language: str, open_tab_at: Callable[..., Any], chromium: Any) -> Iterator[Repair]:
    """A program that mirrors its orders to a platform of the test."""
    clock = SteeredClock(folder / "clock")
    platform = RepairPlatform(Platform(SECRET, now=lambda: clock.utc().timestamp()))
    platform.start()
    people = {THEIR_BUILDER: BUILDER}
    mirrored = {"url": platform.url, "secret": SECRET, "allow_networks": ["127.0.0.0/8"], "receive": {"people": people}}
    try:
        with playing(folder, language, {"repair_platform": mirrored}) as story:
            platform.platform.to = f"{story.page}/api/v1/platform/events"
            yield Repair(story, platform, language, open_tab_at, chromium)
    finally:
        platform.stop()
