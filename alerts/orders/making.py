"""What an order is of: an alert, a person's report, the office's own; from its making on. Within one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from sqlalchemy import select

from alerts.actions import LONGEST_TEXT, checked_name, checked_text
from alerts.deadlines import is_burst
from alerts.desk_policy import RepairTimes
from alerts.drills.mark import with_drills
from alerts.drills.models import DrillRow
from alerts.errors import RefusedError
from alerts.models import AlertRow
from alerts.orders.errors import OrderStateError
from alerts.orders.hand import OrderHand
from alerts.orders.models import OrderRow
from alerts.orders.reporting import link_report
from alerts.orders.states import UNFINISHED, OrderState
from alerts.orders.values import OrderAction
from alerts.playbook import Playbook
from alerts.rows import alert_of, moment_of, ms_of
from alerts.texts import is_storable
from alerts.values import Alert, Outcome
from alerts.words import Language
from metering.incident import Severity
from metering.site import Site

MOST_LINES = 40
LONGEST_TITLE = 200
_RANK = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
# What to do about water that somebody saw running, where no meter said anything.
REPORT_STEPS: tuple[tuple[str, str], ...] = (
    ("到现场找到出水点，先拍照。", "Go there, find where the water comes from, and take a photo first."),
    ("能关的阀门先关，避免继续漏水。", "Close the nearest valve if there is one, so that no more is lost."),
    ("修复后拍照，并写明更换的部件。", "After the repair take a photo, and write down the parts that were changed."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What is given of a new order; what is not comes from its alert or report.

    assignee   who works on it; `owner` who answers for it, else whoever opens it
    checklist  lines in the words of whoever opens it; None: the playbook's
    """

    alert_id: str | None = None
    report_id: int | None = None
    node: str | None = None
    title: str = ""
    words: str = ""
    severity: Severity | None = None
    owner: str | None = None
    assignee: str | None = None
    due_at: datetime | None = None
    checklist: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What new orders stand on: the site as it is now, the playbook, the times of the desk's policy."""

    site: Callable[[], Site]
    playbook: Playbook
    times: RepairTimes


def open_order(hand: OrderHand, new: NewOrder, ground: Ground, sees_node: Callable[[str], bool]) -> OrderRow:
    """Write it, and take its alert or report along.

    Raises:
        UnknownAlertError, UnknownReportError; OrderStateError: there is one of this alert already; RefusedError.
    """
    alert = None if new.alert_id is None else _taken(hand, new.alert_id)
    row = _row(hand, new, ground, alert)
    report = None
    if new.report_id is not None:
        report = link_report(hand.session, new.report_id, hand.person.actor.name, hand.now_ms, sees_node)
        row.node, row.words = row.node or report.node, row.words or report.words
    if alert is None and not (row.node in ground.site().nodes and sees_node(row.node)):
        raise RefusedError("an order needs a place of the site, an alert or a report")
    hand.session.add(row)
    hand.session.flush()
    if report is not None:
        report.order_id, report.drill = row.id, row.drill
    if new.assignee is not None:
        hand.give(row, checked_name(new.assignee))
    hand.write(
        row, OrderAction.CREATED, is_new_version=False,
        alert_id=row.alert_id, report_id=new.report_id, node=row.node, due_ms=row.due_ms,
    )  # fmt: skip
    return row


def attach_alert(hand: OrderHand, order_id: int, alert_id: str, expected: int | None) -> OrderRow:
    """The meters see it too: from here on the order ends only when they agree. As urgent as the worse of both.

    Raises:
        UnknownOrderError, UnknownAlertError, OrderConflictError; OrderStateError: it is of an alert already or over, or
        the alert has an order; RefusedError: the alert is a drill's.
    """
    row = hand.seen(order_id)
    if row.alert_id == alert_id:
        return row
    hand.check_version(row, expected)
    if row.alert_id is not None or OrderState(row.state) not in (*UNFINISHED, OrderState.DONE):
        raise OrderStateError(f"the order {row.id} is {row.state}, of the alert {row.alert_id}: it takes no alert")
    alert = _taken(hand, alert_id)
    if alert.drill is not None:
        raise RefusedError("a drill's alert is none that people reported: open an order of its own for it")
    row.alert_id = alert.id
    row.severity = min(Severity(row.severity), Severity(alert.severity), key=_RANK.index).value
    if row.assignee is not None:
        hand.link.hand_over(alert.id, row.assignee)
    hand.write(row, OrderAction.CHANGED, changed={"alert_id": alert.id}, was={"alert_id": None})
    if row.state == OrderState.DONE.value and row.outcome is not None:
        hand.link.resolve(alert.id, Outcome(row.outcome))
        hand.agree_if_cleared(row)
    return row


def _taken(hand: OrderHand, alert_id: str) -> AlertRow:
    row = hand.link.take(alert_id)
    drill = None if row.drill is None else hand.session.get(DrillRow, row.drill)
    if drill is not None and drill.ended_ms is not None:
        raise OrderStateError(f"the drill {row.drill} is over: there is nothing to mend", "drill_over")
    unfinished = select(OrderRow.id).where(OrderRow.alert_id == row.id, OrderRow.state != OrderState.CLOSED.value)
    if (known := hand.session.scalars(with_drills(unfinished.limit(1))).one_or_none()) is not None:
        raise OrderStateError(f"there is an order of this alert already: {known}", "exists")
    return row


def _row(hand: OrderHand, new: NewOrder, ground: Ground, alert: AlertRow | None) -> OrderRow:
    severity = new.severity or (Severity.WARNING if alert is None else Severity(alert.severity))
    given = {"title": checked_text(new.title, "a title", LONGEST_TITLE)}
    given["words"] = checked_text(new.words, "what is to be done", LONGEST_TEXT)
    due = new.due_at or moment_of(hand.now_ms) + repair_time(
        severity, ground.times, burst=alert is not None and is_burst(alert)
    )
    name = hand.person.actor.name
    node = new.node or "" if alert is None else alert.node
    return OrderRow(
        state=OrderState.OPEN.value, alert_id=new.alert_id, drill=None if alert is None else alert.drill, node=node,
        severity=severity.value,
        owner=checked_name(new.owner or name), created_by=name, created_ms=hand.now_ms, due_ms=ms_of(due),
        rating_words="", checklist=_checklist(new, ground, None if alert is None else alert_of(alert)),
        reopened=0, photos=0, version=1,
        updated_ms=hand.now_ms, **given,
    )  # fmt: skip


def repair_time(severity: Severity, times: RepairTimes, *, burst: bool = False) -> timedelta:
    """How long the work may take, by the desk's policy."""
    hours = times.burst if burst else getattr(times, severity.value)
    return timedelta(hours=hours)


def _checklist(new: NewOrder, ground: Ground, alert: Alert | None) -> list[dict[str, Any]]:
    """Raises: RefusedError."""
    if new.checklist is not None:
        if len(new.checklist) > MOST_LINES or not all(t.strip() and is_storable(t) for t in new.checklist):
            raise RefusedError(f"a checklist has at most {MOST_LINES} lines, none of them empty")
        lines = [(checked_text(text, "a line", LONGEST_TITLE),) * 2 for text in new.checklist]
    elif alert is None:
        lines = list(REPORT_STEPS)
    else:
        site = ground.site()
        chinese, english = (ground.playbook.steps(alert, site, lang) for lang in (Language.ZH_CN, Language.EN))
        lines = [(zh or en, en or zh) for zh, en in zip_longest(chinese, english, fillvalue="")]
    return [{"texts": {Language.ZH_CN.value: zh, Language.EN.value: en}} for zh, en in lines]
