"""Writes that may be sent again: the answer is kept under the caller's key, in the write's own transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alerts.desk_models import AnswerRow
from alerts.errors import AlertError
from alerts.texts import is_storable

KEPT_MS = 24 * 3600 * 1000
LONGEST_KEY = 200


class AnsweredError(Exception):
    """This very write was done before; `answer` is what was answered then."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("this write was answered before")
        self.answer = answer


class KeyReusedError(AlertError):
    """The idempotency key was used for another request."""


@dataclass(frozen=True, slots=True)
class Once:
    """One write, named by the caller.

    account  whose key it is: two accounts may use the same
    request  what was asked, in a form that two askings of the same share (a digest)
    render   the answer to a result, as it is to be given again
    """

    account: str
    key: str
    request: str
    render: Callable[[Any], bytes]


def begin(session: Session, once: Once, now_ms: int) -> None:
    """Take the key. A second writer of the same key waits here until the first has committed.

    Raises:
        AnsweredError: it was done before.
        KeyReusedError: the key stands for another request, or is none that can be kept.
    """
    if not 1 <= len(once.key) <= LONGEST_KEY or not is_storable(once.key):
        raise KeyReusedError(f"an idempotency key has 1 to {LONGEST_KEY} characters and no NUL")
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = (sqlite if is_sqlite else postgresql).insert(AnswerRow)
    # What is returned says whether it was taken: not every driver counts the rows of such an insert.
    taken = session.scalar(
        insert.values(account=once.account, key=once.key, request=once.request, answer=b"", at_ms=now_ms)
        .on_conflict_do_nothing()
        .returning(AnswerRow.key)
    )
    if taken is not None:
        return
    row = session.scalars(select(AnswerRow).where(*_is(once))).one()
    if row.request != once.request:
        raise KeyReusedError(f"the idempotency key {once.key!r} was used for another request; each needs its own")
    raise AnsweredError(row.answer)


def finish(session: Session, once: Once, result: Any) -> None:
    """Keep the answer."""
    session.execute(update(AnswerRow).where(*_is(once)).values(answer=once.render(result)))


def forget(session: Session, now_ms: int) -> None:
    """Drop answers of more than a day ago: nobody asks again after that."""
    session.execute(delete(AnswerRow).where(AnswerRow.at_ms < now_ms - KEPT_MS))


def _is(once: Once) -> tuple[Any, Any]:
    return AnswerRow.account == once.account, AnswerRow.key == once.key
