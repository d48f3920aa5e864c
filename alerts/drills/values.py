"""What the records give out of drills: frozen values, times aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from metering.drill_kinds import DrillKind

SPEEDS = (1, 10, 60, 240, 720)
"""How many times faster than the clock a copy may run."""
LONGEST_LIMIT_S = 3 * 86_400
SHORTEST_LIMIT_S = 60
LONGEST_EVENT_S = 7 * 86_400
LONGEST_NOTE = 1000


class DrillState(StrEnum):
    """Where a drill stands."""

    ASKED = "asked"  # the program that runs the rules will begin it within seconds
    RUNNING = "running"
    ENDED = "ended"


class Ending(StrEnum):
    """Why a drill is over."""

    CONFIRMED = "confirmed"  # repaired, and the copy's meters have cleared every alert
    STOPPED = "stopped"  # by a person
    TIMED_OUT = "timed_out"
    EXHAUSTED = "exhausted"  # there are no more readings that it could be fed
    INTERRUPTED = "interrupted"  # the program ended, or was killed
    FAILED = "failed"  # it could not be begun, or its copy failed
    UNATTENDED = "unattended"  # no program that runs the rules was there to begin it


class Audience(StrEnum):
    """Who is told of a drill's alerts."""

    ROUTES = "routes"  # who would be told of real ones
    ME = "me"  # who asked for the drill


class DrillAction(StrEnum):
    """What a line of a drill's history records."""

    ASKED = "asked"
    STARTED = "started"
    FAULT_BEGAN = "fault_began"
    REPAIRED = "repaired"
    STOP_ASKED = "stop_asked"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """What is asked for.

    size     m3/h or kW
    speed    how many times faster than the clock the copy runs
    after_s  after how long the fault begins, and `lasts_s` how long it lasts (None: until it is repaired), of the
             copy's time
    limit_s  after how long the drill ends at the latest, by the clock
    """

    kind: DrillKind
    node: str
    meter: str
    medium: str
    size: float
    speed: int = 60
    after_s: int = 0
    lasts_s: int | None = None
    limit_s: int = 4 * 3600
    audience: Audience = Audience.ROUTES
    note: str = ""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill.

    event_start, event_at   where the copy's clock stood at the beginning, and where it stands
    source_days             the copy is fed the readings of so many days ago; None: those that come in
    fault_at, fault_event   when the fault began, by the wall clock and by the copy's
    repaired_*              by whom and when the fault was mended
    """

    id: str
    plan: DrillPlan
    state: DrillState
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    event_start: datetime | None
    event_at: datetime | None
    source_days: int | None
    fault_at: datetime | None
    fault_event: datetime | None
    repaired_by: str | None
    repaired_at: datetime | None
    repaired_event: datetime | None
    stopped_by: str | None
    ended_at: datetime | None
    ending: Ending | None
    detail: str

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state is DrillState.ENDED


BEAT_S = 10.0
"""How often a program that runs the rules says that it is there, seconds."""
UNHEARD_S = 60.0
"""Nothing heard of it for so long: it is not there."""
BEGUN_WITHIN_S = 180.0
"""What nobody has begun by then is over."""
GONE_S = 600.0
"""A drill under way of which nothing was heard for so long is over: its copy is gone."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """Whether a program that runs the rules is there to begin drills and go on with them, and when it was seen last."""

    is_there: bool
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class DrillAudit:
    """One line of a drill's history; `event_at` by the copy's clock."""

    at: datetime
    event_at: datetime | None
    actor: str
    origin: str
    action: DrillAction
    detail: dict[str, Any]
