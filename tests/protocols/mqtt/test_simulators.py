"""The demo's own broker and publishers, with the collector at the other end."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.counts import Counts
from collector.journal import Journal
from collector.mqtt.client import MqttSource
from collector.mqtt.decode import payload_decoder
from collector.mqtt.routes import route_of
from collector.mqtt.settings import MqttSettings
from device_profiles.loader import load_profile
from device_profiles.schema import JsonProfile
from metering.batch import ReadingBatch
from metering.quantities import BY_NAME
from metering.site import Meter
from simulators.mqtt.messages import Publication
from simulators.mqtt.payload import encode_payload
from simulators.mqtt.publisher import Publisher, PublishingMeter

ROOT = Path(__file__).resolve().parents[3]
PLAIN = load_profile("json-plain")
MOMENT = datetime(2026, 3, 1, 0, 0, 1, 250_000, tzinfo=UTC)
MOMENT_MS = 1_772_323_201_250


def wait(is_true) -> None:
    deadline = monotonic() + 30
    while not is_true():
        assert monotonic() < deadline
        sleep(0.01)


@pytest.fixture
def broker():
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.mqtt.broker", "--port", "0"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    yield process
    process.stdin.close()
    process.stdout.close()
    assert process.wait(30) == 0


def test_published_meters_arrive_through_the_demos_broker(broker, tmp_path):
    ready = json.loads(broker.stdout.readline())
    host, port = ready["host"], ready["port"]
    assert ready["endpoint"] == f"mqtt://{host}:{port}"
    meters = [Meter(f"w{i}", "water", connection=f"{ready['endpoint']}/water/{i}") for i in range(3)]
    journal, counts = Journal(tmp_path / "journal.db"), Counts()
    source = MqttSource(MqttSettings(host, port, "demo"), [route_of(m) for m in meters], journal, counts)
    source.start()
    publisher = Publisher(
        host,
        port,
        [
            PublishingMeter(Publication(PLAIN, topic=f"water/{i}"), lambda _, i=i: {"water_volume": float(i)}, 0.2)
            for i in range(3)
        ],
    )
    publisher.start()
    seen: dict[str, set[float]] = {}

    def all_seen() -> bool:
        # A word about the meter's clock may stand between them.
        for batch in (entry for _, entry in journal.read(0) if isinstance(entry, ReadingBatch)):
            for row, meter in enumerate(batch.meter):
                seen.setdefault(batch.meters[meter], set()).add(float(batch.value[row]))
                assert int(batch.time[row].astype(int)) % 200 == 0  # the publisher's grid
        return len(seen) == 3

    wait(all_seen)
    assert seen == {"w0": {0.0}, "w1": {1.0}, "w2": {2.0}}
    publisher.stop()
    source.stop()
    journal.close()


def test_the_broker_says_that_its_port_is_in_use(broker):
    port = json.loads(broker.stdout.readline())["port"]
    other = subprocess.run(
        [sys.executable, "-m", "simulators.mqtt.broker", "--port", str(port)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert other.returncode == 1
    assert other.stderr.strip() == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_the_broker_ends_on_sigterm(broker):
    broker.stdout.readline()
    broker.send_signal(signal.SIGTERM)
    assert broker.wait(30) == 0


def test_the_broker_does_not_outlive_a_killed_parent():
    parent = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'simulators.mqtt.broker', '--port', '0'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        process.kill()
    wait(lambda: not is_running(child))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"  # where nobody collects orphans a zombie stays


# -- payloads by profile ---------------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(["water_volume", "flow_rate", "battery"]), st.floats(0, 1e9), min_size=1))
def test_what_a_plain_meter_publishes_is_what_the_collector_reads(values):
    sample = payload_decoder(PLAIN, medium="water")(encode_payload(PLAIN, values, MOMENT))
    assert dict(zip(sample.codes, sample.values, strict=True)) == {BY_NAME[n].code: v for n, v in values.items()}
    assert sample.time_ms == MOMENT_MS


@pytest.mark.parametrize("form", ["iso8601", "unix_s", "unix_ms"])
def test_a_profile_with_paths_works_both_ways(form):
    made = JsonProfile.model_validate(
        {
            "schema": "device_profile/1", "id": "made-up", "manufacturer": "nobody", "medium": "water",
            "confidence": "low", "protocol": "mqtt-json", "time": {"path": ["meta.ts"], "form": form},
            "points": [
                {"quantity": "water_volume", "path": "data[1].total", "scale": 0.5, "offset": 1},
                {"quantity": "battery", "path": "data[0].bat"},
                {"quantity": "temperature", "path": "meta.t"},
            ],
        }
    )  # fmt: skip
    payload = encode_payload(made, {"water_volume": 12, "battery": 90.5, "temperature": -3}, MOMENT)
    assert json.loads(payload)["data"] == [{"bat": 90.5}, {"total": 22}]
    sample = payload_decoder(made, medium="water")(payload)
    assert sample.values == [12.0, 90.5, -3.0]
    assert sample.time_ms == MOMENT_MS
    with pytest.raises(ValueError, match="made-up has none of: pressure"):
        encode_payload(made, {"pressure": 1}, MOMENT)


def test_the_grid_of_a_meter():
    meter = PublishingMeter(Publication(PLAIN, topic="t"), lambda _: {}, period_s=60, phase_s=7)
    assert meter.due_after(0) == 7
    assert meter.due_after(7) == 67
    assert meter.due_after(66.9) == 67
    with pytest.raises(ValueError, match="topic t: period_s is 0"):
        PublishingMeter(Publication(PLAIN, topic="t"), lambda _: {}, period_s=0)
