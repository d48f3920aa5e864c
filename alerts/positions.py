"""A shard's place in the journal and its snapshots, within one open transaction."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from alerts.models import PositionRow, SnapshotRow
from alerts.values import Snapshot

SHARD = "site"  # one shard a site; a fleet has one a partition
SNAPSHOTS_KEPT = 3


def applied_seq(session: Session) -> int:
    """How far changes are written; 0 at first."""
    row = session.get(PositionRow, SHARD)
    return 0 if row is None else row.applied_seq


def advance(session: Session, seq: int) -> bool:
    """Move the position up to `seq`. False, and nothing changes, when it is there or beyond."""
    row = session.get(PositionRow, SHARD, with_for_update=True)
    if row is None:
        session.add(PositionRow(shard=SHARD, applied_seq=seq))
        session.flush()  # of two writers on an empty PostgreSQL the second fails here, having written nothing
        return seq > 0
    if seq <= row.applied_seq:
        return False
    row.applied_seq = seq
    return True


def keep(session: Session, snapshot: Snapshot, now_ms: int) -> None:
    """Write a snapshot in place of one of the same sequence, and drop all but the newest three."""
    session.merge(
        SnapshotRow(
            shard=SHARD, seq=snapshot.seq, code_revision=snapshot.code_revision,
            rules_revision=snapshot.rules_revision, at_ms=now_ms, blob=snapshot.blob,
        )
    )  # fmt: skip
    session.flush()
    kept = select(SnapshotRow.seq).where(SnapshotRow.shard == SHARD).order_by(SnapshotRow.seq.desc())
    newest = session.scalars(kept.limit(SNAPSHOTS_KEPT)).all()
    session.execute(delete(SnapshotRow).where(SnapshotRow.shard == SHARD, SnapshotRow.seq.not_in(newest)))


def newest(session: Session) -> SnapshotRow | None:
    """The snapshot of the highest sequence."""
    query = select(SnapshotRow).where(SnapshotRow.shard == SHARD).order_by(SnapshotRow.seq.desc()).limit(1)
    return session.scalars(query).one_or_none()
