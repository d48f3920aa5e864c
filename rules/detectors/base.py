"""The contract of a detector.

A detector is streaming and causal: what it says after a step depends only on the blocks so far, and not on how
the steps were cut into blocks. Its state is arrays over columns and plain JSON, so that it fits a snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from metering.batch import MeterEvent
from metering.register_event import RegisterEvent
from rules.blocks import Columns, IntervalBlock
from rules.findings import Finding
from rules.samples import SampleBlock


class DayKinds(Protocol):
    """What kind of day a local day is: drives every baseline."""

    def kind(self, local_day: int) -> str:
        """`workday`, `weekend`, `holiday` or `vacation` of a day since 1970-01-01."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What every detector may know besides the blocks. `overrides` are resolved settings by node (see settings)."""

    columns: Columns
    days: DayKinds


State = dict[str, Any]  # numpy arrays and JSON-able values only


class Detector(Protocol):
    """One rule over the whole site."""

    rule: str
    warm_up_days: int
    quantities: tuple[str, ...]

    def process(self, block: IntervalBlock) -> Sequence[Finding]:
        """What there is to say after these steps, ordered by `at`. At most one finding a (rule, subject) is open."""
        ...

    def sample(self, block: SampleBlock) -> Sequence[Finding]:
        """What there is to say after these samples of `quantities`; never called where there are none."""
        ...

    def observe(self, events: Sequence[RegisterEvent], at: np.datetime64) -> Sequence[Finding]:
        """Register events, in order of time; most detectors only reset what they know of the meter."""
        ...

    def hear(self, events: Sequence[MeterEvent], at: np.datetime64) -> Sequence[Finding]:
        """What meters say of themselves, in order of time; most detectors do not listen."""
        ...

    def state(self) -> State:
        """All that the detector remembers."""
        ...

    def restore(self, state: State) -> None:
        """Continue from a state; an unknown or torn state raises ValueError and the shard rebuilds."""
        ...
