"""Which code judges which site: digests, so that state of other code or another tree is never taken up by mistake."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import metering
import rules
from metering.site import Site


@cache
def code_revision() -> str:
    """Digest of the sources of `rules` and `metering`: what intervals, findings and incidents depend on."""
    digest = hashlib.sha256()
    for package in (metering, rules):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def site_revision(site: Site) -> str:
    """Digest of what the rules know of a site: not of names, nor of how its meters are reached."""
    nodes = [replace(n, name="", department="") for n in site.nodes.values()]
    meters = [replace(m, profile=None, connection=None, device_address=None) for m in site.meters.values()]
    return hashlib.sha256(repr((site.timezone, site.calendar, site.planned, nodes, meters)).encode()).hexdigest()[:12]
