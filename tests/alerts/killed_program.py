"""A program that works a journal of changes off and sends its outbox, and kills itself with -9 at a given point.

Arguments: database URL, file of what the channel took, point ("none" or one of POINTS), which occurrence.
It replays the whole journal at every start, as after a crash with an old snapshot, and ends when nothing is due.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import event

from alerts.channel import Message, Notification
from alerts.due import DueNotifications
from alerts.lane import Lane, LaneSettings
from alerts.records import Records
from alerts.values import Actor, NotifyPolicy
from alerts.words import Language
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity

POINTS = ("writing", "committing", "committed", "before-answer", "answered", "marked")
ALERTS = 6
START = np.datetime64("2026-11-20T00:00:00", "ms")


class Kill:
    """Kills this program the nth time it passes the point."""

    def __init__(self, point: str, occurrence: int) -> None:
        self._point = point
        self._left = occurrence

    def at(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Wire:
    """A receiver that has a notification once its id stands in a file: what the file says was taken."""

    name = "wire"

    def __init__(self, taken: Path, kill: Kill) -> None:
        self._taken = taken
        self._kill = kill

    def send(self, notification: Notification) -> None:
        self._kill.at("before-answer")
        with self._taken.open("a") as file:
            file.write(f"{notification.id} {notification.reason} {notification.alert.id}\n")
            file.flush()
        self._kill.at("answered")


def journal() -> list[list[IncidentChange]]:
    """One entry an item: six alerts raised, three of them escalated, one inhibited and released, all cleared."""
    whole = Incident(
        id="", rule="continuous_flow", category=Category.LEAK, medium="water", subject="m", node="n",
        severity=Severity.WARNING, detected_at=START, onset_at=START, closed_at=None, observed=1.0, expected=0.0,
        unit="m3/h", loss_rate=1.0, loss_total=1.0,
    )  # fmt: skip
    incidents = [replace(whole, id=f"a{i}", node=f"n{i}") for i in range(ALERTS)]
    worse = [replace(i, severity=Severity.CRITICAL) for i in incidents[:3]]
    return [
        [IncidentChange(ChangeKind.RAISED, i, START) for i in incidents[:4]],
        [IncidentChange(ChangeKind.RAISED, replace(i, inhibited_by="a0"), START) for i in incidents[4:5]],
        [IncidentChange(ChangeKind.RAISED, i, START) for i in incidents[5:]],
        *([IncidentChange(ChangeKind.ESCALATED, i, START)] for i in worse),
        [IncidentChange(ChangeKind.RELEASED, incidents[4], START)],
        [IncidentChange(ChangeKind.CLEARED, replace(i, closed_at=START), START) for i in incidents],
    ]


def main(url: str, taken: str, point: str, occurrence: str) -> None:
    kill = Kill(point, int(occurrence))
    records = Records(url, policy=NotifyPolicy(channels=("wire",)))
    records.migrate()
    print("ready", flush=True)  # noqa: T201
    event.listen(records.database.engine, "commit", lambda _: kill.at("committing"))
    event.listen(
        records.database.engine, "after_cursor_execute", lambda *a: kill.at("writing") if a[2][:6] != "SELECT" else None
    )
    lane = Lane(
        Wire(Path(taken), kill), DueNotifications(records.database),
        lambda *_: {language: Message("", "", "") for language in Language}, LaneSettings(),
    )  # fmt: skip
    for seq, changes in enumerate(journal(), start=1):
        records.apply(changes, seq)
        kill.at("committed")
        if seq == 1:
            records.acknowledge("a1", Actor("li"))
        lane.step()
        kill.at("marked")
    while lane.step():
        kill.at("marked")


if __name__ == "__main__":
    main(*sys.argv[1:])
