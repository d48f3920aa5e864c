"""kill -9 of the whole collector, in particular between receiving and acknowledging: nothing lost, nothing doubled."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from collector.journal import Journal
from metering.batch import ReadingBatch

pytestmark = pytest.mark.broker
ROOT = Path(__file__).resolve().parents[3]
START_MS = 1_772_323_200_000
MESSAGES = 3000

# `where` is the step after which this process kills itself, at the burst of that number.
COLLECTOR = """
import os, signal, sys, time
from pathlib import Path
from collector.counts import Counts
from collector.journal import Journal
from collector.mqtt import session
from collector.mqtt.client import MqttSource
from collector.mqtt.routes import route_of
from collector.mqtt.settings import MqttSettings
from metering.batch import ReadingBatch
from metering.site import Meter

path, port, protocol, where, burst, wanted = sys.argv[1:]
left = int(burst)

def here(step):
    global left
    if step == where:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

class Killing:
    def __init__(self, journal):
        self.journal, self.is_accepting = journal, journal.is_accepting
    def append(self, entries):
        here("received")
        found = self.journal.append(entries)
        here("committed")
        return found

class KillingSession(session.Session):
    def acknowledge(self, publishes):
        half = len(publishes) // 2
        super().acknowledge(publishes[:half])
        here("half acknowledged")
        super().acknowledge(publishes[half:])
        here("acknowledged")

import collector.mqtt.client as client
import collector.mqtt.link as link
client.Session = KillingSession
link._PIECE = link._BURST = 2000  # some 30 messages a burst, so that there are many
journal = Journal(Path(path), readers=("live",))
meter = Meter("w1", "water", connection=f"mqtt://127.0.0.1:{port}/water/1")
settings = MqttSettings("127.0.0.1", int(port), "killed", protocol=protocol)
source = MqttSource(settings, [route_of(meter)], Killing(journal), Counts())
source.start()
after, seen = 0, set()
while len(seen) < int(wanted) and journal.wait_beyond(after, 30):
    for after, entry in journal.read(after):
        if isinstance(entry, ReadingBatch):  # a word about the meter's clock may lie between
            seen.update(entry.value)
source.stop()
journal.close()
print(len(seen))
"""


def collect(path: Path, port: int, protocol: str, where: str, burst: int, wanted: int) -> subprocess.Popen:
    arguments = [str(path), str(port), protocol, where, str(burst), str(wanted)]
    return subprocess.Popen(
        [sys.executable, "-c", COLLECTOR, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_killed_at_every_step_it_loses_and_doubles_nothing(start_mosquitto, sender_to, tmp_path, protocol):
    broker = start_mosquitto()
    path = tmp_path / "journal.db"
    first = collect(path, broker.port, protocol, "never", 0, 1)  # makes the persistent session
    sender = sender_to(broker.port)
    deadline = monotonic() + 30
    while first.poll() is None and monotonic() < deadline:
        sender.send("water/1", json.dumps({"time": START_MS, "water_volume": 0}))
    assert first.wait(30) == 0, first.stderr.read()
    sender.send_all(
        ("water/1", json.dumps({"time": START_MS + 1000 * i, "water_volume": i})) for i in range(1, MESSAGES)
    )
    for where in ("received", "committed", "half acknowledged", "acknowledged"):
        for burst in (1, 2, 5):
            child = collect(path, broker.port, protocol, where, burst, MESSAGES)
            assert child.wait(60) == -signal.SIGKILL, child.stderr.read()
            child.stderr.close()
    last = collect(path, broker.port, protocol, "never", 0, MESSAGES)
    assert last.wait(60) == 0, last.stderr.read()
    for child in (first, last):
        child.stderr.close()
    journal = Journal(path, readers=("live",))
    batches = [entry for _, entry in journal.read(0, 1 << 30) if isinstance(entry, ReadingBatch)]
    keys = np.concatenate([batch.time.astype(np.int64) for batch in batches])
    values = np.concatenate([batch.value for batch in batches])
    stored = dict(zip(keys, values, strict=True))  # the key of a reading: meter, quantity, time
    assert stored == {START_MS + 1000 * i: float(i) for i in range(MESSAGES)}
    assert len(keys) >= MESSAGES
    journal.close()
