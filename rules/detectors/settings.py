"""Settings of a detector: frozen, documented, and resolved per node into one array a setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from metering.site import Meter, Site
from metering.site_document import Fault


class DetectorSettings(BaseModel):
    """What every detector can be told. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="Whether the rule judges the meters of this node at all.")

    def faults(self, site: Site) -> Iterator[Fault]:  # noqa: ARG002
        """What does not fit the site, each with its path below the rule's section. Most settings name nothing of it."""
        return iter(())


SettingsOf = Callable[[str | None], Any]
"""The settings that hold at a node (None: a meter without a node), overrides of its ancestors applied."""


def per_column(settings_of: SettingsOf, meters: Sequence[Meter], name: str) -> npt.NDArray[np.float64]:
    """One setting for each meter, as its node has it; booleans as 0 and 1."""
    return np.array([float(getattr(settings_of(m.node), name)) for m in meters], np.float64)
