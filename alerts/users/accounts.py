"""Accounts as an administrator sees them. Thread-safe; every write is one transaction with its line of audit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.rows import ms_of
from alerts.texts import is_storable
from alerts.users.errors import AccountConflictError, AccountRefusedError, Refusal, UnknownAccountError
from alerts.users.models import AccountAuditRow, AccountRow
from alerts.users.passwords import Passwords, one_time_password
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.rows import account_of, entry_of, record
from alerts.users.values import Account, AccountAction, AccountEntry, AccountState
from alerts.values import Actor, Clock

FIRST_ADMIN = "admin"
_NAME = re.compile(r"\w[\w.@-]{0,39}")
# Actors of the program itself: audits must not take a person for one of them.
_RESERVED = frozenset({"rules", "demo", "token", "system", "deadlines", "routes"})
_MOST_NODES = 500


def normal_name(name: str) -> str:
    """The one form of a name: people type it as they like."""
    return unicodedata.normalize("NFKC", name.strip()).casefold() if is_storable(name) else ""


def is_account_name(name: str) -> bool:
    """Whether a normal name may be an account's."""
    return _NAME.fullmatch(name) is not None and name not in _RESERVED


def find_account(session: Session, name: str) -> AccountRow | None:
    """The account of a normal name, locked where rows can be."""
    return session.scalars(select(AccountRow).where(AccountRow.name == name).with_for_update()).one_or_none()


def known_account(session: Session, name: str) -> AccountRow:
    """Raises: UnknownAccountError, also for one that is deleted."""
    row = find_account(session, normal_name(name))
    if row is None or row.state == AccountState.DELETED.value:
        raise UnknownAccountError(f"there is no account {name!r}")
    return row


def set_password(row: AccountRow, made: str, now_ms: int, *, must_change: bool) -> None:
    """Keep a new password's hash."""
    row.password_hash, row.password_ms, row.must_change = made, now_ms, must_change


class Accounts:
    """Who there is. Passwords that are given are one-time ones, to be changed at the first sign-in.

    page  how many entries a page of the audit has
    """

    page = 200

    def __init__(self, database: Database, passwords: Passwords, clock: Clock) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock

    def are_there(self) -> bool:
        """Whether there is any account that can sign in."""
        with self._database.reading() as session:
            query = select(AccountRow.id).where(AccountRow.state == AccountState.ACTIVE.value).limit(1)
            return session.scalars(query).first() is not None

    def make_first_admin(self, actor: Actor) -> tuple[str, str] | None:
        """Name and one-time password of a first administrator; None where there is or was any account."""
        given = one_time_password()
        made = self._passwords.hash(given)
        try:
            with self._database.writing() as session:
                if session.scalars(select(AccountRow.id).limit(1)).first() is not None:
                    return None
                self._add(session, FIRST_ADMIN, Role.ADMIN, (WHOLE_SITE,), made, actor)
        except IntegrityError:  # another program on this database was quicker
            return None
        return FIRST_ADMIN, given

    def add(self, name: str, role: Role, nodes: Iterable[str], actor: Actor) -> str:
        """A new account; its one-time password.

        Raises:
            AccountRefusedError: the name is taken or none, or an administrator is limited to parts.
        """
        normal = normal_name(name)
        if not is_account_name(normal):
            raise AccountRefusedError(Refusal.NAME_FORM, reserved=", ".join(sorted(_RESERVED)))
        chosen, given = _checked_nodes(role, nodes), one_time_password()
        made = self._passwords.hash(given)
        try:
            with self._database.writing() as session:
                self._add(session, normal, role, chosen, made, actor)
        except IntegrityError as error:
            raise AccountRefusedError(Refusal.NAME_TAKEN, name=normal) from error
        return given

    def _add(self, session: Session, name: str, role: Role, nodes: Sequence[str], made: str, actor: Actor) -> None:
        now_ms = ms_of(self._clock())
        session.add(
            AccountRow(
                name=name, role=role.value, nodes=list(nodes), state=AccountState.ACTIVE.value,
                password_hash=made, must_change=True, created_ms=now_ms, password_ms=now_ms,
            )
        )  # fmt: skip
        record(session, now_ms, actor, name, AccountAction.CREATED, role=role.value, nodes=list(nodes))

    def get(self, name: str) -> Account:
        """Raises: UnknownAccountError."""
        with self._database.reading() as session:
            return account_of(known_account(session, name))

    def list(self, *, with_deleted: bool = False) -> tuple[Account, ...]:
        """All accounts, by name."""
        with self._database.reading() as session:
            found = [account_of(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name))]
        return tuple(a for a in found if with_deleted or a.state is not AccountState.DELETED)

    def change(
        self, name: str, role: Role, nodes: Iterable[str], actor: Actor, expected_version: int | None
    ) -> Account:
        """Give it another role or other parts of the site; open sessions have them from their next request on.

        Raises:
            UnknownAccountError, AccountConflictError; AccountRefusedError: it is the last administrator.
        """
        chosen = _checked_nodes(role, nodes)
        with self._database.writing() as session:
            row = known_account(session, name)
            check_version(row, expected_version)
            if role is not Role.ADMIN:
                check_not_last_admin(session, row)
            before = {"role": row.role, "nodes": row.nodes}
            row.role, row.nodes, row.version = role.value, list(chosen), row.version + 1
            after = {"role": row.role, "nodes": row.nodes}
            record(session, ms_of(self._clock()), actor, row.name, AccountAction.CHANGED, before=before, after=after)
            return account_of(row)

    def history(self, name: str | None = None, *, before: int | None = None) -> tuple[AccountEntry, ...]:
        """The audit, newest first, a page: of all accounts or of one, the entries below the id `before`."""
        query = select(AccountAuditRow).order_by(AccountAuditRow.id.desc()).limit(self.page)
        if name is not None:
            query = query.where(AccountAuditRow.account == normal_name(name))
        if before is not None:
            query = query.where(AccountAuditRow.id < before)
        with self._database.reading() as session:
            return tuple(entry_of(row) for row in session.scalars(query))


def check_version(row: AccountRow, expected: int | None) -> None:
    """Raises: AccountConflictError."""
    if expected is not None and row.version != expected:
        raise AccountConflictError(f"somebody changed {row.name} in between: look at it again")


def check_not_last_admin(session: Session, row: AccountRow) -> None:
    """An administrator with a password must be left: whoever signs in elsewhere cannot while that is down.

    Raises:
        AccountRefusedError.
    """
    admins = (AccountRow.role == Role.ADMIN.value, AccountRow.state == AccountState.ACTIVE.value)
    # Locked: of two who take each other's account away at once, one waits and is refused.
    kept = session.scalars(select(AccountRow.password_hash).where(*admins, AccountRow.id != row.id).with_for_update())
    others = [bool(password) for password in kept]
    is_way_in = row.state == AccountState.ACTIVE.value and bool(row.password_hash)
    if row.role == Role.ADMIN.value and not (any(others) if is_way_in else others):
        raise AccountRefusedError(Refusal.LAST_ADMIN, name=row.name)


def _checked_nodes(role: Role, nodes: Iterable[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(nodes))
    if role is Role.ADMIN and chosen != (WHOLE_SITE,):
        raise AccountRefusedError(Refusal.ADMIN_LIMITED)
    if not chosen or len(chosen) > _MOST_NODES or not all(is_storable(n) and n for n in chosen):
        raise AccountRefusedError(Refusal.NODES, most=_MOST_NODES)
    return (WHOLE_SITE,) if WHOLE_SITE in chosen else chosen
