"""Signatures of what goes to the repair platform and comes from it: HMAC-SHA256 over time and body.

    signature = "sha256=" + hex(HMAC-SHA256(secret, timestamp + "." + body))

`timestamp` is Unix seconds as text, of the attempt: a body that is sent again a day later is signed anew. Whoever
checks refuses a timestamp more than five minutes off, so that a request that was overheard is of no use later.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

DELIVERY_HEADER, EVENT_HEADER = "X-AquaVolt-Delivery", "X-AquaVolt-Event"
TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-AquaVolt-Timestamp", "X-AquaVolt-Signature"
WINDOW_S = 300
_SCHEME = "sha256="
_MS_FROM = 10**11  # Unix seconds reach this in the year 5138: a larger number is milliseconds
_MOST_DIGITS = 15


class ForgedError(Exception):
    """A request that is not the platform's, or not of now; the message may be answered: it helps nobody to forge."""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature's header."""
    return _SCHEME + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def check(secrets: Sequence[str], timestamp: str | None, signature: str | None, body: bytes, now: datetime) -> None:
    """Whether the body is signed, now, with one of the secrets (the one in use, and the one before it).

    Raises:
        ForgedError: it is not.
    """
    if not timestamp or not signature:
        raise ForgedError("the request is not signed: it needs a timestamp and a signature")
    if abs(_seconds(timestamp) - now.timestamp()) > WINDOW_S:
        raise ForgedError(f"the timestamp is more than {WINDOW_S // 60} minutes off: sign with the time of the request")
    given = signature.strip().lower().removeprefix(_SCHEME).encode()
    expected = [sign(secret, timestamp, body).removeprefix(_SCHEME).encode() for secret in secrets]
    if sum(hmac.compare_digest(given, one) for one in expected) == 0:  # a sum: every one takes its time
        raise ForgedError("the signature is not of this body, this timestamp and the secret")


def _seconds(timestamp: str) -> float:
    """Unix seconds; platforms that say milliseconds are understood. Raises: ForgedError."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > _MOST_DIGITS:
        raise ForgedError("the timestamp must be Unix seconds")
    number = int(timestamp)
    return number / 1000 if number >= _MS_FROM else float(number)
