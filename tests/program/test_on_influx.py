"""The program on a real InfluxDB: the same campus gives the same alerts, readings and intervals as embedded."""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pytest
from cli import aquavolt_command
from inside import Folder, feed, run
from state import alerts_of

from aquavolt.config.settings import InfluxConnection
from aquavolt.program import Setup
from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.opened import open_store
from deploy.services.influxd import Access
from metering.batch import batch_of

pytestmark = [pytest.mark.slow, pytest.mark.influx, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class InfluxFolder(Folder):
    """A data folder whose store is a bucket of its own."""

    influx: InfluxConnection | None = None

    def setup(self) -> Setup:
        made = super().setup()
        return replace(made, settings=made.settings.model_copy(update={"influx": self.influx}))

    def store(self) -> InfluxStore:
        setup = self.setup()
        store = open_store(self.data, setup.settings.influx_for(setup.site.id))
        assert isinstance(store, InfluxStore)
        return store


@pytest.fixture
def connection(influx: Access) -> InfluxConnection:
    return InfluxConnection.model_validate(
        {"url": influx.url, "token": influx.token, "org": influx.org, "bucket": f"program_{uuid.uuid4().hex[:8]}"}
    )


def test_the_same_campus_gives_the_same_on_influx(fed, tmp_path, connection):
    now = np.datetime64(fed.entries[-1].time, "ms")
    embedded = Folder(tmp_path / "embedded", fed.site, now)
    on_influx = InfluxFolder(tmp_path / "influx", fed.site, now, influx=connection)
    for folder in (embedded, on_influx):
        run(folder, feed(fed.entries))
    assert len(alerts_of(on_influx.data)) > 3
    assert alerts_of(on_influx.data) == alerts_of(embedded.data)
    with closing(open_store(embedded.data)) as ours, closing(on_influx.store()) as theirs:
        assert theirs.count() == ours.count()
        assert theirs.position() == ours.position()
        meters = sorted(ours.count())
        edges = now.astype("datetime64[D]").astype("datetime64[ms]") - np.arange(30, -1, -1) * np.timedelta64(1, "D")
        for quantity in ("water_volume", "active_energy_import"):
            wanted, found = (store.usage(meters, quantity, edges) for store in (ours, theirs))
            np.testing.assert_allclose(found.usage, wanted.usage, rtol=0, atol=1e-9)
            assert (found.quality == wanted.quality).all()
        assert theirs.health().quarantined == 0


def test_what_was_refused_is_listed_and_replayed_by_the_command(fed, tmp_path, connection):
    folder = InfluxFolder(tmp_path / "data", fed.site, np.datetime64("2026-11-01", "ms"), influx=connection)
    with closing(folder.store()) as store:
        store.append_readings([batch_of(["w-1"], [0], 50, np.datetime64("1999-01-01", "ms"), [4.5])], 1)
    given = {
        "AQUAVOLT_INFLUX_URL": connection.url, "AQUAVOLT_INFLUX_ORG": connection.org,
        "AQUAVOLT_INFLUX_TOKEN": connection.token.get_secret_value(), "AQUAVOLT_INFLUX_BUCKET": connection.bucket,
        "AQUAVOLT_SITE": str(fed.site), "AQUAVOLT_DATA": str(folder.data),
    }  # fmt: skip
    listed = aquavolt_command(tmp_path, "quarantine", "list", **given)
    assert "retention" in listed.out
    assert "w-1 water_volume 1999-01-01T00:00:00+00:00 4.5" in listed.out
    assert '"value": 4.5' in aquavolt_command(tmp_path, "quarantine", "list", "--json", **given).out
    assert (
        "0 of 1 points are written; 1 were refused again"
        in aquavolt_command(tmp_path, "quarantine", "replay", **given).out
    )
    assert "1 points" in aquavolt_command(tmp_path, "quarantine", "list", **given).out


def test_what_is_missing_of_the_address_is_named(fed, tmp_path):
    given = {"AQUAVOLT_SITE": str(fed.site), "AQUAVOLT_DATA": str(tmp_path)}
    assert "AQUAVOLT_INFLUX_URL" in aquavolt_command(tmp_path, "move", **given).message
    half = aquavolt_command(tmp_path, "move", AQUAVOLT_INFLUX_URL="http://127.0.0.1:1", **given).message
    assert "AQUAVOLT_INFLUX_TOKEN: " in half
    assert "AQUAVOLT_INFLUX_ORG: " in half
    wrong = {"AQUAVOLT_INFLUX_URL": "influx", "AQUAVOLT_INFLUX_TOKEN": "t", "AQUAVOLT_INFLUX_ORG": "o"}
    assert "AQUAVOLT_INFLUX_URL: " in aquavolt_command(tmp_path, "move", **wrong, **given).message
