"""Signed links: one opens the alerts of one message to the person it was written to, and lets that person take them.

A link carries the message's id, its end and a purpose, signed with a key of the records (HMAC-SHA256, 128 bits). It
names nobody: whose it is stands with the message. Opening changes nothing, as mail scanners open everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from alerts.database import Database
from alerts.drills.mark import WITH_DRILLS
from alerts.errors import AlertError
from alerts.models import OutboxAlertRow, OutboxRow
from alerts.notify.letters import Link
from alerts.notify.link_keys import LinkKeys
from alerts.rows import ms_of
from alerts.values import Clock, Delivery, utc_now

LIFETIME = timedelta(days=3)
_PURPOSE = b"take"
_ID_BYTES, _TIME_BYTES = 16, 6


class LinkError(AlertError):
    """The link is forged, damaged or past its end."""


class ExpiredLinkError(LinkError):
    """The link was made here, and is past its end."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link stands for: the message, the person it was written to, its alerts."""

    notification: str
    person: str
    alerts: tuple[str, ...]


class Links:
    """Signs and opens links. Thread-safe.

    is_read_alone  whether a message is read by its receiver alone: else many could act in one person's name
    """

    def __init__(
        self,
        database: Database,
        page_base: str,
        clock: Clock = utc_now,
        is_read_alone: Callable[[Delivery], bool] = lambda _: True,
    ) -> None:
        self._database = database
        self._page_base = page_base.rstrip("/")
        self._clock = clock
        self._is_read_alone = is_read_alone
        self._keys = LinkKeys(database, clock, _PURPOSE)

    def link_of(self, delivery: Delivery) -> Link | None:
        """The link of a message about alerts to a person; None where people sign in (a chat that many read)."""
        is_personal = delivery.receiver.startswith("person:") and self._is_read_alone(delivery)
        if delivery.alert_id is None or not is_personal:
            return None
        end = ms_of(delivery.created_at + LIFETIME).to_bytes(_TIME_BYTES, "big")
        return Link(f"{self._page_base}/go/{self._keys.sign(bytes.fromhex(delivery.id) + end)}", takes=True)

    def open(self, token: str) -> Opened:
        """What the link stands for. Raises: LinkError."""
        payload = self._keys.payload_of(token, _ID_BYTES + _TIME_BYTES)
        if payload is None:
            raise LinkError("this link was not made here, or was changed on its way")
        if int.from_bytes(payload[_ID_BYTES:], "big") < ms_of(self._clock()):
            raise ExpiredLinkError("this link is past its end; sign in to see the alert")
        notification = payload[:_ID_BYTES].hex()
        with self._database.reading() as session:
            row = session.get(OutboxRow, notification, execution_options=WITH_DRILLS)
            if row is None:
                raise LinkError("the message of this link is no longer there")
            told = select(OutboxAlertRow.alert_id).where(OutboxAlertRow.outbox_id == notification)
            return Opened(notification, row.receiver.partition(":")[2], tuple(session.scalars(told)))
