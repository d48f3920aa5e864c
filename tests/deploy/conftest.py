"""The services of docker-compose.yml, natively, on a real InfluxDB and a mosquitto with the committed configuration."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from composed_running import Running, prepared

from deploy.services.influxd import Access


@pytest.fixture(scope="module")
def running(influx: Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Nothing is started yet. Secrets as init.sh makes them, ports that are free."""
    folder = tmp_path_factory.mktemp("composed")
    made = prepared(folder, influx)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))  # where Debian has the broker
        try:
            yield made
        finally:
            made.stop()
            shutil.rmtree(folder / "data", ignore_errors=True)
