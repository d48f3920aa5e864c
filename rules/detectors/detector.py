"""What all detectors share: how they are made, that steps come in order, and how their memory is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from metering.batch import MeterEvent
from metering.register_event import RegisterEvent
from rules.blocks import IntervalBlock
from rules.detectors.base import Context, State
from rules.detectors.memory import dump, load
from rules.detectors.settings import DetectorSettings, SettingsOf
from rules.findings import Finding
from rules.samples import SampleBlock

_NO_STEP = -1


class RuleDetector(ABC):
    """One rule over the whole site. A subclass keeps all it remembers in `self._memory`, a dataclass."""

    rule: ClassVar[str]
    warm_up_days: ClassVar[int]
    quantities: ClassVar[tuple[str, ...]] = ()
    Settings: ClassVar[type[DetectorSettings]]

    _memory: Any

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        self._context = context
        self._columns = context.columns
        self._settings_of = settings_of
        self._next_step = _NO_STEP

    def process(self, block: IntervalBlock) -> Sequence[Finding]:
        """What there is to say after these steps, ordered by `at`.

        Raises:
            ValueError: steps that were judged before; a step is judged once.
        """
        if self._next_step != _NO_STEP and block.first_step < self._next_step:
            raise ValueError(f"step {block.first_step} was judged before; the next is {self._next_step}")
        self._next_step = block.first_step + block.steps
        return self._judge(block)

    @abstractmethod
    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        """`process`, once the order of steps is certain."""

    def sample(self, block: SampleBlock) -> Sequence[Finding]:  # noqa: ARG002
        """Raw samples of `quantities`, each once, a meter's in order of time. Most detectors want none."""
        return ()

    def observe(self, events: Sequence[RegisterEvent], at: np.datetime64) -> Sequence[Finding]:  # noqa: ARG002
        """Register events, in order of time. Most detectors need none: their cells are NaN already."""
        return ()

    def hear(self, events: Sequence[MeterEvent], at: np.datetime64) -> Sequence[Finding]:  # noqa: ARG002
        """What meters say of themselves, in order of time. Most detectors do not listen."""
        return ()

    def state(self) -> State:
        """All that the detector remembers, with the meters it is about."""
        return {
            "meters": [m.id for m in self._columns.meters],
            "next_step": self._next_step,
            "memory": dump(self._memory),
        }

    def restore(self, state: State) -> None:
        """Continue from a state.

        Raises:
            ValueError: a state of other meters, or torn.
        """
        if not {"meters", "next_step", "memory"} <= set(state):
            raise ValueError(f"no state of {self.rule}: has {sorted(state)}")
        if list(state["meters"]) != [m.id for m in self._columns.meters]:
            raise ValueError(f"a state of {self.rule} for other meters")
        load(self._memory, state["memory"])
        self._next_step = int(state["next_step"])
