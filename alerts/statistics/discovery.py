"""When a leak would have been noticed without AquaVolt. No database: whoever reads settings loads none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
LAST_BILL_DAY = 28  # the last day that every month has


@dataclass(frozen=True, slots=True)
class UsualDiscovery:
    """When a leak would have been noticed without AquaVolt: an assumption that people set.

    way          `bill`: when the next monthly bill is read; `patrol`: on a patrol
    bill_day     local day of the month on which the bill is read
    patrol_days  from one patrol of a place to the next: on average half of it passes until somebody comes by
    """

    way: Literal["bill", "patrol"] = "bill"
    bill_day: int = 5
    patrol_days: float = 30.0

    def after(self, onset_ms: npt.NDArray[np.float64], zone: ZoneInfo) -> npt.NDArray[np.float64]:
        """The moments at which what began then would have been found, UTC milliseconds."""
        if self.way == "patrol":
            return onset_ms + self.patrol_days / 2 * _DAY_MS
        hours, position = np.unique(onset_ms // _HOUR_MS, return_inverse=True)  # a local day begins on an hour
        bills = np.array([self._bill_after(float(hour) * _HOUR_MS, zone) for hour in hours], np.float64)
        return bills[position]

    def _bill_after(self, ms: float, zone: ZoneInfo) -> float:
        day = datetime.fromtimestamp(ms / 1000, zone).date()
        month = date(day.year, day.month, 1)
        if day.day >= self.bill_day:
            month = (month + timedelta(days=32)).replace(day=1)
        bill = datetime(month.year, month.month, self.bill_day, tzinfo=zone)
        return bill.astimezone(UTC).timestamp() * 1000
