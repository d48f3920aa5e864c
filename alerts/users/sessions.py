"""Signing in with a password, and the sessions that come of it. Thread-safe; every write is one transaction."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.rows import ms_of
from alerts.users import throttle
from alerts.users.accounts import find_account, known_account, normal_name, set_password
from alerts.users.errors import AccountRefusedError, Refusal, UnknownAccountError, WrongPasswordError
from alerts.users.models import AccountRow, SessionRow
from alerts.users.passwords import Passwords, check_password
from alerts.users.roles import Role
from alerts.users.rows import account_of, record, session_of
from alerts.users.values import Account, AccountAction, AccountState, Origin, SessionInfo, SignedIn
from alerts.values import Actor, Clock

LONGEST = timedelta(days=30)
_IDLE = timedelta(days=7)
_IDLE_ADMIN = timedelta(hours=12)
_TOUCH_MS = 60_000  # how old `seen_ms` may be: a write a minute and session, not one a request
_LONGEST_AGENT = 200


def digest_of(secret: str) -> str:
    """The form in which a session's or token's secret is kept. It is long and random, so no salt is needed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class Sessions:
    """Who is signed in, at which browser."""

    def __init__(self, database: Database, passwords: Passwords, clock: Clock) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock

    def sign_in(self, name: str, password: str, origin: Origin, *, replaces: str = "") -> SignedIn:
        """A new session. `replaces`: the secret of one that the same browser had; it ends.

        Raises:
            WrongPasswordError: no such account, not active, or another password.
            ThrottledError: too many of those.
        """
        given = normal_name(name)
        kept = self._attempt(given, origin)
        is_right = self._passwords.matches(password, kept)
        with self._database.writing() as session:
            row = find_account(session, given)
            # Whoever disabled it or gave it another password while this one was looked at came first.
            if row is not None and is_right and row.state == AccountState.ACTIVE.value and row.password_hash == kept:
                throttle.succeeded(session, throttle.keys_of(given, origin.address))
                session.execute(delete(SessionRow).where(SessionRow.digest == digest_of(replaces)))
                return open_session(session, row, origin, self._now_ms())
            # A name that is no account's may be a password in the wrong field.
            known = "" if row is None else row.name
            record(session, self._now_ms(), Actor(known, origin.address), known, AccountAction.SIGN_IN_REFUSED)
        raise WrongPasswordError

    def _attempt(self, name: str, origin: Origin) -> str:
        with self._database.writing() as session:
            throttle.begin(session, throttle.keys_of(name, origin.address), self._now_ms())
            row = find_account(session, name)
            return row.password_hash if row is not None and row.state == AccountState.ACTIVE.value else ""

    def identify(self, secret: str) -> tuple[Account, SessionInfo] | None:
        """Whose session it is, if it still is one: not too old, not unused for too long, its account active."""
        now_ms = self._now_ms()
        query = select(SessionRow, AccountRow).join(AccountRow).where(SessionRow.digest == digest_of(secret))
        with self._database.reading() as session:
            found = session.execute(query).one_or_none()
            if found is None:
                return None
            row, account = found[0], _standing(found[1], found[0].provider)
            idle = (_IDLE_ADMIN if account.role is Role.ADMIN else _IDLE) // timedelta(milliseconds=1)
            if now_ms >= min(row.expires_ms, row.seen_ms + idle) or account.state is not AccountState.ACTIVE:
                return None
            info = session_of(row, account.name)
            is_stale = now_ms - row.seen_ms >= _TOUCH_MS
        if is_stale:
            self._touch(info.id, now_ms)
        return account, info

    def _touch(self, session_id: int, now_ms: int) -> None:
        with self._database.writing() as session:
            row = session.get(SessionRow, session_id)
            if row is not None:
                row.seen_ms = now_ms

    def list(self, name: str) -> tuple[SessionInfo, ...]:
        """The account's sessions, newest first."""
        query = select(SessionRow, AccountRow.name).join(AccountRow).where(AccountRow.name == name)
        with self._database.reading() as session:
            rows = session.execute(query.order_by(SessionRow.id.desc()))
            return tuple(session_of(row, account) for row, account in rows)

    def end(self, name: str, session_id: int, actor: Actor) -> None:
        """End one session of the account: sign out, or another browser.

        Raises:
            UnknownAccountError: the account has no such session.
        """
        with self._database.writing() as session:
            account = known_account(session, name)
            row = session.get(SessionRow, session_id)
            if row is None or row.account_id != account.id:
                raise UnknownAccountError("this session has ended already")
            session.delete(row)
            record(session, self._now_ms(), actor, name, AccountAction.SIGNED_OUT, session=session_id)

    def end_all(self, name: str, actor: Actor, *, but: int | None = None) -> int:
        """Sign the account out everywhere, or everywhere else; how many sessions ended."""
        with self._database.writing() as session:
            account = known_account(session, name)
            return end_sessions(session, account, actor, self._now_ms(), but=but)

    def change_password(self, name: str, old: str, new: str, origin: Origin) -> SignedIn:
        """Set one's own password. Every session of the account ends; the one that is given goes on in their place.

        Raises:
            WrongPasswordError, ThrottledError: the old one is not right.
            AccountRefusedError: the new one is not allowed, or is the old one.
        """
        kept = self._attempt(name, origin)
        if not self._passwords.matches(old, kept):
            with self._database.writing() as session:
                record(session, self._now_ms(), Actor(name, origin.address), name, AccountAction.SIGN_IN_REFUSED)
            raise WrongPasswordError
        check_password(new, name)
        if self._passwords.matches(new, kept):
            raise AccountRefusedError(Refusal.PASSWORD_SAME)
        made, now_ms = self._passwords.hash(new), self._now_ms()
        actor = Actor(name, origin.address)
        with self._database.writing() as session:
            row = known_account(session, name)
            if row.password_hash != kept:
                raise WrongPasswordError
            throttle.succeeded(session, throttle.keys_of(name, origin.address))
            set_password(row, made, now_ms, must_change=False)
            record(session, now_ms, actor, name, AccountAction.PASSWORD_CHANGED)
            end_sessions(session, row, actor, now_ms)
            return open_session(session, row, origin, now_ms)

    def _now_ms(self) -> int:
        return ms_of(self._clock())


