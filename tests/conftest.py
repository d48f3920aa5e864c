"""Options of the whole test run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from deploy.services.influxd import Access, InfluxMissingError, given_access, is_at_hand, start_influx, unavailable

_INFLUX_MISSING = "no InfluxDB 2"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a test that would be skipped fails (for CI)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.config.getoption("--no-skips") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} would be skipped: {call.excinfo.value if call.excinfo else ''}"
    return report


@pytest.fixture(scope="session")
def influx() -> Iterator[Access]:
    """A real InfluxDB 2, one for the whole run; each test makes buckets of its own in it."""
    if not is_at_hand():
        _without_influx(unavailable() or "build it once: make influxd")
    if (given := given_access()) is not None:
        yield given
        return
    try:
        server, folder = start_influx()
    except InfluxMissingError as error:
        _without_influx(str(error))
    try:
        yield server.access
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def records_url(tmp_path: Path) -> str:
    """A records database of its own: a file, or a schema of the PostgreSQL that AQUAVOLT_TEST_POSTGRES names."""
    server = os.environ.get("AQUAVOLT_TEST_POSTGRES")
    if server is None:
        return f"sqlite:///{tmp_path}/records-{uuid4().hex}.db"
    schema = f"t{uuid4().hex}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return f"{server}?options=-csearch_path%3D{schema}"


@pytest.fixture(scope="session")
def broker_port() -> Iterator[int]:
    """The port of the demo's own MQTT broker; it ends with its stdin."""
    command = [sys.executable, "-m", "simulators.mqtt.broker", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"])
        process.stdin.close()


def _without_influx(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{_INFLUX_MISSING}: {reason}", pytrace=False)
    pytest.skip(f"{_INFLUX_MISSING}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [
        report for report in terminalreporter.stats.get("skipped", ()) if _INFLUX_MISSING in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} tests were skipped: {skipped[0].longrepr[2]}", yellow=True)
