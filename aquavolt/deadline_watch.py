"""What time alone does to alerts: breaches are written as they happen, and told to the live pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alerts.records import Records
from alerts.values import Alert
from aquavolt.worker import Worker

EVERY_S = 5.0


class DeadlineWatch:
    """A thread that looks every `every_s`; `told` hears of the alerts that became overdue, on that thread."""

    def __init__(self, records: Records, told: Callable[[Sequence[Alert]], None], every_s: float = EVERY_S) -> None:
        self._records, self._told, self._every_s = records, told, every_s
        self.worker = Worker("deadlines", self._turn)

    def _turn(self) -> None:
        if overdue := self._records.look_after():
            self._told(overdue)
        self.worker.pause(self._every_s)
