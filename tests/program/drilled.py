"""What tests of drills share: a program that knows a month, and a burst at the canteen, asked for and waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from inside import Folder
from killed_program import until

from alerts.drills.book import DrillBook
from alerts.drills.values import DrillPlan
from alerts.values import Actor, AlertFilter, utc_now
from api.parts import Access
from metering.drill_kinds import DrillKind

FIRST, LATER = 250, 16  # entries before a drill: 31 days, with open alerts of each category; and after it
LI = Actor("li", "127.0.0.1")
BURST = DrillPlan(kind=DrillKind.BURST, node="canteen", meter="", medium="", size=9.0, speed=1200, limit_s=600)


@dataclass(frozen=True)
class DemoFolder(Folder):
    """One whose pages ask nobody who they are; `clock` is that of people."""

    clock: Callable[[], datetime] = utc_now

    def setup(self):
        return replace(super().setup(), access=Access(demo=True), clock=self.clock, steady=None)


def drill_alerts(program, drill):
    return program.records.find_alerts(AlertFilter(drill=drill.id, inhibited=None)).items


def shown(program, drill):
    """The first alert of the drill that people are shown."""
    return min((a for a in drill_alerts(program, drill) if a.inhibited_by is None), key=lambda a: a.raised_at)


async def drilled(program, plan=BURST):
    """Ask for a drill and wait until it has raised an alert."""
    book = DrillBook(program.records.database)
    drill = book.ask(plan, program.site, LI)
    await until(lambda: drill_alerts(program, drill) or book.get(drill.id).is_over)
    assert not book.get(drill.id).is_over, book.get(drill.id)
    return book, drill
