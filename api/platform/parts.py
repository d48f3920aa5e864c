"""The program's repair platform, as views are given it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends

from alerts.platform.desk import PlatformDesk
from alerts.platform.mapping import Receive
from alerts.platform.values import Direction
from alerts.sender import ChannelStatus
from alerts.values import Clock, utc_now
from api.dependencies import Parts
from api.platform.refusals import Refusals
from api.problems import Problem


@dataclass(frozen=True, slots=True)
class RepairPlatform:
    """The platform of the settings.

    shown    its address as far as it may be shown
    secrets  what it may sign with
    status   how sending goes; None: another program sends
    """

    desk: PlatformDesk
    shown: str
    direction: Direction
    secrets: tuple[str, ...] = field(repr=False)
    receive: Receive = field(repr=False)
    status: Callable[[], ChannelStatus | None] = lambda: None
    clock: Clock = utc_now
    refusals: Refusals = field(default_factory=Refusals)


def get_platform(parts: Parts) -> RepairPlatform:
    """The platform. Raises: Problem 503."""
    if parts.repair_platform is None:
        raise Problem(503, "This program has no repair platform: `repair_platform` of the settings names it.")
    return parts.repair_platform


CurrentPlatform = Annotated[RepairPlatform, Depends(get_platform)]
