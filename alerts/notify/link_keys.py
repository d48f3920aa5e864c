"""The keys that links are signed with: made once, kept in the records, read again when a number is not known."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.notify.models import LinkKeyRow
from alerts.rows import ms_of
from alerts.values import Clock

SIGNATURE_BYTES = 16


class LinkKeys:
    """Signs payloads for one purpose, and knows its own again. Thread-safe."""

    def __init__(self, database: Database, clock: Clock, purpose: bytes) -> None:
        self._database = database
        self._clock = clock
        self._purpose = purpose
        self._keys: dict[int, bytes] = {}

    def sign(self, payload: bytes) -> str:
        """A token of the payload: the key's number, the payload, HMAC-SHA256 cut to 128 bits; URL-safe text."""
        number, secret = self._newest()
        whole = bytes([number]) + payload
        return base64.urlsafe_b64encode(whole + self._signature(secret, whole)).decode().rstrip("=")

    def payload_of(self, token: str, size: int) -> bytes | None:
        """The payload of `size` bytes that was signed here; None: made up, damaged, or of another purpose."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) != 1 + size + SIGNATURE_BYTES:
            return None
        whole, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
        secret = self._key(whole[0])
        if secret is None or not hmac.compare_digest(signature, self._signature(secret, whole)):
            return None
        return whole[1:]

    def _signature(self, secret: bytes, whole: bytes) -> bytes:
        return hmac.new(secret, self._purpose + whole, hashlib.sha256).digest()[:SIGNATURE_BYTES]

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
