"""How values are written as JSON: fast, with UTC times, and null for what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from starlette.responses import JSONResponse

from metering.batch import to_datetime


class JsonResponse(JSONResponse):
    """JSON written by msgspec."""

    def render(self, content: Any) -> bytes:
        """Content of dicts, lists, texts, numbers and None."""
        return msgspec.json.encode(content)


def time_text(moment: datetime | np.datetime64 | None) -> str | None:
    """ISO 8601 in UTC, e.g. `2026-11-20T02:15:00Z`; milliseconds only where there are any."""
    if moment is None or (isinstance(moment, np.datetime64) and np.isnat(moment)):
        return None
    at = to_datetime(moment) if isinstance(moment, np.datetime64) else moment.astimezone(UTC)
    precision = "milliseconds" if at.microsecond else "seconds"
    return at.isoformat(timespec=precision).replace("+00:00", "Z")


def time_texts(times: npt.NDArray[np.datetime64]) -> list[str]:
    """A column of UTC times as texts; milliseconds only where there are any."""
    whole = times.astype("datetime64[s]")
    return [f"{t}Z" for t in np.datetime_as_string(whole if (whole == times).all() else times)]


def numbers(values: npt.NDArray[np.float64], digits: int = 6) -> list[float | None]:
    """A column of numbers, NaN as null."""
    return [None if math.isnan(v) else round(v, digits) for v in values.tolist()]


def jsonable(value: Any) -> Any:
    """The value with every non-finite number as null and every numpy scalar and time plain, at any depth."""
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [jsonable(v) for v in value]
    if isinstance(value, datetime | np.datetime64):
        return time_text(value)
    if isinstance(value, np.generic):
        return jsonable(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
