"""Accounts, sessions, tokens and their audit as values. Every time is an aware UTC datetime."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from alerts.users.roles import OWN_ALERTS_ONLY, WHOLE_SITE, Permission, Role, permissions_of


class AccountState(StrEnum):
    """Whether an account can sign in. A deleted one stays, because audits name it; its name is never given again."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Account:
    """One person's way in.

    nodes        parts of the site, each with all below it; `WHOLE_SITE` among them: all of it
    must_change  its password was given by somebody else and serves only to set another
    version      counts changes of role, nodes and state
    has_password whether it can sign in here; without one only at a provider
    """

    id: int
    name: str
    role: Role
    nodes: tuple[str, ...]
    state: AccountState
    must_change: bool
    created_at: datetime
    password_at: datetime
    signed_in_at: datetime | None
    version: int
    has_password: bool = True

    @property
    def is_whole_site(self) -> bool:
        """Whether it is limited to no part."""
        return WHOLE_SITE in self.nodes

    @property
    def sees_own_alerts_only(self) -> bool:
        """Whether it sees nothing but alerts and orders that are assigned to it."""
        return self.role in OWN_ALERTS_ONLY

    @property
    def granted(self) -> frozenset[Permission]:
        """What its role and parts of the site let it do."""
        return permissions_of(self.role, self.nodes)

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it may do now: to begin with nothing but to set its own password."""
        return frozenset({Permission.OWN_ACCOUNT}) if self.must_change else self.granted


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: the network address, and what the browser calls itself."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One browser that is signed in. `id` is no secret; the cookie's value is kept nowhere.

    provider  where the person signed in; empty: here, with a password
    """

    id: int
    account: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    origin: Origin
    provider: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: `secret` goes into the cookie and is never seen again."""

    secret: str = field(repr=False)
    account: Account
    session: SessionInfo


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an account is at a provider: its issuer, and the subject in that."""

    id: int
    provider: str
    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """One API token, without its secret."""

    id: int
    account: str
    name: str
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    def is_usable(self, now: datetime) -> bool:
        """Whether it lets anybody in."""
        return self.revoked_at is None and now < self.expires_at


class AccountAction(StrEnum):
    """What an entry of the accounts' audit records."""

    CREATED = "created"
    CHANGED = "changed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    DELETED = "deleted"
    PASSWORD_GIVEN = "password_given"  # noqa: S105 - a word of the audit
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    SESSIONS_ENDED = "sessions_ended"
    TOKEN_MADE = "token_made"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    ALERTS_HANDED_ON = "alerts_handed_on"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"
    PROVIDER_REFUSED = "provider_refused"
    ROLE_KEPT = "role_kept"


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One line of the accounts' audit: who did what to which account, when and from where. Never changed."""

    id: int
    at: datetime
    actor: str
    origin: str
    account: str
    action: AccountAction
    detail: dict[str, Any]
