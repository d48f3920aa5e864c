"""What of a site an account sees: its parts with all below them. Whatever is outside is as if it were not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from alerts.errors import UnknownAlertError
from alerts.listing import NONE_KNOWN
from alerts.records import Records
from alerts.users.roles import WHOLE_SITE
from alerts.values import Alert, AlertCounts, AlertFilter, AlertPage
from metering.health import HealthReport
from metering.site import Site

EVERY_ALERT = AlertFilter()


@dataclass(frozen=True, slots=True)
class Reach:
    """One account's part of a site.

    site      the site without everything else
    nodes     ids of its places, those too that the site does not have any more; None: the whole site
    assignee  only alerts that are assigned to this account; None: all alerts of the places
    """

    site: Site
    nodes: frozenset[str] | None
    assignee: str | None = None

    def covers(self, node: str | None) -> bool:
        """Whether a place is within. What stands nowhere belongs to the whole site."""
        return self.nodes is None or node in self.nodes

    def sees(self, alert: Alert) -> bool:
        """Whether the alert is the account's business."""
        return self.covers(alert.node) and self.assignee in (None, alert.assigned_to)

    def hears(self, event: Mapping[str, Any]) -> bool:
        """Whether a live event is: one about an alert that does not say where is for the whole site alone."""
        if event.get("type") != "alert":
            return True
        return self.covers(event.get("node")) and self.assignee in (None, event.get("assigned_to"))

    def narrowed(self, wanted: AlertFilter) -> AlertFilter:
        """The part of what is wanted that is within."""
        nodes = wanted.nodes
        if self.nodes is not None:
            nodes = tuple(n for n in (sorted(self.nodes) if nodes is None else nodes) if n in self.nodes)
        return replace(wanted, nodes=nodes, assigned_to=wanted.assigned_to if self.assignee is None else self.assignee)

    def health(self, report: HealthReport) -> HealthReport:
        """How collecting goes for the meters within. Reasons for refusals name any meter, so they are left out."""
        if self.nodes is None:
            return report
        meters = tuple(m for m in report.meters if m.meter in self.site.meters)
        lines = {m.connection for m in meters}
        connections = tuple(c for c in report.connections if c.connection in lines)
        return replace(report, meters=meters, connections=connections, set_aside={})


def reach_of(site: Site, nodes: tuple[str, ...], assignee: str | None = None) -> Reach:
    """The reach of an account with these parts of the site."""
    if WHOLE_SITE in nodes:
        return Reach(site, None, assignee)
    found = {below for node in nodes if node in site.nodes for below in site.subtree(node)}
    return Reach(_within(site, found), frozenset(found.union(nodes)), assignee)


def _within(site: Site, nodes: set[str]) -> Site:
    """The site with these places only; what leads out of them ends there."""
    meters = {m.id: m for m in site.meters.values() if m.node in nodes}
    return replace(
        site,
        nodes={
            n.id: replace(n, parent=n.parent if n.parent in nodes else None)
            for n in site.nodes.values()
            if n.id in nodes
        },
        meters={m.id: replace(m, parents=tuple(p for p in m.parents if p in meters)) for m in meters.values()},
        planned=tuple(use for use in site.planned if use.node in nodes),
    )


@dataclass(frozen=True, slots=True)
class AlertsWithin:
    """The records' alerts as far as they are within a reach."""

    records: Records
    reach: Reach

    def get(self, alert_id: str) -> Alert:
        """Raises: UnknownAlertError, also for one that is not within."""
        alert = self.records.get_alert(alert_id)
        if not self.reach.sees(alert):
            raise UnknownAlertError(alert_id)
        return alert

    def find(
        self, wanted: AlertFilter = EVERY_ALERT, *, cursor: str | None = None, limit: int = 50,
        known: Mapping[str, Alert] = NONE_KNOWN,
    ) -> AlertPage:  # fmt: skip
        """As of the records. Raises: CursorError, RefusedError (limit not in 1..500)."""
        return self.records.find_alerts(self.reach.narrowed(wanted), cursor=cursor, limit=limit, known=known)

    def count(self) -> AlertCounts:
        """The head of the list."""
        nodes = None if self.reach.nodes is None else sorted(self.reach.nodes)
        return self.records.count_alerts(nodes, self.reach.assignee)
