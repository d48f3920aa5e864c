"""What the records give out and take in: frozen values, never database rows. Every time is an aware UTC datetime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from metering.incident import Category, Severity

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, aware, in UTC."""
    return datetime.now(UTC)


class AlertState(StrEnum):
    """What the rules say: the first of an alert's two independent axes."""

    ACTIVE = "active"
    CLEARED = "cleared"


class Outcome(StrEnum):
    """What people found an alert to be."""

    CONFIRMED = "confirmed"
    REPAIRED = "repaired"
    FALSE = "false"
    PLANNED_USE = "planned_use"
    METER_FAULT = "meter_fault"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where: `origin` is an address, a page, a token's name. No personal name is needed."""

    name: str
    origin: str = ""


RULES = Actor("rules", "rules")


@dataclass(frozen=True, slots=True)
class Alert:
    """One incident that people handle: what the rules say of it, and what people did with it.

    id, state      the incident's id; active or cleared, by the rules alone
    node           the smallest place the metering justifies; `subject` the meter or node that was judged
    observed       with `expected` in `unit`; None where a figure makes no sense (a dead meter)
    loss_rate      m3/h or kW above the expected; loss_total m3 or kWh since onset_at
    closed_at      when the meters cleared it, None while active
    inhibited_by   id of the alert that explains this one, else None
    acknowledged   people's axis: somebody has it; with by whom and when
    outcome        what people found it to be, with by whom and when; None until resolved
    assigned_to    who is to see to it, by whom that was said and when; an acknowledgement takes it where nobody has
    raised_at      when it was detected first; lists are in its order, so it never changes
    reopened       how often it came back after the meters had cleared it; `detected_at` and all figures are the
                   latest episode's, earlier ones stand in `Past.episodes_of`
    unstable       it comes and goes: joined into this one, and no longer told each time
    due_at         to be acknowledged by then; None without a deadline
    breaches       how many deadlines passed without anybody having it
    version        counts what people did (acknowledge, assign, resolve) and that it came back; figures of the rules
                   leave it alone
    comments       how many comments the audit trail holds
    updated_at     when the records last wrote it, by whomever
    drill          id of the drill it is of; None: it is real
    """

    id: str
    state: AlertState
    rule: str
    category: Category
    medium: str
    subject: str
    node: str
    severity: Severity
    detected_at: datetime
    onset_at: datetime
    closed_at: datetime | None
    observed: float | None
    expected: float | None
    unit: str
    loss_rate: float | None
    loss_total: float | None
    evidence: dict[str, Any]
    rules_revision: str
    inhibited_by: str | None
    acknowledged: bool
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    outcome: Outcome | None
    resolved_by: str | None
    resolved_at: datetime | None
    assigned_to: str | None
    assigned_by: str | None
    assigned_at: datetime | None
    raised_at: datetime
    reopened: int
    reopened_at: datetime | None
    unstable: bool
    due_at: datetime | None
    breaches: int
    version: int
    comments: int
    updated_at: datetime
    drill: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether the rules hold it for going on."""
        return self.state is AlertState.ACTIVE

    def is_overdue(self, now: datetime) -> bool:
        """Whether it goes on, nobody has it, and its time to be acknowledged is over."""
        is_waiting = self.is_active and not self.acknowledged and self.inhibited_by is None
        return is_waiting and self.due_at is not None and self.due_at <= now


class Action(StrEnum):
    """What an audit entry records: the rules' changes, then what people do."""

    RAISED = "raised"
    REOPENED = "reopened"  # by the rules: it came back; by a person: its outcome is taken back
    UPDATED = "updated"
    ESCALATED = "escalated"
    MOVED = "moved"
    INHIBITED = "inhibited"
    RELEASED = "released"
    CLEARED = "cleared"
    OVERDUE = "overdue"
    UNANSWERED = "unanswered"  # nobody acknowledged in time: the next step of its route is asked
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    COMMENTED = "commented"
    RESOLVED = "resolved"
    HANDED_ON = "handed_on"  # its holder's account goes, or an administrator says so
    WITHDRAWN = "withdrawn"  # its outcome was taken back


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of an alert's history; written once, never changed.

    at      when the records wrote it; `event_at` the event time of a rules' change, else None
    text    a person's comment or note
    detail  JSON-able: the figures, node, severity and rules' revision of a rules' change, the outcome of a resolve
    """

    id: int
    alert_id: str
    at: datetime
    event_at: datetime | None
    actor: str
    origin: str
    action: Action
    text: str
    detail: dict[str, Any]


EVERY_DRILL = "*"


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts: None means any.

    nodes       ids as they stand (a caller asks for a subtree by listing it)
    assigned_to an account; the empty text asks for those of nobody
    overdue_at  only those overdue at this moment
    search      only those that these words lead to
    drill       those of drills: none (False), too (True), only those (`EVERY_DRILL`), or only the drill of this id
    """

    state: AlertState | None = None
    category: Category | None = None
    medium: str | None = None
    nodes: tuple[str, ...] | None = None
    severity: Severity | None = None
    acknowledged: bool | None = None
    inhibited: bool | None = False
    assigned_to: str | None = None
    unstable: bool | None = None
    overdue_at: datetime | None = None
    search: Search | None = None
    drill: bool | str = False


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody typed, and the nodes and meters it names: an alert with one of them or with the text is meant.

    The text is looked for in ids, in who has it, and in what people wrote.
    """

    text: str
    nodes: tuple[str, ...] = ()
    meters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Alerts, latest `raised_at` first; `next_cursor` asks for the page after, None at the end."""

    items: tuple[Alert, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """Head of the list. All but `inhibited` leave inhibited alerts out; critical and unacknowledged are active ones."""

    active: int = 0
    unacknowledged: int = 0
    critical: int = 0
    cleared: int = 0
    inhibited: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of a rules shard after the entry `seq`, as bytes that only the shard reads."""

    seq: int
    code_revision: str
    rules_revision: str
    blob: bytes = field(repr=False)
    at: datetime | None = None


class NotifyReason(StrEnum):
    """Why somebody is told."""

    RAISED = "raised"
    REOPENED = "reopened"
    ASSIGNED = "assigned"  # to the account that is told
    ESCALATED = "escalated"  # its severity rose
    CLEARED = "cleared"
    UNANSWERED = "unanswered"  # nobody acknowledged in time: the next step is asked
    REPEATED = "repeated"  # still active, and nobody has it
    DIGEST = "digest"
    ORDER = "order"  # a work order without an alert, to the account that it is given to
    ROSTER = "roster"  # hours that nobody has
    TEST = "test"


class DeliveryState(StrEnum):
    """Where a notification stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # the channel refused it for good
    WITHDRAWN = "withdrawn"  # its alert was inhibited before it went out


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification on one channel. `id` is the stable one that the receiver sees on every attempt.

    alert_id  the weightiest of its alerts, None where it tells of none
    receiver  `person:NAME` or `channel:NAME`; `address` where on the channel, empty: the channel's own
    detail    JSON-able: why this receiver is told, and what a digest or test says
    drill     id of the drill it is of; None: it is real
    """

    id: str
    alert_id: str | None
    channel: str
    reason: NotifyReason
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last_error: str
    receiver: str = ""
    address: str = ""
    language: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    drill: str | None = None


@dataclass(frozen=True, slots=True)
class NotifyPolicy:
    """Who is told of what: the names of the channels, and the reasons for which they are.

    is_routed  changes are only noted; routes, roster and groups decide who is told (`alerts.notify.dispatch`)
    """

    channels: tuple[str, ...] = ()
    reasons: frozenset[NotifyReason] = frozenset({NotifyReason.RAISED, NotifyReason.REOPENED, NotifyReason.ESCALATED})
    is_routed: bool = False
