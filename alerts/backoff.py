"""How long to wait before the next attempt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling from `first_s` to at most `most_s` seconds; it never gives up.

    Each wait is drawn between half and the whole of that, so that many who failed together do not come back
    together.
    """

    first_s: float = 2.0
    most_s: float = 600.0

    def wait_s(self, failures: int, draw: float) -> float:
        """Seconds to wait after so many failures in a row; `draw` in [0, 1)."""
        if failures <= 0:
            return 0.0
        # Past 30 doublings the cap holds for any sensible setting; the bound keeps the float finite.
        whole = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return whole * (0.5 + draw / 2)
