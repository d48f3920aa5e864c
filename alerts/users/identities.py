"""Who people are at providers of sign-in, and what comes of it when one of them arrives from there.

An identity is an issuer and a subject within it, never a name or an e-mail address: those are given again. Thread-safe;
every write is one transaction with its line of audit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.rows import ms_of
from alerts.texts import is_storable
from alerts.users.accounts import check_not_last_admin, find_account, is_account_name, known_account, normal_name
from alerts.users.errors import AccountRefusedError, ProviderRefusal, ProviderRefusedError, UnknownAccountError
from alerts.users.models import AccountRow, IdentityRow, SessionRow
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.rows import record
from alerts.users.sessions import digest_of, end_sessions, open_session
from alerts.users.tokens import revoke_all
from alerts.users.values import AccountAction, AccountState, Identity, Origin, SignedIn
from alerts.values import Actor, Clock

_ODD = re.compile(r"[^\w.@-]+")
_LONGEST_NAME = 40
_LONGEST_HINT = 8_192


@dataclass(frozen=True, slots=True)
class Grant:
    """What a provider's claims give: a role, in parts of the site."""

    role: Role
    nodes: tuple[str, ...] = (WHOLE_SITE,)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody whom a provider has signed in.

    provider  its name in the settings
    name      what a new account should be called, about
    grant     None: the provider's claims give no role
    is_role_ours  the grant is for a new account only: roles are given here, because the settings map no claims
    email     of a verified address, where such a one may be linked with the account of that name; else None
    hint      what the provider is told at signing out
    """

    provider: str
    issuer: str
    subject: str
    name: str
    grant: Grant | None
    is_role_ours: bool = False
    email: str | None = None
    hint: str = field(default="", repr=False)

    def actor(self, origin: Origin) -> Actor:
        """Who changes what the provider's claims change: no account can have this name."""
        return Actor(f"provider:{self.provider}", origin.address)


class Identities:
    """Accounts of people who sign in elsewhere."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def arrive(self, arrival: Arrival, origin: Origin, *, replaces: str = "") -> SignedIn:
        """A new session, of a new account where the identity is unknown; role and places are what its claims give now.

        Raises:
            ProviderRefusedError: the account is out of use, or the claims give no role.
        """
        try:
            return self._arrive(arrival, origin, replaces)
        except IntegrityError:  # the same person at two browsers, or another one took the name: now it is there
            return self._arrive(arrival, origin, replaces)

    def _arrive(self, arrival: Arrival, origin: Origin, replaces: str) -> SignedIn:
        now_ms = ms_of(self._clock())
        with self._database.writing() as session:
            row = self._account(session, arrival, origin, now_ms)
            refusal = _refusal(session, row, arrival, origin, now_ms)
            if refusal is None and row is not None:
                session.execute(delete(SessionRow).where(SessionRow.digest == digest_of(replaces)))
                hint = arrival.hint if len(arrival.hint) <= _LONGEST_HINT else ""
                return open_session(session, row, origin, now_ms, provider=arrival.provider, hint=hint)
        raise ProviderRefusedError(refusal or ProviderRefusal.NO_ROLE)

    @staticmethod
    def _account(session: Session, arrival: Arrival, origin: Origin, now_ms: int) -> AccountRow | None:
        """The identity's account; None where it has none and its claims give it none."""
        identity = _find(session, arrival)
        if identity is not None:
            identity.seen_ms, identity.provider = now_ms, arrival.provider
            return session.get_one(AccountRow, identity.account_id, with_for_update=True)
        if arrival.grant is None:
            return None
        row = _of_email(session, arrival) or _new_account(session, arrival, origin, now_ms)
        _link(session, row, arrival, arrival.actor(origin), now_ms)
        return row

    def link(self, account: str, arrival: Arrival, actor: Actor) -> None:
        """Let a person who is signed in here sign in there too, from now on.

        Raises:
            UnknownAccountError; ProviderRefusedError: the identity is another account's.
        """
        with self._database.writing() as session:
            row = known_account(session, account)
            identity = _find(session, arrival)
            if identity is not None and identity.account_id != row.id:
                raise ProviderRefusedError(ProviderRefusal.TAKEN)
            if identity is None:
                _link(session, row, arrival, actor, ms_of(self._clock()))

    def unlink(self, account: str, identity_id: int, actor: Actor) -> None:
        """Never again by this identity; sessions that came from there end.

        Raises:
            UnknownAccountError: the account has no such identity.
        """
        now_ms = ms_of(self._clock())
        with self._database.writing() as session:
            row = known_account(session, account)
            identity = session.get(IdentityRow, identity_id)
            if identity is None or identity.account_id != row.id:
                raise UnknownAccountError("this account has no such identity")
            session.execute(
                delete(SessionRow).where(SessionRow.account_id == row.id, SessionRow.provider == identity.provider)
            )
            session.delete(identity)
            record(session, now_ms, actor, row.name, AccountAction.IDENTITY_UNLINKED, provider=identity.provider)

    def list(self, account: str) -> tuple[Identity, ...]:
        """Who the account is elsewhere."""
        query = select(IdentityRow).join(AccountRow, AccountRow.id == IdentityRow.account_id)
        with self._database.reading() as session:
            rows = session.scalars(query.where(AccountRow.name == account).order_by(IdentityRow.id))
            return tuple(Identity(r.id, r.provider, r.issuer, r.subject) for r in rows)

    def hint_of(self, session_id: int) -> str:
        """What the session's provider is told at signing out; empty where there is nothing to tell."""
        with self._database.reading() as session:
            row = session.get(SessionRow, session_id)
            return "" if row is None else row.hint

    def refused(self, provider: str, reason: str, origin: Origin) -> None:
        """Write down that somebody came back from a provider and was not let in."""
        with self._database.writing() as session:
            actor = Actor(f"provider:{provider}", origin.address)
            record(session, ms_of(self._clock()), actor, "", AccountAction.PROVIDER_REFUSED, reason=reason)


