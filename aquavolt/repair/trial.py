"""What the settings of the repair platform would do: an example as it would be sent, and what looks odd."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from alerts.orders.values import OrderAction
from alerts.platform.reading import digest_of, read_event
from alerts.platform.signing import DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from alerts.platform.values import Inbound, example_document
from alerts.platform.wire import Wire
from aquavolt.repair.settings import RepairPlatformSettings
from metering.site import Site

_SHOWN = 5


def example_request(
    settings: RepairPlatformSettings, site: Callable[[], Site], event: OrderAction, now: datetime
) -> tuple[dict[str, str], str]:
    """Headers and body of an order's message at a place of the site, as it would be sent now."""
    nodes = site().nodes
    document = example_document(event) | {"place": next(reversed(nodes), "dorm-2-f3")}
    body = Wire(settings.send, site).body(document)
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": document["delivery"],
        DELIVERY_HEADER: document["delivery"],
        EVENT_HEADER: event.value,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: sign(settings.secrets[0], timestamp, body),
    }
    return headers, json.dumps(json.loads(body), ensure_ascii=False, indent=2)


def read_example(settings: RepairPlatformSettings, site: Site, body: bytes) -> Inbound:
    """How an event of the platform would be read. Raises: ValueError: it is no JSON."""
    document: Any = json.loads(body)
    return read_event(document, digest_of(body), settings.receive, site.zone)


def mapping_doubts(settings: RepairPlatformSettings, site: Site) -> list[str]:
    """One sentence each: what may be meant, but hardly is."""
    found = []
    if foreign := [node for node in settings.send.codes.place if node not in site.nodes]:
        found.append(f"repair_platform.send.codes.place names places that the site has not: {_some(foreign)}")
    codes = settings.send.codes.place
    if codes and (bare := [n for n in site.nodes if not any(above in codes for above in site.place_path(n))]):
        found.append(f"these places have no code for the repair platform, their ids are sent: {_some(bare)}")
    if settings.url.get_secret_value().startswith("http://") and not settings.allow_networks:
        found.append("the repair platform is reached over http: what is sent can be read on the way")
    return found


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
