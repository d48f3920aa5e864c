"""Places that the providers' rules name."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.users.roles import WHOLE_SITE
from aquavolt.config.settings import Settings
from metering.site import Site


def unknown_places(settings: Settings, site: Site) -> Iterator[str]:
    """What rules of the providers name and the site does not have: whoever they fit would see nothing."""
    for i, way in enumerate(settings.sign_in):
        given = [(f"roles.{j}", rule) for j, rule in enumerate(way.roles)]
        for key, grant in [*given, *([("default", way.default)] if way.default else [])]:
            for node in grant.nodes:
                if node != WHOLE_SITE and node not in site.nodes:
                    yield f"sign_in.{i}.{key}.nodes ({way.id}): the site has no place {node!r}"
