"""A real InfluxDB, alone or behind a proxy that answers in its place where a test says so."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from deploy.services.influxd import Access
from tests.storage.influx.proxy import Proxy


@pytest.fixture
def proxy(influx: Access) -> Iterator[Proxy]:
    made = Proxy(influx.url)
    yield made
    made.close()


@pytest.fixture
def settings(influx: Access) -> InfluxSettings:
    """Buckets of the test's own."""
    return InfluxSettings(influx.url, influx.token, influx.org, f"test_{uuid.uuid4().hex[:10]}", "campus")


@pytest.fixture
def open_influx(tmp_path: Path, settings: InfluxSettings) -> Iterator[Callable[..., InfluxStore]]:
    """Opens a store with these settings, others where given; all are closed at the end."""
    with ExitStack() as opened:

        def make(**given: Any) -> InfluxStore:
            store = InfluxStore(replace(settings, **given), tmp_path)
            opened.callback(store.close)
            return store

        yield make
