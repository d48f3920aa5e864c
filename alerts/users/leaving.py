"""An account that goes: what it holds is handed on, its sessions and tokens end, all in one transaction.

Also the way back, and a password that an administrator gives.
"""

from __future__ import annotations

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.orm import Session

from alerts import audit
from alerts.database import Database
from alerts.drills.mark import with_drills
from alerts.models import AlertRow
from alerts.notices import forget, look_at, tell_person
from alerts.orders.handing_on import hand_on_orders
from alerts.rows import alert_of, ms_of
from alerts.users.accounts import check_not_last_admin, check_version, known_account, normal_name, set_password
from alerts.users.errors import AccountRefusedError, Refusal
from alerts.users.models import AccountRow, ThrottleRow
from alerts.users.passwords import Passwords, one_time_password
from alerts.users.roles import Permission
from alerts.users.rows import account_of, record
from alerts.users.sessions import end_sessions
from alerts.users.throttle import keys_of
from alerts.users.tokens import revoke_all
from alerts.users.values import Account, AccountAction, AccountState
from alerts.values import Action, Actor, Alert, Clock, NotifyReason

_ENDS = {AccountState.DISABLED: AccountAction.DISABLED, AccountState.DELETED: AccountAction.DELETED}


class Leaving:
    """Taking accounts out of use, and what happens to the alerts and orders they hold."""

    def __init__(self, database: Database, passwords: Passwords, clock: Clock) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock

    def held_by(self, name: str) -> tuple[Alert, ...]:
        """The active alerts that the account has, or is to see to, and that are not resolved, latest first."""
        with self._database.reading() as session:
            return tuple(alert_of(row) for row in session.scalars(_held(normal_name(name))))

    def leave(
        self, name: str, to: AccountState, actor: Actor, *, heir: str | None = None, expected_version: int | None = None
    ) -> Account:
        """Disable or delete it. Its alerts go to `heir`; with none they are nobody's again, and escalate anew.

        Raises:
            UnknownAccountError, AccountConflictError.
            AccountRefusedError: it is the last administrator, or the heir cannot handle alerts.
        """
        now_ms = ms_of(self._clock())
        with self._database.writing() as session:
            row = known_account(session, name)
            check_version(row, expected_version)
            check_not_last_admin(session, row)
            _hand_on(session, row.name, self._heir(session, heir, row), actor, now_ms)
            end_sessions(session, row, actor, now_ms)
            revoked = revoke_all(session, row, now_ms)
            row.state, row.version = to.value, row.version + 1
            if to is AccountState.DELETED:
                row.password_hash = ""
            record(session, now_ms, actor, row.name, _ENDS[to], tokens_revoked=revoked)
            return account_of(row)

    def hand_on(self, name: str, actor: Actor, heir: str | None) -> int:
        """Give the account's alerts to another one, or to nobody; how many. Raises: as `leave`."""
        with self._database.writing() as session:
            row = known_account(session, name)
            return _hand_on(session, row.name, self._heir(session, heir, row), actor, ms_of(self._clock()))

    @staticmethod
    def _heir(session: Session, heir: str | None, row: AccountRow) -> str | None:
        if heir is None:
            return None
        found = account_of(known_account(session, heir))
        may = found.state is AccountState.ACTIVE and Permission.ALERTS_HANDLE in found.granted
        if not may or found.id == row.id:
            raise AccountRefusedError(Refusal.HEIR, name=found.name)
        return found.name

    def enable(self, name: str, actor: Actor) -> str:
        """Let a disabled account in again, with a new one-time password: this one.

        Raises:
            UnknownAccountError; AccountRefusedError: it is not disabled.
        """
        given = one_time_password()
        made = self._passwords.hash(given)
        with self._database.writing() as session:
            row = known_account(session, name)
            if row.state != AccountState.DISABLED.value:
                raise AccountRefusedError(Refusal.STATE, name=row.name)
            row.state, row.version = AccountState.ACTIVE.value, row.version + 1
            record(session, ms_of(self._clock()), actor, row.name, AccountAction.ENABLED)
            self._give_password(session, row, made, actor)
        return given

    def give_password(self, name: str, actor: Actor) -> str:
        """A new one-time password; the old one and every session end. Raises: UnknownAccountError."""
        given = one_time_password()
        made = self._passwords.hash(given)
        with self._database.writing() as session:
            self._give_password(session, known_account(session, name), made, actor)
        return given

    def _give_password(self, session: Session, row: AccountRow, made: str, actor: Actor) -> None:
        now_ms = ms_of(self._clock())
        set_password(row, made, now_ms, must_change=True)
        of_account = next(iter(keys_of(row.name, "")))
        session.execute(delete(ThrottleRow).where(ThrottleRow.key == of_account))
        end_sessions(session, row, actor, now_ms)
        record(session, now_ms, actor, row.name, AccountAction.PASSWORD_GIVEN)


def _held(name: str) -> Select[AlertRow]:
    has = or_(AlertRow.acknowledged_by == name, AlertRow.assigned_to == name)
    held = select(AlertRow).where(AlertRow.is_active.is_(True), has, AlertRow.outcome.is_(None))
    return with_drills(held.order_by(AlertRow.detected_ms.desc()))


def _hand_on(session: Session, name: str, heir: str | None, actor: Actor, now_ms: int) -> int:
    hand_on_orders(session, name, heir, actor, now_ms)
    rows = session.scalars(_held(name).with_for_update()).all()
    for row in rows:
        _hand_over(row, name, heir, actor, now_ms)
        detail = {"from": name, "to": heir, "version": row.version, "severity": row.severity}
        audit.record(session, row.id, actor, Action.HANDED_ON, now_ms, detail)
        if heir is None:
            forget(session, row.id)  # nobody has it: it is told anew, from the first step on
            look_at(session, row.id, now_ms)
        elif heir != actor.name:
            tell_person(session, row, heir, NotifyReason.ASSIGNED, now_ms)
    if rows:
        handed = [row.id for row in rows]
        record(session, now_ms, actor, name, AccountAction.ALERTS_HANDED_ON, to=heir, alerts=handed)
    return len(rows)


def _hand_over(row: AlertRow, name: str, heir: str | None, actor: Actor, now_ms: int) -> None:
    if row.acknowledged_by == name:
        row.acknowledged_by, row.is_acknowledged = heir, heir is not None
        row.acknowledged_ms = now_ms if heir is not None else None
    if row.assigned_to == name:
        row.assigned_to = heir
        row.assigned_by, row.assigned_ms = (actor.name, now_ms) if heir is not None else (None, None)
    row.version, row.updated_ms = row.version + 1, now_ms
