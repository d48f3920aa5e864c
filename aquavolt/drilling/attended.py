"""Ends drills that no program that runs the rules sees to: of `serve`, beside which there may be none."""

from __future__ import annotations

from collections.abc import Callable

from alerts.drills.keeping import DrillKeeper
from alerts.values import Alert
from aquavolt.worker import Worker

EVERY_S = 5.0


class DrillWatch:
    """A thread that looks every `every_s`; `told` hears of each alert that ended with its drill, on that thread."""

    def __init__(self, keeper: DrillKeeper, told: Callable[[Alert], object], every_s: float = EVERY_S) -> None:
        self._keeper, self._told, self._every_s = keeper, told, every_s
        self.worker = Worker("drill-watch", self._turn)

    def _turn(self) -> None:
        for alert in self._keeper.end_unattended():
            self._told(alert)
        self.worker.pause(self._every_s)
