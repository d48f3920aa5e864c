"""The link of whoever reported: it shows what became of this one report, to whoever has it, and nothing else."""

from __future__ import annotations

from alerts.database import Database
from alerts.errors import AlertError
from alerts.notify.link_keys import LinkKeys
from alerts.values import Clock, utc_now

_ID_BYTES = 8


class StatusLinkError(AlertError):
    """The link is made up or damaged."""


class StatusLinks:
    """Signs the numbers of reports. Thread-safe."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._keys = LinkKeys(database, clock, b"report")

    def token_of(self, report_id: int) -> str:
        """What stands in the link of a report."""
        return self._keys.sign(report_id.to_bytes(_ID_BYTES, "big"))

    def report_of(self, token: str) -> int:
        """The number of the report. Raises: StatusLinkError."""
        payload = self._keys.payload_of(token, _ID_BYTES)
        if payload is None:
            raise StatusLinkError("this link was not made here, or was changed on its way")
        return int.from_bytes(payload, "big")
