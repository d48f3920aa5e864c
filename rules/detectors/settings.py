"""Settings of a detector: frozen, documented, and resolved per node and meter into one array a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from metering.site import Meter, Site
from metering.site_document import Fault


class DetectorSettings(BaseModel):
    """What every detector can be told. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cautious: ClassVar[Mapping[str, float]] = {}
    """Thresholds that what people say of a meter's alerts raises, each with the value at which it would tell
    everything: 0 of an excess, 1 of a ratio."""

    enabled: bool = Field(default=True, description="Whether the rule judges the meters of this node at all.")

    def faults(self, site: Site) -> Iterator[Fault]:  # noqa: ARG002
        """What does not fit the site, each with its path below the rule's section. Most settings name nothing of it."""
        return iter(())


Settings = TypeVar("Settings", bound=DetectorSettings)


def with_caution(settings: Settings, caution: float) -> Settings:
    """The settings with their thresholds of size so many times as far from telling everything."""
    if caution == 1.0:
        return settings
    raised = {name: none + caution * (getattr(settings, name) - none) for name, none in settings.cautious.items()}
    return settings.model_copy(update=raised)


class SettingsOf(Protocol):
    """The settings that hold at a node (None: a meter without a node), overrides of its ancestors applied.

    With a subject (the meter that a finding would be about) its caution is applied, too.
    """

    def __call__(self, node: str | None, subject: str | None = None, /) -> Any:
        """The settings, of the detector's own kind."""
        ...


def per_column(settings_of: SettingsOf, meters: Sequence[Meter], name: str) -> npt.NDArray[np.float64]:
    """One setting for each meter, as its node and what people said of its alerts have it; booleans as 0 and 1."""
    return np.array([float(getattr(settings_of(m.node, m.id), name)) for m in meters], np.float64)
