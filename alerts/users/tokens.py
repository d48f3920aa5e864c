"""API tokens: made for programs, with scopes and an end, shown once. Thread-safe; every write is one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.rows import moment_of, ms_of
from alerts.texts import is_storable
from alerts.users.accounts import known_account
from alerts.users.errors import AccountRefusedError, Refusal, UnknownAccountError
from alerts.users.models import AccountRow, TokenRow
from alerts.users.roles import TOKEN_SCOPES, Permission
from alerts.users.rows import account_of, record, token_of
from alerts.users.sessions import digest_of
from alerts.users.values import Account, AccountAction, AccountState, TokenInfo
from alerts.values import Actor, Clock

PREFIX = "av_"  # so that scanners find one that was published by mistake
LONGEST_DAYS = 730
_MOST = 50
_LONGEST_NAME = 60
_TOUCH_MS = 60_000


class Tokens:
    """What programs send as `Authorization: Bearer`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def make(self, name: str, label: str, scopes: Iterable[str], days: int, actor: Actor) -> tuple[str, TokenInfo]:
        """A token of the account: its secret, shown this once, and the rest.

        Raises:
            UnknownAccountError, AccountRefusedError: what of it is not allowed, and what is.
        """
        label = label.strip()
        if not 0 < len(label) <= _LONGEST_NAME or not is_storable(label):
            raise AccountRefusedError(Refusal.TOKEN_NAME, longest=_LONGEST_NAME)
        if not 1 <= days <= LONGEST_DAYS:
            raise AccountRefusedError(Refusal.TOKEN_DAYS, most=LONGEST_DAYS)
        now_ms, secret = ms_of(self._clock()), PREFIX + secrets.token_urlsafe(32)
        with self._database.writing() as session:
            account = known_account(session, name)
            chosen = _checked_scopes(scopes, account_of(account))
            _check_room(session, account, now_ms)
            row = TokenRow(
                digest=digest_of(secret), account_id=account.id, name=label, scopes=sorted(chosen),
                created_ms=now_ms, expires_ms=now_ms + days * timedelta(days=1) // timedelta(milliseconds=1),
            )  # fmt: skip
            session.add(row)
            session.flush()
            record(
                session, now_ms, actor, name, AccountAction.TOKEN_MADE,
                token=row.id, name=label, scopes=row.scopes, days=days,
            )  # fmt: skip
            return secret, token_of(row, name)

    def identify(self, secret: str) -> tuple[Account, TokenInfo] | None:
        """Whose token it is, if it still lets in and its account is active."""
        if not secret.startswith(PREFIX):
            return None
        now = self._clock()
        query = select(TokenRow, AccountRow).join(AccountRow).where(TokenRow.digest == digest_of(secret))
        with self._database.reading() as session:
            found = session.execute(query).one_or_none()
            if found is None:
                return None
            account = account_of(found[1])
            token, used_ms = token_of(found[0], account.name), found[0].used_ms
        if not token.is_usable(now) or account.state is not AccountState.ACTIVE:
            return None
        if used_ms is None or ms_of(now) - used_ms >= _TOUCH_MS:
            with self._database.writing() as session:
                session.execute(update(TokenRow).where(TokenRow.id == token.id).values(used_ms=ms_of(now)))
        return account, token

    def list(self, name: str) -> tuple[TokenInfo, ...]:
        """The account's tokens, newest first, those that are revoked or over too."""
        query = select(TokenRow).join(AccountRow).where(AccountRow.name == name).order_by(TokenRow.id.desc())
        with self._database.reading() as session:
            return tuple(token_of(row, name) for row in session.scalars(query))

    def revoke(self, name: str, token_id: int, actor: Actor) -> None:
        """Let nobody in by it any more.

        Raises:
            UnknownAccountError: the account has no such token.
        """
        with self._database.writing() as session:
            account = known_account(session, name)
            row = session.get(TokenRow, token_id)
            if row is None or row.account_id != account.id:
                raise UnknownAccountError("this account has no such token")
            if row.revoked_ms is None:
                row.revoked_ms = ms_of(self._clock())
                record(session, row.revoked_ms, actor, name, AccountAction.TOKEN_REVOKED, token=row.id, name=row.name)


def revoke_all(session: Session, account: AccountRow, now_ms: int) -> int:
    """Revoke the account's tokens within an open transaction; how many there were."""
    living = (TokenRow.account_id == account.id, TokenRow.revoked_ms.is_(None))
    revoking = update(TokenRow).where(*living).values(revoked_ms=now_ms).returning(TokenRow.id)
    return len(session.scalars(revoking).all())


def _checked_scopes(given: Iterable[str], account: Account) -> set[Permission]:
    own = account.granted  # a program's account may never sign in with its password
    allowed = [scope for scope in TOKEN_SCOPES if scope in own]
    chosen = {scope for scope in allowed if scope.value in set(given)}
    if not chosen or len(chosen) != len(set(given)):
        raise AccountRefusedError(Refusal.TOKEN_SCOPES, name=account.name, allowed=", ".join(allowed) or "–")
    return chosen


def _check_room(session: Session, account: AccountRow, now_ms: int) -> None:
    rows = session.scalars(select(TokenRow).where(TokenRow.account_id == account.id, TokenRow.revoked_ms.is_(None)))
    if sum(moment_of(row.expires_ms) > moment_of(now_ms) for row in rows) >= _MOST:
        raise AccountRefusedError(Refusal.TOKEN_MANY, most=_MOST)
