"""One meter's uses of a resistive load, walked sample by sample while there may be one.

A sample is *on* while it is above the base (the median of the last samples that were not) by more than the least step,
and what is above the base is resistive. Samples on that are less than `merge_ms` apart are one use: a thermostat
switches, an iron more so.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from rules.detectors.power_steps import TAIL, median_of

HOUR_MS = 3_600_000
_LONGEST_ON_MS = 12 * HOUR_MS  # what stays for so long is the base from then on
_SLACK_KVAR = 0.02  # reactive power of small things that come and go meanwhile


@dataclass(frozen=True, slots=True)
class UseLimits:
    """What makes a use. Powers in kW, times in ms; `ratio` is kvar to kW of the least power factor.

    Samples farther apart than `gap_ms` say nothing of a step between them.
    """

    step_kw: float
    again_kw: float
    blind_kw: float
    ratio: float
    least_ms: int
    merge_ms: int
    follow_ms: int
    gap_ms: int


@dataclass
class Use:
    """A use: from `start` to `end` (ms), of these on for `on_ms`; sums of the step over the samples on."""

    start: int
    end: int
    on_ms: int = 0
    kwh: float = 0.0
    kw: float = 0.0
    active: float = 0.0
    reactive: float = 0.0
    is_blind: bool = False
    is_told: bool = False

    @property
    def power_factor(self) -> float | None:
        """Of the step; None where no reactive power is known."""
        return None if self.is_blind else self.active / math.hypot(self.active, self.reactive)


@dataclass
class Walker:
    """What is remembered of a meter between its samples.

    time, active, reactive   the tail: the last samples that were not on
    last, on_since           time of the last sample; since when it has been on without a break (0: it is off)
    told_end                 when the last use that lasted long enough ended (ms)
    step                     the last sample's step in kW and kvar while on
    """

    time: list[int] = field(default_factory=list)
    active: list[float] = field(default_factory=list)
    reactive: list[float] = field(default_factory=list)
    last: int = 0
    on_since: int = 0
    step: list[float] = field(default_factory=lambda: [0.0, 0.0])
    told_end: int = 0
    use: Use | None = None

    def take(self, time: int, active: float, reactive: float, limits: UseLimits) -> Use | None:
        """Take the next sample; gives a use that it shows to be over."""
        over = None
        gap = time - self.last
        if self.on_since and self.use is not None:
            self._book(min(gap, limits.gap_ms), self.use)
            self.use.end = self.last + min(gap, limits.gap_ms)
            self._confirm(limits)
        if gap > limits.gap_ms or (self.on_since and time - self.on_since > _LONGEST_ON_MS):
            self.time, self.active, self.reactive, self.on_since = [], [], [], 0
        if self.use is not None and not self.on_since and time - self.use.end > limits.merge_ms:
            over, self.use = self.use, None
            self._trim(limits.gap_ms)
        if self._is_on(time, active, reactive, limits):
            self._switch_on(time)
        else:
            self.on_since = 0
            self._keep(time, active, reactive)
        self.last = time
        return over

    def _is_on(self, time: int, active: float, reactive: float, limits: UseLimits) -> bool:
        step, kvar = active - median_of(self.active), abs(reactive - median_of(self.reactive))
        self.step = [step, kvar]
        if math.isnan(step):
            return False
        if math.isnan(kvar):
            return step >= limits.blind_kw
        follows = self.use is not None or time - self.told_end <= limits.follow_ms
        least = limits.again_kw if follows else limits.step_kw
        return step >= least and kvar <= limits.ratio * step + _SLACK_KVAR

    def _switch_on(self, time: int) -> None:
        self.on_since = self.on_since or time
        if self.use is None:
            self.use = Use(time, time)

    def _book(self, span_ms: int, use: Use) -> None:
        """The last sample was on for so long."""
        step, kvar = self.step
        use.on_ms += span_ms
        use.kwh += step * span_ms / HOUR_MS
        use.kw = max(use.kw, step)
        use.active += step
        if math.isnan(kvar):
            use.is_blind = True
        else:
            use.reactive += kvar

    def _confirm(self, limits: UseLimits) -> None:
        if self.use is not None and self.use.on_ms >= limits.least_ms:
            self.told_end = self.use.end

    def is_new(self, limits: UseLimits) -> bool:
        """Whether the use that runs has become one to tell."""
        use = self.use
        return use is not None and not use.is_told and use.on_ms >= limits.least_ms

    def _trim(self, gap_ms: int) -> None:
        """Forget samples from before a gap: outside a use the tail is what `power_steps` would keep."""
        later = zip(self.time[1:], self.time, strict=False)
        first = max((i for i, (b, a) in enumerate(later, start=1) if b - a > gap_ms), default=0)
        del self.time[:first], self.active[:first], self.reactive[:first]

    def _keep(self, time: int, active: float, reactive: float) -> None:
        for tail, value in ((self.active, active), (self.reactive, reactive)):
            tail.append(value)
            del tail[:-TAIL]
        self.time.append(time)
        del self.time[:-TAIL]

    def to_state(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Walker:
        """The walker back."""
        use = None if state["use"] is None else Use(**state["use"])
        return cls(**{**state, "use": use, "time": list(state["time"]), "active": list(state["active"]),
                      "reactive": list(state["reactive"]), "step": list(state["step"])})  # fmt: skip
