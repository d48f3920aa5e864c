"""What a program under test tells: at once, where people's routes and the brake would wait for minutes."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select

import alerts.notify.brake
from alerts.database import Database
from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import DutyEntries, EntryKind
from alerts.errors import EntryConflictError
from alerts.models import OutboxRow
from alerts.notify.models import LookRow, MemberRow, TellingRow
from alerts.records import Records
from alerts.routing.routes import GroupKey, Route
from alerts.values import Actor, Alert, DeliveryState, utc_now

CHANNEL = "test"
ROUTE = Route(
    targets=(f"channel:{CHANNEL}",), group_by=(GroupKey.NODE, GroupKey.CATEGORY), group_wait_s=0, group_interval_s=1
)
_GAPS_S = (0.0, 0.0, 0.05)


def tell_at_once(database: Database) -> None:
    """One route for all, as if somebody had set it before the first start, and a brake that lets go soon."""
    alerts.notify.brake._GAPS_S = alerts.notify.brake._BURST_GAPS_S = _GAPS_S  # type: ignore[assignment]  # noqa: SLF001
    with suppress(EntryConflictError):
        DutyEntries(database).put(EntryKind.ROUTE, "all", ROUTE, Actor("test"), expected_version=0)


def is_all_told(records: Records, desk: DutyDesk) -> bool:
    """Whether nothing waits: for a look, for the brake, for a channel, or for a group to tell of it."""
    waits = (
        select(LookRow.alert_id),
        select(TellingRow.id).where(TellingRow.sent_ms.is_(None)),
        select(OutboxRow.id).where(OutboxRow.state == DeliveryState.PENDING.value),
    )
    with records.database.reading() as session:
        if any(session.scalars(query.limit(1)).first() is not None for query in waits):
            return False
        untold = {*session.scalars(select(MemberRow.alert_id).where(MemberRow.told_ms.is_(None)))}
    return not any(_is_to_be_told(records.get_alert(alert_id), desk) for alert_id in untold)


def _is_to_be_told(alert: Alert, desk: DutyDesk) -> bool:
    """Whether a route would tell of it now: what another alert explains waits for that one's end."""
    return alert.is_active and any(not run.mutes for run in desk.dry_run(alert, utc_now()))
