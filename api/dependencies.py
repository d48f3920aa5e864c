"""What views are given: the parts of the API, the site as it is now, and who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from alerts.values import Actor
from api.parts import ApiParts, User
from api.problems import Problem
from metering.site import Meter, Node, Site


def get_parts(request: Request) -> ApiParts:
    """The parts the application was made of."""
    parts: ApiParts = request.app.state.parts
    return parts


def get_site(request: Request) -> Site:
    """The site as it is now."""
    return get_parts(request).site()


def get_user(request: Request) -> User:
    """Who asks; the access layer has signed it in."""
    user: User = request.state.user
    return user


def get_actor(request: Request) -> Actor:
    """Who acts, and from where, for the audit trail."""
    return Actor(get_user(request).name, request.client.host if request.client else "")


Parts = Annotated[ApiParts, Depends(get_parts)]
CurrentSite = Annotated[Site, Depends(get_site)]
CurrentUser = Annotated[User, Depends(get_user)]
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
