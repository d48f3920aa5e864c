"""Faults on purpose, on a real mosquitto, a real InfluxDB and the three services: every reading is accounted for.

Expected and stored readings are compared one by one. Longer outages: `python -m bench --only faults`.
"""

from __future__ import annotations

import os
import shutil

import pytest

from bench.harness.cases import CASES, UNDISTURBED, run
from deploy.services.influxd import start_influx

pytestmark = [
    pytest.mark.slow, pytest.mark.influx, pytest.mark.broker, pytest.mark.timeout(600),
    # The undisturbed run is made once for all of them.
    pytest.mark.xdist_group("faults"),
]  # fmt: skip

OUTAGE_S, OTHER_S = 20.0, 5.0
OUTAGES = {"broker stopped", "InfluxDB stopped"}
POSSIBLE = [case for case in CASES if not case.ground.disk_mb or os.geteuid() == 0]  # mounting a disk is root's


@pytest.fixture(scope="module")
def server(influx):
    """An InfluxDB that may be stopped: one of our own, whatever server the other tests have been given."""
    made, folder = start_influx()
    yield made
    made.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    return run(UNDISTURBED, tmp_path_factory.mktemp("undisturbed"), server, OTHER_S)


def test_without_a_fault_every_reading_is_stored_once_and_there_are_alerts(undisturbed):
    row = undisturbed.row
    assert (row.lost, row.told, row.doubled) == (0, 0, 0)
    assert row.stored == row.expected > 50_000
    assert len(undisturbed.alerts) >= 5


@pytest.mark.parametrize("case", POSSIBLE, ids=lambda case: case.name)
def test_nothing_is_lost_in_silence(case, server, undisturbed, tmp_path):
    seconds = OUTAGE_S if case.name in OUTAGES else OTHER_S
    outcome = run(case, tmp_path, server, seconds, undisturbed=undisturbed.alerts)
    row = outcome.row
    assert row.doubled == 0, row
    assert row.lost == row.told, row
    if case.is_survived:
        assert row.lost == 0, row
    else:
        assert row.lost > 0, "this case is to lose what nobody else had"
    assert outcome.differing == []
