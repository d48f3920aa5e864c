"""The desk's policy as it is kept: every version of it, the latest in force, within one open transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.desk_models import PolicyRow
from alerts.desk_policy import DEFAULT, DeskPolicy
from alerts.errors import PolicyConflictError
from alerts.rows import moment_of
from alerts.values import Actor


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy, and who put it into force when; version 0 is the program's own default."""

    version: int
    policy: DeskPolicy
    actor: str = ""
    at: datetime | None = None


def current(session: Session) -> PolicyVersion:
    """The policy in force."""
    row = session.scalars(select(PolicyRow).order_by(PolicyRow.version.desc()).limit(1)).one_or_none()
    return PolicyVersion(0, DEFAULT) if row is None else _version_of(row)


def history(session: Session) -> tuple[PolicyVersion, ...]:
    """Every version that was ever put into force, latest first."""
    return tuple(_version_of(row) for row in session.scalars(select(PolicyRow).order_by(PolicyRow.version.desc())))


def put(session: Session, policy: DeskPolicy, actor: Actor, expected_version: int, now_ms: int) -> PolicyVersion:
    """Put a policy into force. Alerts that are waiting keep the deadline they have.

    Raises:
        PolicyConflictError: somebody else did so since `expected_version`.
    """
    known = current(session)
    if known.version != expected_version:
        raise PolicyConflictError(
            f"{known.actor} changed the policy in between: it is at version {known.version}, not {expected_version}",
            known.version,
        )
    document = policy.model_dump(mode="json")
    row = PolicyRow(
        version=known.version + 1, document=document, actor=actor.name, origin=actor.origin, at_ms=now_ms
    )  # fmt: skip
    session.add(row)
    session.flush()
    return _version_of(row)


def _version_of(row: PolicyRow) -> PolicyVersion:
    return PolicyVersion(row.version, DeskPolicy.model_validate(row.document), row.actor, moment_of(row.at_ms))
