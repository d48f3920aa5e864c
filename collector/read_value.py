"""One value as `read` and `decode` print it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ReadValue:
    """A value under our quantity's name and unit, or under the source's where we have none.

    `time` is aware and only there when the meter states it; `address` when a frame names its sender.
    """

    quantity: str
    value: float | str
    unit: str
    time: datetime | None = None
    address: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The form of `--json`: `time` and `address` only where they are known."""
        said: dict[str, Any] = {"quantity": self.quantity, "value": self.value, "unit": self.unit}
        if self.time is not None:
            said["time"] = self.time.isoformat()
        if self.address is not None:
            said["address"] = self.address
        return said
