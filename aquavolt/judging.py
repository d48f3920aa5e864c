"""From a journal to people: the rules' thread, the records, the outbox. The same in `run` and in `watch`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

import numpy as np

from alerts.deadlines import office_days
from alerts.drills.keeping import DrillKeeper
from alerts.feedback import FeedbackBook
from alerts.head_counts import HeadCountBook
from alerts.records import Records
from alerts.values import Alert, NotifyPolicy
from api.stream import EventStream
from aquavolt.channels.kinds import open_channel
from aquavolt.deadline_watch import DeadlineWatch
from aquavolt.drilling.runner import DrillParts, DrillRunner
from aquavolt.judge import CURSOR, Judge, JudgeParts
from aquavolt.rebuild import Ground, RebuildStoppedError, rebuilt_shard, shard_at_start
from aquavolt.repair.parts import mirror_of
from aquavolt.setup import Setup
from aquavolt.stores.calls import OwnedStore
from aquavolt.telling import Telling, TellingParts
from aquavolt.word_feed import HEAD_COUNTS, WordFeed
from aquavolt.worker import Worker
from collector.journal import Journal
from metering.health import HealthReport
from metering.zone_country import country_of
from rules.shard import Shard

_PROBE_S = 0.1


class Judging:
    """Opened with the journal it reads; `start` to `stop`, then `close`.

    ground  what a rebuild stands on; called on the rules' thread, None when told to stop
    """

    def __init__(
        self,
        setup: Setup,
        journal: Journal,
        store: OwnedStore,
        stream: EventStream,
        ground: Callable[[Worker], Ground | None],
    ) -> None:
        """Open the records and channels.

        Raises:
            RecordsError: the records cannot be opened.
        """
        self._setup, self._journal, self._store, self.stream = setup, journal, store, stream
        self._ground = ground
        settings = setup.settings
        with ExitStack() as opened:
            channels = [*map(open_channel, settings.channels), *setup.channels]
            for channel in channels:
                opened.callback(channel.close)
            site = setup.site
            days = office_days(site.zone, site.calendar.country or country_of(site.timezone))
            self.records = Records(
                settings.records_url, clock=setup.clock, policy=NotifyPolicy(is_routed=True), days=days
            )
            opened.callback(self.records.close)
            self.records.migrate()
            journal.skip_to(self.records.applied_seq())  # a journal that was lost must not give these again
            parts = JudgeParts(journal, self.records, store, self._tell, self._rebuild, setup.is_history)
            self.judge = Judge(parts, *shard_at_start(setup.site, setup.rules, self.records, journal))
            self.deadlines = DeadlineWatch(self.records, self._tell)
            self.telling = Telling(
                TellingParts(
                    settings, lambda: setup.site, self.records, channels, setup.clock, setup.steady, setup.playbook
                )
            )
            self.outbox, self.duty_desk = self.telling.outbox, self.telling.duty_desk
            self.drills = DrillRunner(
                DrillParts(
                    DrillKeeper(self.records.database, days, setup.clock), journal, store, lambda: setup.site,
                    setup.rules, self.judge.copied, self._tell,
                )
            )  # fmt: skip
            self.mirror = mirror_of(setup, self.records)
            if self.mirror is not None:
                opened.callback(self.mirror.close)
            self.words = WordFeed(FeedbackBook(self.records.database, setup.clock), journal, setup.now)
            self.heads = WordFeed(HeadCountBook(self.records.database, setup.clock), journal, setup.now, HEAD_COUNTS)
            self._closing = opened.pop_all()

    def start(self) -> None:
        """Start the threads."""
        self.judge.worker.start()
        self.deadlines.worker.start()
        self.words.worker.start()
        self.heads.worker.start()
        self.drills.start()
        self.telling.start()
        if self.mirror is not None:
            self.mirror.start()

    def stop(self) -> None:
        """End after what is under way, and keep the state for the next start."""
        self.drills.stop()
        self.deadlines.worker.stop()
        self.words.worker.stop()
        self.heads.worker.stop()
        self.judge.worker.stop()
        with suppress(Exception):
            self.judge.snapshot()
        self.telling.stop()
        if self.mirror is not None:
            self.mirror.stop()

    def close(self) -> None:
        """Close the records and channels."""
        self._closing.close()

    def told_in(self, report: HealthReport, reader: str = CURSOR) -> HealthReport:
        """The report with how far the rules have come; their cursor says where a restart begins, minutes behind."""
        lag = max(0, self._journal.head() - self.judge.position)
        return replace(report, journal=replace(report.journal, lag={**report.journal.lag, reader: lag}))

    async def announce(self, is_ready: Callable[[], bool], on_ready: Callable[[], None]) -> None:
        """Once all is judged that was there at the start, tell of what is open and nobody was told of."""
        while not is_ready():  # noqa: ASYNC110 - threads' positions, looked at
            await asyncio.sleep(_PROBE_S)
        await asyncio.get_running_loop().run_in_executor(None, self.judge.tell_open)
        self.telling.wake()
        self.stream.publish({"type": "ready"})
        on_ready()

    def _tell(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            event = {"type": "alert", "id": alert.id, "state": alert.state.value, "node": alert.node}
            self.stream.publish(event if alert.drill is None else event | {"drill": alert.drill})
        self.telling.wake()

    def _rebuild(self, since: np.datetime64 | None) -> tuple[Shard, int] | None:
        """The rules' state from the store, once that has all there is; on the judge's thread."""
        worker, setup = self.judge.worker, self._setup
        ground = self._ground(worker)
        if ground is None:
            return None
        try:
            is_stopping, now = (lambda: worker.is_stopping), setup.now()
            made = rebuilt_shard(setup.site, setup.rules, self.records, self._store, now, is_stopping, ground, since)
        except RebuildStoppedError:
            return None
        self._tell(made.alerts)
        return made.shard, made.position
