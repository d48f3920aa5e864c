"""The repair platform as the API is given it."""

from __future__ import annotations

from collections.abc import Callable

from api.platform.parts import RepairPlatform
from alerts.platform.desk import PlatformDesk
from alerts.sender import ChannelStatus
from aquavolt.repair.mirror import PlatformGround, desk_of


def platform_parts(
    ground: PlatformGround,
    desk: PlatformDesk | None = None,
    status: Callable[[], ChannelStatus | None] = lambda: None,
) -> RepairPlatform:
    """With the mirror's own desk and status in the program that sends; else another program does."""
    settings = ground.settings
    return RepairPlatform(
        desk=desk or desk_of(ground),
        shown=settings.shown,
        direction=settings.direction,
        secrets=settings.secrets,
        receive=settings.receive,
        status=status,
        clock=ground.clock,
    )
