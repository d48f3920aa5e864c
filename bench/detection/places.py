"""How the place of an alert is compared with the place of a label.

A label names a meter or a node; it stands at the node of that meter, or at that node. An alert stands at its node, the
smallest place the rules dare to name. A node without meters of its own is lifted to the nearest one above that has
some, since no label can be smaller. The two must then be the same:

- a leak between a parent and its children stands at the parent's node, a leak inside a child at the child's;
- an alert at the parent of the right building is false, and the event it was meant for is missed;
- an alert at a neighbour is false too, however well its time fits.

`anywhere` takes the place out of both, to see how much of a score is lost by naming the wrong one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bench.detection.events import Alarm, Event
from metering.site import Site

SITE = "the whole site"


def place_of_label(site: Site, subject: str) -> str:
    """The place of a label.

    Raises:
        ValueError: neither a meter nor a node of the site.
    """
    if subject in site.meters:
        return site.meters[subject].node or subject
    if subject in site.nodes:
        return subject
    raise ValueError(f"label of {subject!r}: neither a meter nor a node of site {site.id!r}")


def place_of_alert(site: Site, node: str) -> str:
    """The node itself if it is metered, else the nearest metered one above it, else itself."""
    if node not in site.nodes:
        return node
    return next((n for n in reversed(site.place_path(node)) if site.meters_at[n]), node)


def anywhere(events: Iterable[Event], alarms: Iterable[Alarm]) -> tuple[list[Event], list[Alarm]]:
    """Both with the whole site for a place: only the time counts."""
    return [replace(e, place=SITE) for e in events], [replace(a, place=SITE) for a in alarms]
