"""The records database: alerts, audit, outbox, snapshots. Thread-safe; every write is one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.values import (
    Actor,
    Alert,
    AlertCounts,
    AlertFilter,
    AlertPage,
    AuditEntry,
    Clock,
    Delivery,
    NotifyPolicy,
    Outcome,
    Snapshot,
    utc_now,
)
from metering.incident import IncidentChange

EVERY_ALERT = AlertFilter()


class Records:
    """The records of one site at an SQLAlchemy URL, e.g. `sqlite:///DATA/records.db`."""

    def __init__(self, url: str, *, clock: Clock = utc_now, policy: NotifyPolicy | None = None) -> None:
        raise NotImplementedError

    def migrate(self) -> None:
        """Bring the database to this program's schema; call once, before all else."""
        raise NotImplementedError

    def close(self) -> None:
        """Give the connections back."""
        raise NotImplementedError

    def apply(
        self, changes: Sequence[IncidentChange], applied_seq: int, *, is_muted: bool = False
    ) -> tuple[Alert, ...]:
        """Write what the entry `applied_seq` changed, in one transaction; the alerts as they are now.

        Seen before (at or below `applied_seq()`): nothing happens and nothing is returned. `is_muted` leaves
        the outbox out (history brought in); `notify_open` makes up for what is still open then.
        """
        raise NotImplementedError

    def applied_seq(self) -> int:
        """The journal position up to which changes are written; 0 at first."""
        raise NotImplementedError

    def notify_open(self) -> int:
        """A notification for each active, not inhibited alert nobody was told of yet; how many. May be repeated."""
        raise NotImplementedError

    def save_snapshot(self, seq: int, code_revision: str, rules_revision: str, blob: bytes) -> None:
        """Keep the shard's state after entry `seq`; the last three are kept."""
        raise NotImplementedError

    def latest_snapshot(self) -> Snapshot | None:
        """The snapshot of the highest sequence."""
        raise NotImplementedError

    def get_alert(self, alert_id: str) -> Alert:
        """Raises: UnknownAlertError."""
        raise NotImplementedError

    def find_alerts(
        self, wanted: AlertFilter = EVERY_ALERT, *, cursor: str | None = None, limit: int = 50
    ) -> AlertPage:
        """Raises: CursorError, RefusedError (limit not in 1..500)."""
        raise NotImplementedError

    def count_alerts(self, nodes: Sequence[str] | None = None) -> AlertCounts:
        """The head of the list, of the whole site or of these nodes."""
        raise NotImplementedError

    def acknowledge(self, alert_id: str, actor: Actor, *, note: str = "", expected_version: int | None = None) -> Alert:
        """Somebody says: I have it. By the same person again: nothing changes.

        Raises: UnknownAlertError; ConflictError (somebody else has it, or the version is another); RefusedError.
        """
        raise NotImplementedError

    def comment(self, alert_id: str, actor: Actor, text: str) -> Alert:
        """Raises: UnknownAlertError; RefusedError (empty, or over 4,000 characters). Never conflicts."""
        raise NotImplementedError

    def resolve(
        self, alert_id: str, actor: Actor, outcome: Outcome, *, note: str = "", expected_version: int | None = None
    ) -> Alert:
        """What it was. Acknowledges too; active or cleared stays the rules' word. A later outcome replaces it.

        Raises: UnknownAlertError; ConflictError (version, or resolved by somebody else and no version given).
        """
        raise NotImplementedError

    def audit_of(self, alert_id: str) -> tuple[AuditEntry, ...]:
        """The alert's history, oldest first. Raises: UnknownAlertError."""
        raise NotImplementedError

    def deliveries_of(self, alert_id: str) -> tuple[Delivery, ...]:
        """Who was told of the alert, oldest first."""
        raise NotImplementedError

    def recent_deliveries(self, limit: int = 100) -> tuple[Delivery, ...]:
        """The latest notifications, newest first."""
        raise NotImplementedError