def _find(session: Session, arrival: Arrival) -> IdentityRow | None:
    ours = (IdentityRow.issuer == arrival.issuer, IdentityRow.subject == arrival.subject)
    return session.scalars(select(IdentityRow).where(*ours).with_for_update()).one_or_none()


def _link(session: Session, row: AccountRow, arrival: Arrival, actor: Actor, now_ms: int) -> None:
    session.add(
        IdentityRow(
            account_id=row.id, provider=arrival.provider, issuer=arrival.issuer, subject=arrival.subject,
            created_ms=now_ms, seen_ms=now_ms,
        )
    )  # fmt: skip
    session.flush()
    record(
        session, now_ms, actor, row.name, AccountAction.IDENTITY_LINKED,
        provider=arrival.provider, issuer=arrival.issuer, subject=arrival.subject,
    )  # fmt: skip


def _of_email(session: Session, arrival: Arrival) -> AccountRow | None:
    """An account here whose name is the verified address, where the settings allow this."""
    row = find_account(session, normal_name(arrival.email)) if arrival.email else None
    return None if row is None or row.state == AccountState.DELETED.value else row


def _new_account(session: Session, arrival: Arrival, origin: Origin, now_ms: int) -> AccountRow:
    assert arrival.grant is not None  # noqa: S101 - the only caller has looked
    role, nodes = arrival.grant.role, list(arrival.grant.nodes)
    row = AccountRow(
        name=_free_name(session, arrival), role=role.value, nodes=nodes, state=AccountState.ACTIVE.value,
        password_hash="", must_change=False, created_ms=now_ms, password_ms=now_ms,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(
        session, now_ms, arrival.actor(origin), row.name, AccountAction.CREATED,
        role=role.value, nodes=nodes, provider=arrival.provider,
    )  # fmt: skip
    return row


def _free_name(session: Session, arrival: Arrival) -> str:
    """The name as it is there; where somebody here has it already, with the provider's, and then with a number."""
    plain = _ODD.sub("-", normal_name(arrival.name) if is_storable(arrival.name) else "").strip("-.@")
    plain = plain[:_LONGEST_NAME] if is_account_name(plain[:_LONGEST_NAME]) else arrival.provider
    ending, number = "", 1
    while True:
        name = plain[: _LONGEST_NAME - len(ending)] + ending
        if find_account(session, name) is None:
            return name
        ending = f"@{arrival.provider}"[:20] if number == 1 else f"@{arrival.provider}"[:20] + f"-{number}"
        number += 1


def _refusal(
    session: Session, row: AccountRow | None, arrival: Arrival, origin: Origin, now_ms: int
) -> ProviderRefusal | None:
    """Why nobody is let in, if so; else the account has the role that it is to have."""
    actor = arrival.actor(origin)
    if row is None:
        record(session, now_ms, actor, "", AccountAction.PROVIDER_REFUSED, reason=ProviderRefusal.NO_ROLE.value)
        return ProviderRefusal.NO_ROLE
    refusal = ProviderRefusal.OUT_OF_USE if row.state != AccountState.ACTIVE.value else None
    if refusal is None and not _give(session, row, arrival, actor, now_ms):
        refusal = ProviderRefusal.NO_ROLE
        # The provider has taken back what they stand on.
        end_sessions(session, row, actor, now_ms)
        revoke_all(session, row, now_ms)
    if refusal is not None:
        record(session, now_ms, actor, row.name, AccountAction.PROVIDER_REFUSED, reason=refusal.value)
    return refusal


def _give(session: Session, row: AccountRow, arrival: Arrival, actor: Actor, now_ms: int) -> bool:
    """Give the account what the claims give; whether it may come in at all."""
    if arrival.is_role_ours:
        return True
    grant = arrival.grant
    before = {"role": row.role, "nodes": list(row.nodes)}
    after = before if grant is None else {"role": grant.role.value, "nodes": list(grant.nodes)}
    if grant is not None and after == before:
        return True
    if grant is None or grant.role is not Role.ADMIN:
        try:
            check_not_last_admin(session, row)
        except AccountRefusedError:
            # Whatever a provider says, somebody must be left who can mend the settings.
            record(session, now_ms, actor, row.name, AccountAction.ROLE_KEPT, before=before, after=after)
            return True
    if grant is None:
        return False
    row.role, row.nodes, row.version = grant.role.value, list(grant.nodes), row.version + 1
    record(session, now_ms, actor, row.name, AccountAction.CHANGED, before=before, after=after)
    return True
