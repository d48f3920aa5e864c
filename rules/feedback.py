"""What people said, as the rules know it: each word from its event time on, and what follows from those that stand.

Words come in the order in which they were said, some of them again (a journal is read twice, a state is rebuilt): one
that came before, or was passed by a later one, is not taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np

from metering.batch import to_datetime
from metering.entries import Feedback, feedback_from_state, feedback_to_state
from metering.feedback import WITHDRAWN, caution_after
from metering.site import PlannedUse
from rules.open_incident import ms_of

_LONG_OVER = timedelta(days=60)  # longer than any grace time


@dataclass(slots=True)
class PeoplesWords:
    """The words of a site. `waiting`: those whose event time has not come."""

    seen: int = 0
    waiting: list[Feedback] = field(default_factory=list)
    standing: dict[int, Feedback] = field(default_factory=dict)

    def take(self, word: Feedback) -> None:
        """A word that was said; it counts from its event time on, and not before one that was said earlier."""
        if word.id <= self.seen:
            return
        self.seen = word.id
        if self.waiting and word.time < self.waiting[-1].time:
            word = replace(word, time=self.waiting[-1].time)
        self.waiting.append(word)

    def next_ms(self, otherwise: int) -> int:
        """The moment (ms) at which the next word counts."""
        return ms_of(self.waiting[0].time) if self.waiting else otherwise

    def hear(self, until: int) -> bool:
        """Let the words count that do by a moment (ms); whether there were any."""
        due = [word for word in self.waiting if ms_of(word.time) <= until]
        self.waiting = self.waiting[len(due) :]
        for word in due:
            if word.replaces is not None:
                self.standing.pop(word.replaces, None)
            if word.outcome != WITHDRAWN:
                self.standing[word.id] = word
        return bool(due)

    def cautions(self) -> dict[str, dict[str, float]]:
        """By rule and subject how many times its thresholds are to be raised; those at 1 are left out."""
        said: dict[tuple[str, str], list[str]] = {}
        for word in self._in_order():
            for judged in word.judged:
                said.setdefault(judged, []).append(word.outcome)
        found: dict[str, dict[str, float]] = {}
        for (rule, subject), outcomes in said.items():
            if (caution := caution_after(outcomes)) != 1.0:
                found.setdefault(rule, {})[subject] = caution
        return found

    def planned(self, now: int) -> tuple[PlannedUse, ...]:
        """The uses that were planned, at a moment (ms) of judging; what is long over explains nothing any more."""
        since = to_datetime(np.datetime64(now, "ms")) - _LONG_OVER
        return tuple(word.use for word in self._in_order() if word.use is not None and word.use.end > since)

    def _in_order(self) -> Iterator[Feedback]:
        return (self.standing[i] for i in sorted(self.standing))

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "seen": self.seen,
            "waiting": [feedback_to_state(word) for word in self.waiting],
            "standing": [feedback_to_state(word) for word in self._in_order()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.seen = int(state["seen"])
        self.waiting = [feedback_from_state(word) for word in state["waiting"]]
        self.standing = {word.id: word for word in map(feedback_from_state, state["standing"])}
