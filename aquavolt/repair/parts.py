"""The repair platform of a program: its mirror where it sends, and what the API is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from alerts.records import Records
from alerts.sender import ChannelStatus
from api.platform.parts import RepairPlatform
from aquavolt.repair.mirror import Mirror, PlatformGround, desk_of
from aquavolt.setup import Setup


def ground_of(setup: Setup, records: Records) -> PlatformGround | None:
    """What its parts stand on; None: the settings name no platform."""
    settings = setup.settings
    if settings.repair_platform is None:
        return None
    return PlatformGround(
        settings.repair_platform, lambda: setup.site, records.database, settings.page_url, setup.playbook, setup.clock
    )


def mirror_of(setup: Setup, records: Records) -> Mirror | None:
    """For the program that sends; None: there is no platform."""
    ground = ground_of(setup, records)
    return None if ground is None else Mirror(ground)


def parts_of_mirror(mirror: Mirror | None) -> RepairPlatform | None:
    """For the pages of the program that sends."""
    return None if mirror is None else platform_parts(mirror.ground, mirror)


def parts_of_another(
    setup: Setup, records: Records, status: Callable[[], ChannelStatus | None]
) -> RepairPlatform | None:
    """For the pages of a program beside the one that sends; `status` is what that one says of it."""
    ground = ground_of(setup, records)
    return None if ground is None else replace(platform_parts(ground), status=status)


def platform_parts(ground: PlatformGround, mirror: Mirror | None = None) -> RepairPlatform:
    """As the API is given it."""
    settings = ground.settings
    return RepairPlatform(
        desk=desk_of(ground) if mirror is None else mirror.desk,
        shown=settings.shown,
        direction=settings.direction,
        secrets=settings.secrets,
        receive=settings.receive,
        status=lambda: None if mirror is None else mirror.status,
        clock=ground.clock,
    )
