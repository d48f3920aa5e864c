"""What a site file may mean, but hardly does: two meters at one address, two masters on one line."""

from __future__ import annotations

from collections.abc import Iterator

from collector.connection import parse_connection
from device_profiles import load_profile
from metering.site import Meter, Site

_PUBLISHED = ("mqtt", "mqtts")


def doubts(site: Site) -> list[str]:
    """One sentence a doubt, about meters that are asked on lines. The site's profiles and connections are right."""
    asked = [m for m in site.meters.values() if m.connection and m.profile]
    asked = [m for m in asked if parse_connection(m.connection or "").scheme not in _PUBLISHED]
    return [*_same_address(asked), *_two_protocols(asked)]


def _same_address(meters: list[Meter]) -> Iterator[str]:
    """The site file has no address twice on one connection; written otherwise it may be the same all the same."""
    seen: dict[tuple[str, str], str] = {}
    for meter in meters:
        line = parse_connection(meter.connection or "").endpoint
        address = meter.device_address or "1"
        first = seen.setdefault((line, address.lstrip("0")), meter.id)
        if first != meter.id:
            yield f"{first} and {meter.id} both have the address {address} on {line}"


def _two_protocols(meters: list[Meter]) -> Iterator[str]:
    """Modbus is asked apart from the other protocols: on one line they would be two masters."""
    spoken: dict[str, set[str]] = {}
    for meter in meters:
        line = parse_connection(meter.connection or "").endpoint
        spoken.setdefault(line, set()).add(load_profile(meter.profile or "").protocol)
    for line, protocols in spoken.items():
        if "modbus" in protocols and len(protocols) > 1:
            said = ", ".join(sorted(protocols))
            yield f"{line} carries {said}: they are asked at the same time and may garble each other"
