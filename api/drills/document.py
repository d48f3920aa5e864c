"""Drills and their reports as wire documents, and as lines of a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from alerts.drills.report import AlertReport, DrillReport
from alerts.drills.values import Attendance, Drill
from api.alerts.document import loss_rate_unit
from api.exports.table import plain_cell
from api.wire import jsonable, time_text

_PLAN = ("kind", "node", "meter", "medium", "size", "speed", "after_s", "lasts_s", "limit_s", "audience", "note")
_OWN = (
    "id", "state", "asked_by", "asked_at", "started_at", "event_start", "event_at", "source_days", "fault_at",
    "fault_event", "repaired_by", "repaired_at", "stopped_by", "ended_at", "ending", "detail",
)  # fmt: skip
STAMP = "DRILL 演练"
CSV_COLUMNS = ("stamp", "drill", "alert", "node", "what", "at", "seconds", "allowed_s", "by", "channel", "state")


def drill_document(drill: Drill) -> dict[str, Any]:
    """What was asked for and how it stands, in one."""
    members = {name: getattr(drill.plan, name) for name in _PLAN} | {name: getattr(drill, name) for name in _OWN}
    return {**jsonable(members), "unit": loss_rate_unit(drill.plan.medium)}


def attendance_document(attendance: Attendance) -> dict[str, Any]:
    """Whether a program that runs the rules is there."""
    return {"is_there": attendance.is_there, "seen_at": time_text(attendance.seen_at)}


def report_document(report: DrillReport) -> dict[str, Any]:
    """Every alert with its steps and messages."""
    return {"drill": drill_document(report.drill), "alerts": [_alert(one) for one in report.alerts]}


def _alert(one: AlertReport) -> dict[str, Any]:
    alert = one.alert
    told = [
        {name: getattr(t.delivery, name) for name in ("channel", "receiver", "reason", "state", "created_at",
                                                      "delivered_at", "last_error")} | {"seconds": t.seconds}
        for t in one.told
    ]  # fmt: skip
    steps = [
        {"name": s.name, "at": s.at, "seconds": s.seconds, "allowed_s": s.allowed_s, "late": s.is_late, "by": s.by}
        for s in one.steps
    ]
    document: dict[str, Any] = jsonable(
        {
            "alert": alert.id, "node": alert.node, "rule": alert.rule, "severity": alert.severity,
            "inhibited_by": alert.inhibited_by, "detect_event_s": one.detect_event_s, "steps": steps, "told": told,
        }
    )  # fmt: skip
    return document


def report_csv(report: DrillReport) -> str:
    """A line a step and a line a message; a spreadsheet takes no cell for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for one in report.alerts:
        for line in _lines(one):
            cells = (STAMP, report.drill.id, one.alert.id, one.alert.node, *line)
            writer.writerow(["" if cell is None else plain_cell(cell) for cell in cells])
    return out.getvalue()


def _lines(one: AlertReport) -> Iterator[tuple[Any, ...]]:
    yield "detected by the copy's clock", "", one.detect_event_s, None, "", "", ""
    for step in one.steps:
        yield step.name, time_text(step.at), step.seconds, step.allowed_s, step.by, "", ""
    for told in one.told:
        of = told.delivery
        at = time_text(of.delivered_at)
        yield f"message {of.reason}", at, told.seconds, None, of.receiver, of.channel, of.state.value
