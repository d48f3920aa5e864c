"""The records database: alerts, audit, outbox, snapshots. Thread-safe; every write is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts import policy_book, positions
from alerts.changes import ChangeWriter
from alerts.deadlines import OfficeDays
from alerts.desk import Desk
from alerts.drills.mark import WITH_DRILLS, with_drills
from alerts.errors import UnknownAlertError
from alerts.listing import NONE_KNOWN, counts_of, page_of
from alerts.models import AlertRow, AuditRow, OutboxAlertRow, OutboxRow
from alerts.notices import enqueue, look_at, untold
from alerts.orders.meters import settle
from alerts.overdue import Terms
from alerts.reconciling import reconcile, record_passed
from alerts.rows import alert_of, audit_entry_of, delivery_of, ms_of, snapshot_of
from alerts.texts import is_storable
from alerts.values import (
    Alert,
    AlertCounts,
    AlertFilter,
    AlertPage,
    AuditEntry,
    Clock,
    Delivery,
    NotifyPolicy,
    NotifyReason,
    Snapshot,
    utc_now,
)
from metering.incident import Incident, IncidentChange

EVERY_ALERT = AlertFilter()


class Records(Desk):
    """The records of one site at an SQLAlchemy URL, e.g. `sqlite:///DATA/records.db`.

    What the rules and programs write and everybody reads stands here, what people do in `Desk`.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = utc_now,
        policy: NotifyPolicy | None = None,
        days: OfficeDays | None = None,
    ) -> None:
        """Raises: RecordsError if the URL is none that is known."""
        super().__init__(url, clock=clock, days=days)
        self._policy = policy or NotifyPolicy()
        self._seen = 0  # entries without a change: not worth a transaction each, written with the next change

    def migrate(self) -> None:
        """Bring the database to this program's schema; call once, before all else."""
        self.database.migrate()

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()

    def apply(
        self, changes: Sequence[IncidentChange], applied_seq: int, *, is_muted: bool = False
    ) -> tuple[Alert, ...]:
        """Write what the entry `applied_seq` changed, in one transaction; the alerts as they are now.

        Seen before (at or below `applied_seq()`): nothing happens and nothing is returned. `is_muted` leaves
        the outbox out (history brought in); `notify_open` makes up for what is still open then.
        """
        if not changes:
            self._seen = max(self._seen, applied_seq)
            return ()
        with self.database.writing() as session:
            if not positions.advance(session, applied_seq):
                return ()
            told = None if is_muted else self._policy
            writer = ChangeWriter(session, told, self._terms(session), str(applied_seq), self._now_ms())
            rows = {row.id: row for row in (writer.write(i, change) for i, change in enumerate(changes))}
            self._settle_orders(session)
            return tuple(alert_of(row) for row in rows.values())

    def reconcile(
        self, incidents: Sequence[Incident], applied_seq: int, at: datetime, *, passed: Sequence[Incident] = ()
    ) -> tuple[Alert, ...]:
        """Bring the open alerts in line with a state that was rebuilt (code or rules changed) up to `applied_seq`.

        `incidents` are those the rebuilt state holds open. An alert goes on when its incident is among them, by id
        or else by key (category, medium, node), with what people did; one that is not is cleared at `at`; an
        incident that no alert stands for is raised and told. `passed` ones, begun and ended unseen, are recorded and
        told to nobody. Doing it again changes nothing. The changed alerts.
        """
        with self.database.writing() as session:
            positions.advance(session, applied_seq)
            terms, now_ms = self._terms(session), self._now_ms()
            writer = ChangeWriter(session, self._policy, terms, f"rebuilt-{applied_seq}", now_ms)
            silent = ChangeWriter(session, None, terms, f"passed-{applied_seq}", now_ms)
            rows = reconcile(session, writer, incidents, ms_of(at)) + record_passed(session, silent, passed)
            self._settle_orders(session)
            return tuple(alert_of(row) for row in rows)

    def applied_seq(self) -> int:
        """The journal position up to which changes are written; 0 at first."""
        with self.database.reading() as session:
            return positions.applied_seq(session)

    def notify_open(self) -> int:
        """A notification for each active, not inhibited alert nobody was told of yet; how many. May be repeated.

        Their deadlines run from now.
        """
        with self.database.writing() as session:
            found, terms, now_ms = untold(session), self._terms(session), self._now_ms()
            for row in found:
                if not row.is_acknowledged and row.due_ms is None:
                    terms.start(row, now_ms)
                if self._policy.is_routed:  # all at one moment, so that their groups are told in one message
                    look_at(session, row.id, now_ms)
                else:
                    enqueue(session, self._policy, row, NotifyReason.RAISED, cause="open", now_ms=now_ms)
            return len(found)

    def save_snapshot(self, seq: int, code_revision: str, rules_revision: str, blob: bytes) -> None:
        """Keep the shard's state after entry `seq`; the last three are kept."""
        with self.database.writing() as session:
            positions.keep(session, Snapshot(seq, code_revision, rules_revision, blob), self._now_ms())
            positions.advance(session, min(seq, self._seen))

    def latest_snapshot(self) -> Snapshot | None:
        """The snapshot of the highest sequence."""
        with self.database.reading() as session:
            row = positions.newest(session)
            return None if row is None else snapshot_of(row)

    def get_alert(self, alert_id: str) -> Alert:
        """Raises: UnknownAlertError."""
        with self.database.reading() as session:
            return alert_of(_known(session, alert_id))

    def find_alerts(
        self, wanted: AlertFilter = EVERY_ALERT, *, cursor: str | None = None, limit: int = 50,
        known: Mapping[str, Alert] = NONE_KNOWN,
    ) -> AlertPage:  # fmt: skip
        """Of alerts `known` from before only what changed is read. Raises: CursorError, RefusedError (limit 1..500)."""
        with self.database.reading() as session:
            return page_of(session, wanted, cursor, limit, known)

    def count_alerts(self, nodes: Sequence[str] | None = None, assignee: str | None = None) -> AlertCounts:
        """The head of the list, of the whole site or of these nodes, of any or of one account's alerts."""
        with self.database.reading() as session:
            return counts_of(session, nodes, assignee)

    def latest_change(self) -> int:
        """The number of the last audited change of any alert; 0 before the first."""
        with self.database.reading() as session:
            return session.scalar(select(func.max(AuditRow.id))) or 0

    def audit_of(self, alert_id: str) -> tuple[AuditEntry, ...]:
        """The alert's history, oldest first. Raises: UnknownAlertError."""
        with self.database.reading() as session:
            _known(session, alert_id)
            query = select(AuditRow).where(AuditRow.alert_id == alert_id).order_by(AuditRow.id)
            return tuple(audit_entry_of(row) for row in session.scalars(query))

    def deliveries_of(self, alert_id: str) -> tuple[Delivery, ...]:
        """Who was told of the alert, oldest first. Raises: UnknownAlertError."""
        told = select(OutboxAlertRow.outbox_id).where(OutboxAlertRow.alert_id == alert_id)
        query = select(OutboxRow).where(OutboxRow.id.in_(told))
        with self.database.reading() as session:
            _known(session, alert_id)
            rows = session.scalars(with_drills(query.order_by(OutboxRow.created_ms, OutboxRow.id)))
            return tuple(delivery_of(row) for row in rows)

    def recent_deliveries(self, limit: int = 100) -> tuple[Delivery, ...]:
        """The latest notifications, newest first."""
        query = select(OutboxRow).order_by(OutboxRow.created_ms.desc(), OutboxRow.id.desc()).limit(limit)
        with self.database.reading() as session:
            return tuple(delivery_of(row) for row in session.scalars(query))

    def _settle_orders(self, session: Session) -> None:
        settle(session, self._now_ms(), policy_book.current(session).policy)

    def _terms(self, session: Session) -> Terms:
        return Terms(policy_book.current(session).policy, self._days)


def _known(session: Session, alert_id: str) -> AlertRow:
    found = is_storable(alert_id)
    row = session.get(AlertRow, alert_id, execution_options=WITH_DRILLS) if found else None
    if row is None:
        raise UnknownAlertError(alert_id)
    return row
