import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date

import pytest

from simulators.campus.campus import Campus, build_campus

EPOCH = date(2026, 10, 19)  # five ordinary weeks of an autumn term


@pytest.fixture(scope="session")
def campus() -> Campus:
    return build_campus(1, EPOCH)


@pytest.fixture(scope="session")
def healthy() -> Campus:
    return build_campus(1, EPOCH, faults=())


@pytest.fixture(scope="session")
def broker() -> Iterator[int]:
    """The port of the demo's own MQTT broker; it ends with its stdin."""
    command = [sys.executable, "-m", "simulators.mqtt.broker", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"])
        process.stdin.close()