def open_session(
    session: Session, row: AccountRow, origin: Origin, now_ms: int, *, provider: str = "", hint: str = ""
) -> SignedIn:
    """A new session within an open transaction. `provider`: where the person signed in; empty: here."""
    secret = secrets.token_urlsafe(32)
    session.execute(delete(SessionRow).where(SessionRow.expires_ms <= now_ms))
    opened = SessionRow(
        digest=digest_of(secret), account_id=row.id, created_ms=now_ms, seen_ms=now_ms,
        expires_ms=now_ms + LONGEST // timedelta(milliseconds=1),
        address=origin.address, agent=origin.agent[:_LONGEST_AGENT], provider=provider, hint=hint,
    )  # fmt: skip
    row.signed_in_ms = now_ms
    session.add(opened)
    session.flush()
    where = {"provider": provider} if provider else {}
    actor = Actor(row.name, origin.address)
    record(session, now_ms, actor, row.name, AccountAction.SIGNED_IN, session=opened.id, **where)
    return SignedIn(secret, _standing(row, provider), session_of(opened, row.name))


def _standing(row: AccountRow, provider: str) -> Account:
    """The account as the session has it: whoever came from a provider has used no password that must be changed."""
    account = account_of(row)
    return replace(account, must_change=False) if provider else account


def end_sessions(session: Session, row: AccountRow, actor: Actor, now_ms: int, *, but: int | None = None) -> int:
    """End the account's sessions within an open transaction; how many there were."""
    ending = delete(SessionRow).where(SessionRow.account_id == row.id, SessionRow.id != (but or 0))
    ended = len(session.scalars(ending.returning(SessionRow.id)).all())
    if ended:
        record(session, now_ms, actor, row.name, AccountAction.SESSIONS_ENDED, count=ended)
    return ended
