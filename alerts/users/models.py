"""The tables of accounts. Times are UTC milliseconds since 1970, as in `alerts.models`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from alerts.models import Base, Counted


class AccountRow(Base):
    """One account; it is never deleted, only marked so."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String, unique=True)
    role: Mapped[str]
    nodes: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[str]
    password_hash: Mapped[str]
    must_change: Mapped[bool]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    password_ms: Mapped[int] = mapped_column(BigInteger)
    signed_in_ms: Mapped[int | None] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(Integer, default=0)


class SessionRow(Base):
    """One browser that is signed in; `digest` is SHA-256 of what its cookie holds.

    provider  where the person signed in; empty: here, with a password
    hint      what the provider is told at signing out: its ID token
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String, unique=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("accounts.id"))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    seen_ms: Mapped[int] = mapped_column(BigInteger)
    expires_ms: Mapped[int] = mapped_column(BigInteger)
    address: Mapped[str]
    agent: Mapped[str]
    provider: Mapped[str] = mapped_column(String, default="")
    hint: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (Index("sessions_by_account", "account_id"), {"sqlite_autoincrement": True})


class IdentityRow(Base):
    """Who an account is at a provider: its issuer and, in that, the subject. Both are compared as they are."""

    __tablename__ = "identities"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("accounts.id"))
    provider: Mapped[str]
    issuer: Mapped[str]
    subject: Mapped[str]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    seen_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("issuer", "subject", name="identities_by_subject"),
        Index("identities_by_account", "account_id"),
        {"sqlite_autoincrement": True},
    )


class DepartureRow(Base):
    """A browser that is at a provider to sign in; `state` and `browser` are SHA-256 of what it brings back."""

    __tablename__ = "departures"

    state: Mapped[str] = mapped_column(String, primary_key=True)
    browser: Mapped[str]
    provider: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    nonce: Mapped[str]
    verifier: Mapped[str]
    back: Mapped[str] = mapped_column(Text)
    at_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("departures_by_time", "at_ms"),)


class TokenRow(Base):
    """One API token; `digest` is SHA-256 of it."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String, unique=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("accounts.id"))
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    expires_ms: Mapped[int] = mapped_column(BigInteger)
    used_ms: Mapped[int | None] = mapped_column(BigInteger)
    revoked_ms: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (Index("tokens_by_account", "account_id"), {"sqlite_autoincrement": True})


class ThrottleRow(Base):
    """Wrong passwords in a row, of one account or from one address."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_ms: Mapped[int] = mapped_column(BigInteger)
    until_ms: Mapped[int] = mapped_column(BigInteger)


class AccountAuditRow(Base):
    """One line of the accounts' audit. The database itself refuses to change or delete it (a trigger)."""

    __tablename__ = "account_audit"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str]
    origin: Mapped[str]
    account: Mapped[str]
    action: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("account_audit_by_account", "account", "id"), {"sqlite_autoincrement": True})
