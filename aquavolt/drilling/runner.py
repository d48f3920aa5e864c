"""The thread that runs drills: one at a time, its copy in a process of its own, its alerts into the records."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog

from alerts.drills.keeping import DrillKeeper
from alerts.drills.values import BEAT_S, Drill, DrillState, Ending
from alerts.values import Alert
from aquavolt.drilling.copy_handle import CopyError, CopyHandle
from aquavolt.drilling.feeds import EntrySource, FeedError, LiveFeed, PastFeed
from aquavolt.drilling.messages import Feed, Make, Repair, Said
from aquavolt.stores.scan import ScannableStore
from aquavolt.worker import Worker
from collector.journal import Journal
from metering.drills import DrillFault
from metering.incident import IncidentChange
from metering.ports import StoreUnavailableError
from metering.site import Site
from rules.drill.copy import DrillOrder
from rules.drill.wall_clock import WallClock
from rules.settings import RulesSettings

_IDLE_S, _STEP_S = 1.0, 0.25
_ADVANCE_S = 2.0
_COPIED_WITHIN_S = 60.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DrillParts:
    """What a runner works with.

    copied  the live rules' snapshot and its journal position, within so many seconds; None: not now
    told    hears of every alert written
    """

    keeper: DrillKeeper
    journal: Journal
    store: ScannableStore
    site: Callable[[], Site]
    rules: RulesSettings
    copied: Callable[[float], tuple[bytes, int] | None]
    told: Callable[[Sequence[Alert]], None]
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class _Running:
    """The drill under way."""

    drill: Drill
    copy: CopyHandle
    feed: EntrySource
    began: float
    said: Said
    clock: WallClock = field(default_factory=WallClock)
    is_repaired: bool = False
    advanced: float = 0.0
    written: int = 0


class DrillRunner:
    """`worker` is started and stopped with the program."""

    def __init__(self, parts: DrillParts) -> None:
        self._parts = parts
        self._running: _Running | None = None
        self._beaten: float | None = None
        self.worker = Worker("drill", self.turn)

    def start(self) -> None:
        """End what an earlier program left, and what waited for one too long; then start the thread."""
        if ended := self._parts.keeper.end_left_over():
            self._parts.told(ended)
        self._parts.keeper.end_unattended()
        self._beat()
        self.worker.start()

    def stop(self) -> None:
        """End; a drill under way ends with the program."""
        self.worker.stop()
        if self._running is not None:
            self._end(self._running, Ending.INTERRUPTED)
        if self._beaten is not None:
            self._parts.keeper.leave()

    def _beat(self) -> None:
        """Say now and then that this program is there."""
        now = self._parts.monotonic()
        if self._beaten is None or now - self._beaten >= BEAT_S:
            self._parts.keeper.beat()
            self._beaten = now

    def turn(self) -> None:
        """Begin what was asked for, or go on."""
        self._beat()
        drill = self._parts.keeper.current()
        if self._running is None:
            if drill is not None and drill.state is DrillState.ASKED:
                self._begin(drill)
            elif drill is not None:  # its copy is gone
                self._parts.told(self._parts.keeper.end(drill.id, Ending.INTERRUPTED))
            else:
                self.worker.pause(_IDLE_S)
            return
        try:
            self._go_on(self._running, drill)
        except (CopyError, FeedError) as error:
            if not self.worker.is_stopping:
                self._end(self._running, Ending.FAILED, str(error))
        self.worker.pause(_STEP_S)

    # -- its beginning --------------------------------------------------------------------------------------------

    def _begin(self, drill: Drill) -> None:
        if drill.stopped_by is not None:
            self._parts.keeper.end(drill.id, Ending.STOPPED, by=drill.stopped_by)
            return
        copy = CopyHandle(lambda: self.worker.is_stopping)
        try:
            self._running = self._made(drill, copy)
        except (CopyError, FeedError, StoreUnavailableError) as error:
            copy.close()
            _log.warning("a drill could not be begun", drill=drill.id, reason=str(error))
            self._parts.keeper.end(drill.id, Ending.FAILED, str(error))
            return
        except BaseException:
            copy.close()
            raise
        _log.info("a drill has begun", drill=drill.id, kind=drill.plan.kind, node=drill.plan.node, by=drill.asked_by)

    def _made(self, drill: Drill, copy: CopyHandle) -> _Running:
        parts, plan = self._parts, drill.plan
        copied = parts.copied(_COPIED_WITHIN_S)
        if copied is None:
            raise FeedError("the rules are busy with what was read before; try again once that is judged")
        blob, position = copied
        start_ms = plan.after_s * 1000
        end_ms = None if plan.lasts_s is None else start_ms + plan.lasts_s * 1000
        fault = DrillFault(plan.kind, plan.meter, plan.size, start_ms, end_ms)
        is_replayed = plan.speed > 1
        site = parts.site()
        said = copy.ask(Make(blob, site, parts.rules, DrillOrder(drill.id, fault, is_replayed)))
        feed: EntrySource = LiveFeed(parts.journal, position)
        days = None
        if is_replayed:
            feed = PastFeed(parts.store, tuple(site.meters), said.now_ms, plan.speed, parts.monotonic)
            days = feed.days
        parts.keeper.start(drill.id, said.now_ms, days)
        return _Running(drill, copy, feed, parts.monotonic(), said)

    # -- its way --------------------------------------------------------------------------------------------------

    def _go_on(self, running: _Running, drill: Drill | None) -> None:
        if drill is None or drill.id != running.drill.id:
            running.copy.close()
            self._running = None
            return
        if drill.stopped_by is not None:
            self._end(running, Ending.STOPPED, by=drill.stopped_by)
            return
        if drill.repaired_at is not None and not running.is_repaired:
            running.said, running.is_repaired = running.copy.ask(Repair()), True
            self._advance(running, is_due=True)
        if entries := running.feed.due():
            self._write(running, running.copy.ask(Feed(tuple(entries))))
        if running.said.is_mended:
            self._end(running, Ending.CONFIRMED)
        elif self._parts.monotonic() - running.began >= drill.plan.limit_s:
            self._end(running, Ending.TIMED_OUT)
        elif running.feed.is_exhausted:
            self._end(running, Ending.EXHAUSTED)

    def _write(self, running: _Running, said: Said) -> None:
        running.said = said
        self._advance(running, is_due=bool(said.changes))
        if not said.changes:
            return
        changes: Sequence[IncidentChange] = said.changes
        if running.drill.plan.speed > 1:
            changes = running.clock.told_at(said.changes, self._parts.keeper.now_ms())
        running.written += 1
        self._parts.told(self._parts.keeper.apply(running.drill.id, changes, str(running.written)))

    def _advance(self, running: _Running, *, is_due: bool) -> None:
        now = self._parts.monotonic()
        if is_due or now - running.advanced >= _ADVANCE_S:
            running.advanced, said = now, running.said
            repaired = said.fault_end_ms if running.is_repaired else None
            self._parts.keeper.advance(running.drill.id, said.now_ms, said.fault_start_ms, repaired)

    def _end(self, running: _Running, ending: Ending, detail: str = "", by: str = "") -> None:
        self._running = None
        running.copy.close()
        said = running.said
        repaired = said.fault_end_ms if running.is_repaired else None
        self._parts.keeper.advance(running.drill.id, said.now_ms, said.fault_start_ms, repaired)
        self._parts.told(self._parts.keeper.end(running.drill.id, ending, detail, by))
        at = str(np.datetime64(said.now_ms, "ms"))
        _log.info("a drill is over", drill=running.drill.id, ending=ending, detail=detail, copy_stood_at=at)
