"""A real broker for profiles whose meters publish."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

DEADLINE_S = 20


@pytest.fixture(scope="session")
def mosquitto_port() -> Iterator[int]:
    """Mosquitto on the loopback address, one for the whole run. The preflight sees that it is installed."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program, "mosquitto is not installed: make test-packages"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    process = subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + DEADLINE_S
    while not _listens(port):
        assert process.poll() is None, "mosquitto ended at once"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield port
    process.terminate()
    process.wait(DEADLINE_S)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
