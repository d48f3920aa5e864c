"""What views are given: the parts of the API, the site as it is now, and who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from alerts.users.reach import AlertsWithin, Reach
from alerts.users.users import Users
from alerts.values import Actor
from api.parts import ApiParts, User
from api.problems import Problem
from api.reaches import Reaches
from metering.health import HealthReport
from metering.site import Meter, Node, Site


def get_parts(request: Request) -> ApiParts:
    """The parts the application was made of."""
    parts: ApiParts = request.app.state.parts
    return parts


def get_reach(request: Request) -> Reach:
    """What of the site the one who asks sees."""
    reaches: Reaches = request.app.state.reaches
    return reaches.of(get_user(request))


def get_site(request: Request) -> Site:
    """The site as it is now, as far as the one who asks sees it."""
    return get_reach(request).site


def get_alerts(request: Request) -> AlertsWithin:
    """The alerts that the one who asks sees."""
    return AlertsWithin(get_parts(request).records, get_reach(request))


def get_health(request: Request) -> HealthReport:
    """How collecting goes, as far as the one who asks sees it."""
    return get_reach(request).health(get_parts(request).health())


def get_user(request: Request) -> User:
    """Who asks.

    Raises:
        Problem: 401, nobody is signed in: the route is open.
    """
    user: User | None = request.state.user
    if user is None:
        raise Problem(401, "Sign in first.")
    return user


def get_users(request: Request) -> Users:
    """Accounts, sessions and tokens."""
    users: Users = request.app.state.users
    return users


def get_actor(request: Request) -> Actor:
    """Who acts, and from where, for the audit trail."""
    return Actor(get_user(request).name, request.client.host if request.client else "")


Parts = Annotated[ApiParts, Depends(get_parts)]
CurrentSite = Annotated[Site, Depends(get_site)]
CurrentReach = Annotated[Reach, Depends(get_reach)]
CurrentAlerts = Annotated[AlertsWithin, Depends(get_alerts)]
CurrentHealth = Annotated[HealthReport, Depends(get_health)]
CurrentUser = Annotated[User, Depends(get_user)]
CurrentUsers = Annotated[Users, Depends(get_users)]
CurrentActor = Annotated[Actor, Depends(get_actor)]


def node_of(site: Site, node_id: str) -> Node:
    """The node of that id.

    Raises:
        Problem: 404.
    """
    if (node := site.nodes.get(node_id)) is None:
        raise Problem(404, f"There is no node {node_id!r} on this site.")
    return node


def meter_of(site: Site, meter_id: str) -> Meter:
    """The meter of that id.

    Raises:
        Problem: 404.
    """
    if (meter := site.meters.get(meter_id)) is None:
        raise Problem(404, f"There is no meter {meter_id!r} on this site.")
    return meter
