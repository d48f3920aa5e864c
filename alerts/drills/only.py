"""A drill that one person is told of: a route of its own, in the place of those that people set."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.routing.routes import Route

ONLY = "drill-only"
LABEL = "only"


def only_route(labels: Mapping[str, str]) -> Route | None:
    """The route of a group that is one person's; None of any other group."""
    if (person := labels.get(LABEL)) is None:
        return None
    return Route(name="drill", targets=(f"person:{person}",), group_by=(), group_wait_s=0, tell_cleared=True)
