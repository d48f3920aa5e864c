"""Rows of accounts as values, and the lines of their audit as they are written."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from alerts.rows import moment_of
from alerts.users.models import AccountAuditRow, AccountRow, SessionRow, TokenRow
from alerts.users.roles import Permission, Role
from alerts.users.values import Account, AccountAction, AccountEntry, AccountState, Origin, SessionInfo, TokenInfo
from alerts.values import Actor


def account_of(row: AccountRow) -> Account:
    """The account that a row holds."""
    return Account(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        nodes=tuple(row.nodes),
        state=AccountState(row.state),
        must_change=row.must_change,
        created_at=moment_of(row.created_ms),
        password_at=moment_of(row.password_ms),
        signed_in_at=None if row.signed_in_ms is None else moment_of(row.signed_in_ms),
        version=row.version,
        has_password=bool(row.password_hash),
    )


def session_of(row: SessionRow, account: str) -> SessionInfo:
    """The session that a row holds."""
    created, seen, expires = moment_of(row.created_ms), moment_of(row.seen_ms), moment_of(row.expires_ms)
    return SessionInfo(row.id, account, created, seen, expires, Origin(row.address, row.agent), row.provider)


def token_of(row: TokenRow, account: str) -> TokenInfo:
    """The token that a row holds. A scope that this program does not know any more gives nothing."""
    return TokenInfo(
        id=row.id,
        account=account,
        name=row.name,
        scopes=frozenset(Permission(s) for s in row.scopes if s in Permission.__members__.values()),
        created_at=moment_of(row.created_ms),
        expires_at=moment_of(row.expires_ms),
        used_at=None if row.used_ms is None else moment_of(row.used_ms),
        revoked_at=None if row.revoked_ms is None else moment_of(row.revoked_ms),
    )


def entry_of(row: AccountAuditRow) -> AccountEntry:
    """The line of the audit that a row holds."""
    action = AccountAction(row.action)
    return AccountEntry(row.id, moment_of(row.at_ms), row.actor, row.origin, row.account, action, row.detail)


def record(session: Session, at_ms: int, actor: Actor, account: str, action: AccountAction, /, **detail: Any) -> None:
    """Write a line of the audit."""
    session.add(
        AccountAuditRow(
            at_ms=at_ms, actor=actor.name, origin=actor.origin, account=account, action=action.value, detail=detail
        )
    )
