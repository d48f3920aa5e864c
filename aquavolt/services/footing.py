"""What each service stands on: its own folder, locked, and a store that others can reach too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aquavolt.config.settings import WatchSettings
from aquavolt.pushing.link import HttpLink
from aquavolt.setup import ProgramError, Setup
from aquavolt.stores.opened import ProgramStore, open_store

OpenStore = Callable[[Path], ProgramStore]


def shared_store(setup: Setup) -> OpenStore:
    """Opens the store that the services share, with what is kept beside it in a service's folder.

    Raises:
        ProgramError: the settings name none.
    """
    settings = setup.settings
    influx = settings.influx_for(setup.site.id)
    if influx is None:
        raise ProgramError(
            "the services share their store, so they need InfluxDB: set AQUAVOLT_INFLUX_URL, AQUAVOLT_INFLUX_TOKEN and "
            "AQUAVOLT_INFLUX_ORG (or `influx` in aquavolt.yaml); on the embedded store it is `aquavolt run`"
        )
    return lambda folder: open_store(folder, influx, raw_retention_days=settings.retention_days)


def watch_of(setup: Setup) -> WatchSettings:
    """How the services reach each other.

    Raises:
        ProgramError: the settings do not say.
    """
    if setup.settings.watch is None:
        raise ProgramError(
            "the services speak to `aquavolt watch`: set AQUAVOLT_WATCH_URL and AQUAVOLT_WATCH_TOKEN (or `watch` in "
            "aquavolt.yaml), the same for all of them"
        )
    return setup.settings.watch


def link_to(watch: WatchSettings) -> HttpLink:
    """A collector's line.

    Raises:
        ProgramError: the certificates to trust cannot be read.
    """
    try:
        return HttpLink(watch.url.rstrip("/"), watch.token.get_secret_value(), watch.ca_file)
    except OSError as error:
        raise ProgramError(f"certificates {watch.ca_file}: {error}") from error
