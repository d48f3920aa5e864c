"""The campus on real sockets: Modbus and MQTT say what the campus says, and the process goes when it is told to."""

import asyncio
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from collector.modbus.once import ReadError
from collector.mqtt.routes import route_of
from collector.read_meter import read_meter
from metering.batch import to_ms
from metering.quantities import MAIN_REGISTER
from metering.site import Site
from metering.site_document import parse_site
from simulators.campus.campus import Campus, campus_of_truth
from simulators.campus.layout import DIGIT_PROFILES

DEADLINE_S = 60


class Process:
    """A child that speaks lines of JSON."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line)

    def said(self) -> dict:
        return json.loads(self.lines.get(timeout=DEADLINE_S))

    def ask(self, request: object) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.said()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(DEADLINE_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


@pytest.fixture(scope="module")
def served(broker_port, tmp_path_factory):
    folder = tmp_path_factory.mktemp("campus")
    child = Process("simulators.campus.serve", *_arguments(folder, broker_port))
    child.ready = child.said()
    child.folder = folder
    yield child
    child.end()


def _arguments(folder: Path, broker_port: int) -> list[str]:
    return [
        "--seed", "3", "--mqtt-port", str(broker_port),
        "--truth", str(folder / "truth.json"), "--site-out", str(folder / "site.yaml"),
    ]  # fmt: skip


def _site(folder: Path) -> Site:
    return parse_site(yaml.safe_load((folder / "site.yaml").read_text(encoding="utf-8")))


def _campus(folder: Path) -> Campus:
    return campus_of_truth(json.loads((folder / "truth.json").read_text(encoding="utf-8")))


def _now() -> np.datetime64:
    return to_ms(datetime.now(UTC))


def _register(site: Site, meter_id: str, timeout_s: float = 5.0) -> float:
    """The register that a meter on a line shows, with the very bits that a poll would take."""
    meter = site.meters[meter_id]
    values = asyncio.run(read_meter(meter.profile, meter.connection, meter.device_address, timeout_s=timeout_s))
    found = {v.quantity: v.value for v in values}
    if "counter_ch0" in found:
        return found["counter_ch0"] * meter.multiplier
    if meter.profile in DIGIT_PROFILES:
        return found[MAIN_REGISTER[meter.medium].name]
    # A reading prints the digits that a person means; the float32 on the wire is the register to the last bit.
    return float(np.float32(found["active_energy_import"]))


def test_it_is_ready_with_all_its_ports_and_a_site_that_parses(served):
    site, campus = _site(served.folder), _campus(served.folder)
    assert served.ready["meters"] == len(campus.meters) == len(site.meters)
    assert len(set(served.ready["line_ports"])) == len(served.ready["line_ports"])
    assert served.ready["epoch"] == campus.epoch.isoformat()


@pytest.mark.parametrize(
    "meter", ["w-campus", "e-campus", "e-dorm-3-common", "e-dorm-2-602", "e-dorm-3-101", "e-dorm-3-507", "w-dorm-1-f2"]
)
def test_a_meter_on_a_line_shows_the_register_of_the_campus(served, meter):
    site, campus = _site(served.folder), _campus(served.folder)
    before = _now() - np.timedelta64(1, "s")
    shown = _register(site, meter)
    row = campus.layout.meter_index[meter]
    assert campus.registers(before)[row] <= shown <= campus.registers(_now())[row]


def test_a_dead_unit_is_silent_and_its_neighbours_are_not(served):
    site, campus = _site(served.folder), _campus(served.folder)
    dead = next(f.meter for f in campus.faults if f.kind == "unit_dead")
    with pytest.raises(ReadError):
        _register(site, dead, timeout_s=0.5)
    line = site.meters[dead].connection
    neighbour = next(m.id for m in site.meters.values() if m.connection == line and m.id != dead)
    assert _register(site, neighbour) > 0


def test_radio_meters_publish_their_registers(served, broker_port):
    site, campus = _site(served.folder), _campus(served.folder)
    meters = {route_of(m).topic: m for m in site.meters.values() if str(m.connection).startswith("mqtt:")}
    messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, m: messages.put((m.topic, m.payload))
    client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in meters])
    client.connect("127.0.0.1", broker_port)
    client.loop_start()
    heard: set[str] = set()
    while len(heard) < len(meters):
        topic, payload = messages.get(timeout=DEADLINE_S)
        meter = meters[topic]
        listen = route_of(meter).listen
        assert listen is not None
        (sample,) = listen(topic, payload).moments
        shown = sample.values[list(sample.codes).index(MAIN_REGISTER["water"].code)]
        at = np.datetime64(sample.time_ms, "ms")
        assert campus.registers(at)[campus.layout.meter_index[meter.id]] == shown
        heard.add(meter.id)
    client.disconnect()
    client.loop_stop()


def test_a_fault_on_request_and_its_repair_are_in_the_truth_file_and_on_the_wire(served):
    site = _site(served.folder)
    room = "dorm-2-111"
    refused = served.ask({"inject": {"kind": "unit_dead", "node": room}})
    assert "no node 'dorm-2-111'" in refused["refused"]
    assert "refused" in served.ask(["unit_dead"])
    room = next(
        r.id
        for r in _campus(served.folder).layout.rooms()
        if r.id not in {f.node for f in _campus(served.folder).faults}
    )
    injected = served.ask({"inject": {"kind": "unit_dead", "node": room}})["injected"]
    assert injected["node"] == room
    assert _campus(served.folder).faults[-1].document() == injected
    with pytest.raises(ReadError):
        _register(site, injected["meter"], timeout_s=0.5)
    repaired = served.ask({"repair": injected["id"]})["repaired"]
    assert injected == repaired | {"end": None}
    assert _campus(served.folder).faults[-1].document() == repaired
    assert _register(site, injected["meter"]) > 0
    assert injected["id"] in served.ask({"repair": injected["id"]})["refused"]
    lasting = next(f for f in _campus(served.folder).faults if f.kind == "register_reset")
    assert "stays" in served.ask({"repair": lasting.id})["refused"]
    assert "refused" in served.ask({"repair": ["f01"]})


@pytest.mark.parametrize("way", ["term", "stdin"])
def test_it_ends_when_told_and_goes_on_with_the_same_campus(served, broker_port, way):
    before = _campus(served.folder)
    child = Process("simulators.campus.serve", *_arguments(served.folder, broker_port))
    child.said()
    assert _campus(served.folder).truth() == before.truth()
    if way == "term":
        child.process.send_signal(signal.SIGTERM)
    else:
        child.process.stdin.close()
    assert child.process.wait(DEADLINE_S) == 0
    assert child.process.stderr.read() == ""
    child.end()


def test_a_port_in_use_is_said_and_nothing_is_served(broker_port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        child = Process("simulators.campus.serve", "--mqtt-port", str(broker_port), "--port-base", str(port))
        assert child.process.wait(DEADLINE_S) == 1
        assert str(port) in child.process.stderr.read()
        child.end()
