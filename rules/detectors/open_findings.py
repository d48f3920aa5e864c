"""The findings a detector has open: what was said when, so that it can be updated and closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


def to_int(moment: np.datetime64) -> int:
    """Milliseconds since 1970, as JSON can keep them."""
    return int(moment.astype("datetime64[ms]").astype(np.int64))


def to_time(ms: int) -> np.datetime64:
    """The moment of so many milliseconds since 1970."""
    return np.datetime64(ms, "ms")


@dataclass
class OpenFindings:
    """Open findings by place in the detector's arrays (a column, a zone): figures as JSON values.

    Each has at least `onset` (ms), `size`, `peak` (largest size so far) and `total`.
    """

    by_place: dict[str, dict[str, Any]] = field(default_factory=dict)

    def open(self, place: int, onset: np.datetime64, size: float, **more: Any) -> dict[str, Any]:
        """Note a finding as open; gives its figures."""
        noted = {"onset": to_int(onset), "size": size, "peak": size, "total": 0.0, **more}
        self.by_place[str(place)] = noted
        return noted

    def close(self, place: int) -> dict[str, Any]:
        """Forget an open finding; gives its last figures."""
        return self.by_place.pop(str(place))

    def get(self, place: int) -> dict[str, Any] | None:
        """The figures of an open finding."""
        return self.by_place.get(str(place))

    def places(self) -> Iterator[int]:
        """Places with an open finding, in the order they were opened."""
        return iter([int(p) for p in self.by_place])

    def mask(self, length: int) -> npt.NDArray[np.bool_]:
        """True at the places with an open finding."""
        mask = np.zeros(length, bool)
        mask[[int(p) for p in self.by_place]] = True
        return mask
