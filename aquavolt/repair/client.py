"""Requests to the repair platform: a message in, what the platform answered out."""

from __future__ import annotations

from typing import Any

import httpx

from alerts.channel import ChannelError
from alerts.database import Database
from alerts.platform.json_path import MISSING, read, read_text
from alerts.platform.links import LONGEST_NUMBER
from alerts.platform.models import LinkRow
from alerts.platform.queue import LONGEST_ANSWER, PlatformAnswer
from alerts.platform.signing import DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from alerts.platform.values import Sent
from alerts.platform.wire import Wire
from alerts.values import Clock, utc_now
from aquavolt.channels.posting import Poster
from aquavolt.repair.settings import RepairPlatformSettings

# They are about the address or the secret, not about the order: a proxy during maintenance, a key that was changed.
_OF_THE_WAY = (401, 402, 403, 404, 405, 407, 421, 423)


class PlatformClient:
    """Sends messages. The mapping is applied now: one that was mended holds for what waits, too."""

    def __init__(
        self, settings: RepairPlatformSettings, wire: Wire, database: Database, clock: Clock = utc_now
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._database = database
        self._clock = clock
        self._poster = Poster(settings, clock=clock, also_retried=_OF_THE_WAY)

    def close(self) -> None:
        """Give the connections back."""
        self._poster.close()

    def send(self, sent: Sent) -> PlatformAnswer:
        """What the platform answered that took it. Raises: ChannelError."""
        body = self._wire.body(whole_document(sent, self._number(sent.order_id)))
        return self._read(self._poster.post(body, self.headers(sent, body)))

    def headers(self, sent: Sent, body: bytes) -> dict[str, str]:
        """Of a request that is made now."""
        timestamp = str(int(self._clock().timestamp()))
        made = {
            "Content-Type": "application/json",
            "Idempotency-Key": sent.id,
            DELIVERY_HEADER: sent.id,
            EVENT_HEADER: sent.event.value,
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: sign(self._settings.secret.get_secret_value(), timestamp, body),
        }
        if self._settings.token is not None:
            made["Authorization"] = f"Bearer {self._settings.token.get_secret_value()}"
        return made

    def _number(self, order_id: int) -> str | None:
        with self._database.reading() as session:
            row = session.get(LinkRow, order_id)
            return row.number or None if row is not None else None

    def _read(self, response: httpx.Response) -> PlatformAnswer:
        """Raises: ChannelError, where the body says that it was not taken."""
        answer, text = self._settings.answer, response.text[:LONGEST_ANSWER].replace("\0", "")
        document = _json(response)
        if answer.ok is not None:
            said = read(document, answer.ok)
            if said is MISSING:
                reason = f"{self._settings.shown} answered without `{answer.ok}`: {text[:80]}"
                raise ChannelError(reason, is_retryable=True)
            if str(said) not in {str(value) for value in answer.ok_values}:
                why = read_text(document, answer.message, 200)
                raise ChannelError(
                    f"{self._settings.shown} answered {answer.ok} = {said}{': ' if why else ''}{why}", is_retryable=True
                )
        return PlatformAnswer(read_text(document, answer.number, LONGEST_NUMBER), text)


def whole_document(sent: Sent, number: str | None) -> dict[str, Any]:
    """The order's document with what is known only when it is sent."""
    return sent.document | {"delivery": sent.id, "revision": sent.event_id, "number": number}


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
