"""Signed links: one opens the alerts of one message to the person it was written to, and lets that person take them.

A link carries the message's id, its end and a purpose, signed with a key of the records (HMAC-SHA256, 128 bits). It
names nobody: whose it is stands with the message. Opening changes nothing, as mail scanners open everything.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.drills.mark import WITH_DRILLS
from alerts.errors import AlertError
from alerts.models import OutboxAlertRow, OutboxRow
from alerts.notify.letters import Link
from alerts.notify.models import LinkKeyRow
from alerts.rows import ms_of
from alerts.values import Clock, Delivery, utc_now

LIFETIME = timedelta(days=3)
_PURPOSE = b"take"
_ID_BYTES, _TIME_BYTES, _SIGNATURE_BYTES = 16, 6, 16
_PAYLOAD_BYTES = 1 + _ID_BYTES + _TIME_BYTES


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
        self._keys: dict[int, bytes] = {}

    def link_of(self, delivery: Delivery) -> Link | None:
        """The link of a message about alerts to a person; None where people sign in (a chat that many read)."""
        is_personal = delivery.receiver.startswith("person:") and self._is_read_alone(delivery)
        if delivery.alert_id is None or not is_personal:
            return None
        number, secret = self._newest()
        end = ms_of(delivery.created_at + LIFETIME).to_bytes(_TIME_BYTES, "big")
        payload = bytes([number]) + bytes.fromhex(delivery.id) + end
        token = base64.urlsafe_b64encode(payload + _signature(secret, payload)).decode().rstrip("=")
        return Link(f"{self._page_base}/go/{token}", takes=True)

    def open(self, token: str) -> Opened:
        """What the link stands for. Raises: LinkError."""
        payload, signature = _parts(token)
        secret = self._key(payload[0])
        if secret is None or not hmac.compare_digest(signature, _signature(secret, payload)):
            raise LinkError("this link was not made here, or was changed on its way")
        if int.from_bytes(payload[1 + _ID_BYTES :], "big") < ms_of(self._clock()):
            raise ExpiredLinkError("this link is past its end; sign in to see the alert")
        notification = payload[1 : 1 + _ID_BYTES].hex()
        with self._database.reading() as session:
            row = session.get(OutboxRow, notification, execution_options=WITH_DRILLS)
            if row is None:
                raise LinkError("the message of this link is no longer there")
            told = select(OutboxAlertRow.alert_id).where(OutboxAlertRow.outbox_id == notification)
            return Opened(notification, row.receiver.partition(":")[2], tuple(session.scalars(told)))

    def _newest(self) -> tuple[int, bytes]:
        if not self._keys:
            self._read_keys()
        if not self._keys:
            with self._database.writing() as session:
                if _newest_of(session) is None:
                    key = LinkKeyRow(id=1, secret=secrets.token_bytes(32), created_ms=ms_of(self._clock()))
                    session.add(key)
            self._read_keys()
        number = max(self._keys)
        return number, self._keys[number]

    def _key(self, number: int) -> bytes | None:
        if number not in self._keys:
            self._read_keys()
        return self._keys.get(number)

    def _read_keys(self) -> None:
        with self._database.reading() as session:
            self._keys = {row.id: row.secret for row in session.scalars(select(LinkKeyRow))}


def _newest_of(session: Session) -> LinkKeyRow | None:
    return session.scalars(select(LinkKeyRow).order_by(LinkKeyRow.id.desc()).limit(1)).one_or_none()


def _parts(token: str) -> tuple[bytes, bytes]:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise LinkError("this is no link of a message") from error
    if len(raw) != _PAYLOAD_BYTES + _SIGNATURE_BYTES:
        raise LinkError("this is no link of a message")
    return raw[:_PAYLOAD_BYTES], raw[_PAYLOAD_BYTES:]


def _signature(secret: bytes, payload: bytes) -> bytes:
    return hmac.new(secret, _PURPOSE + payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
