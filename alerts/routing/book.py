"""Everything that decides who hears of an alert, but the alert and the time: one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from alerts.duty.calendar import LocalTime
from alerts.duty.on_duty import Roster
from alerts.routing.routes import DEFAULT_ROUTES, Address, Contact, Digest, Route, Silence
from metering.incident import Severity
from metering.site import Site


@dataclass(frozen=True)
class Book:
    """What people have set, with the site and calendar it is about.

    channels  names of the channels there are
    """

    site: Site
    local: LocalTime
    channels: tuple[str, ...] = ()
    roster: Roster = field(default_factory=Roster)
    routes: Mapping[str, Route] = field(default_factory=dict)
    silences: Mapping[str, Silence] = field(default_factory=dict)
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    digests: Mapping[str, Digest] = field(default_factory=dict)

    def is_active(self, person: str) -> bool:
        """Whether an account of that name may still act; one that is gone is never told, its fallback is."""
        return self.roster.is_active(person)

    @cached_property
    def asked(self) -> tuple[tuple[str, Route], ...]:
        """Routes in the order in which they are asked, those of the program last."""
        own = sorted(self.routes.items(), key=lambda item: (item[1].position, item[0]))
        return (*own, *((name, r) for name, r in DEFAULT_ROUTES.items() if name not in self.routes))

    def route(self, route_id: str) -> Route | None:
        """The route of that id, None where somebody took it away."""
        return self.routes.get(route_id) or DEFAULT_ROUTES.get(route_id)

    def path(self, node: str) -> tuple[str, ...]:
        """The places from the root to the node; a node that the site no longer has is alone."""
        return self.site.place_path(node) if node in self.site.nodes else (node,)

    def addresses(self, person: str, severity: Severity) -> tuple[Address, ...]:
        """Where the person is told of something so severe; empty: cannot be reached."""
        contact = self.contacts.get(person)
        if contact is None or not self.is_active(person):
            return ()
        there = tuple(a for a in contact.addresses if a.channel in self.channels)
        # Somebody who is only reached of other severities is reached all the same, rather than not at all.
        return tuple(a for a in there if not a.severities or severity in a.severities) or there[:1]
