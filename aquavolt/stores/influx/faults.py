"""What can go wrong at the server, and what each kind deserves. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum

_LONGEST_TEXT = 400
_DROPPED = re.compile(r"dropped=(\d+)")


class Remedy(Enum):
    """What to do about a fault."""

    RETRY = "retry"  # it passes by itself: busy, restarting, unreachable
    HOLD = "hold"  # somebody must mend something: token, rights, bucket
    SPLIT = "split"  # too much at once
    SET_ASIDE = "set aside"  # the points themselves are refused, and always will be


_REMEDIES = {
    400: Remedy.SET_ASIDE,
    401: Remedy.HOLD,
    403: Remedy.HOLD,
    404: Remedy.HOLD,
    413: Remedy.SPLIT,
    422: Remedy.SET_ASIDE,
}
_ADVICE = {
    401: "the token is refused; see AQUAVOLT_INFLUX_TOKEN",
    403: "the token has no right to this; see AQUAVOLT_INFLUX_TOKEN",
    404: "no such organisation or bucket; see AQUAVOLT_INFLUX_ORG and AQUAVOLT_INFLUX_BUCKET",
}


class InfluxError(Exception):
    """One request that failed. `status` is HTTP's, 0 if there was no answer; `retry_after_s` what the server asked."""

    def __init__(self, status: int, text: str, retry_after_s: float | None = None) -> None:
        advice = f" ({_ADVICE[status]})" if status in _ADVICE else ""
        super().__init__(f"{status or 'no answer'}: {text}{advice}")
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s

    @property
    def remedy(self) -> Remedy:
        """What it deserves. What is not known to be ours to mend is tried again."""
        return _REMEDIES.get(self.status, Remedy.RETRY)

    @property
    def dropped(self) -> int | None:
        """How many points a write that was done in part has left out, where the server says it."""
        found = _DROPPED.search(self.text)
        return int(found[1]) if found else None


def error_of(status: int, body: bytes | str, headers: Mapping[str, str]) -> InfluxError:
    """The error that an answer of the server means."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    try:
        document = json.loads(text)
        text = str(document["message"])
    except (ValueError, KeyError, TypeError):
        text = text.strip() or "without a reason"
    return InfluxError(status, text[:_LONGEST_TEXT], _seconds(headers.get("Retry-After")))


def _seconds(header: str | None) -> float | None:
    """Retry-After as seconds; as a date, which InfluxDB does not send, it is left alone."""
    return float(header) if header and re.fullmatch(r"\d{1,6}(\.\d+)?", header.strip()) else None
