"""The source against a real mosquitto: nothing lost, nothing acknowledged too early, nothing stops the rest."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest

from collector.connection import parse_connection
from collector.counts import Counts
from collector.journal import Journal, JournalFullError
from collector.mqtt.client import MqttSource
from collector.mqtt.once import MqttReadError, read_once
from collector.mqtt.routes import route_of
from collector.mqtt.settings import MqttSettings
from device_profiles.loader import load_profile
from metering.batch import Quality, ReadingBatch
from metering.entries import Entry
from metering.site import Meter

pytestmark = pytest.mark.broker
START_MS = 1_772_323_200_000


class Gate:
    """A real journal that can be told to refuse, as at its floor or on a full disk."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.is_open = True
        self.is_full = False
        self.refused = threading.Event()

    def is_accepting(self) -> bool:
        if not self.is_open:
            self.refused.set()
        return self.is_open and self.journal.is_accepting()

    def append(self, entries: Sequence[Entry]) -> int:
        if self.is_full:
            self.refused.set()
            raise JournalFullError("the disk is full")
        return self.journal.append(entries)


def payload(number: int) -> str:
    return json.dumps({"time": START_MS + number * 1000, "water_volume": number})


class Harness:
    """A source on the given broker, its journal and counts."""

    def __init__(self, path, port: int, meters: list[Meter], **settings) -> None:
        self.journal = Journal(path, readers=("live",))
        self.gate = Gate(self.journal)
        self.counts = Counts()
        given = {"host": "127.0.0.1", "port": port, "client_id": "test", "keepalive_s": 5} | settings
        self.now_ms = START_MS + 3_600_000
        self.source = MqttSource(
            MqttSettings(**given), [route_of(m) for m in meters], self.gate, self.counts, now_ms=lambda: self.now_ms
        )

    def report(self):
        return self.counts.report(np.datetime64(self.now_ms, "ms"), self.journal)

    def connection(self):
        (found,) = self.report().connections
        return found

    def stored(self) -> list[tuple[str, int, float, int]]:
        return [
            (batch.meters[m], int(t.astype(int)), float(v), int(q))
            for _, batch in self.journal.read(0, 1 << 30)
            if isinstance(batch, ReadingBatch)
            for m, t, v, q in zip(batch.meter, batch.time, batch.value, batch.quality, strict=True)
        ]

    def values(self) -> list[float]:
        return [v for _, _, v, _ in self.stored()]

    def close(self) -> None:
        self.source.stop()
        self.journal.close()


def water(meter: str, port: int, topic: str, **more) -> Meter:
    return Meter(meter, "water", connection=f"mqtt://127.0.0.1:{port}/{topic}", **more)


@pytest.fixture
def harness(tmp_path):
    made = []

    def make(port: int, meters: list[Meter] | None = None, *, start: bool = True, **settings) -> Harness:
        found = Harness(tmp_path / "journal.db", port, meters or [water("w1", port, "water/1")], **settings)
        made.append(found)
        if start:
            found.source.start()
            wait(lambda: found.connection().state == "connected", "it is connected")
        return found

    yield make
    for one in made:
        one.close()


def wait(is_true, what: str) -> None:
    deadline = monotonic() + 30
    while not is_true():
        assert monotonic() < deadline, f"waited 30 s until {what}"
        sleep(0.01)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_messages_become_readings_of_their_meters(harness, mosquitto, sender_to, protocol):
    port = mosquitto.port
    meters = [water("w1", port, "water/1"), water("w2", port, "zone/+/state", poll_s=60)]
    found = harness(port, meters, protocol=protocol)
    sender = sender_to(port)
    sender.send("water/1", payload(1))
    sender.send("zone/9/state", payload(2))
    sender.send("zone/9/other", payload(3))
    sender.send("water/1", json.dumps({"water_volume": 4, "flow_rate": 0.5}))
    wait(lambda: len(found.values()) == 4, "four readings are stored")
    assert found.stored() == [
        ("w1", START_MS + 1000, 1.0, 0),
        ("w2", START_MS + 2000, 2.0, 0),
        ("w1", found.now_ms, 4.0, 0),
        ("w1", found.now_ms, 0.5, 0),
    ]
    wait(lambda: found.connection().requests == 3, "three messages are counted")  # after they are stored
    w1, w2 = found.report().meters
    assert (w1.connection, w1.received, w2.received) == (f"mqtt://127.0.0.1:{port}", 3, 1)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_what_is_sent_while_we_are_away_comes_afterwards_once(harness, mosquitto, sender_to, protocol):
    first = harness(mosquitto.port, protocol=protocol)
    sender = sender_to(mosquitto.port)
    sender.send("water/1", payload(0))
    wait(lambda: first.values() == [0.0], "the first is stored")
    first.close()
    sender.send_all(("water/1", payload(i)) for i in range(1, 500))
    second = harness(mosquitto.port, protocol=protocol)
    wait(lambda: len(second.values()) >= 500, "all are stored")
    assert second.values() == [float(i) for i in range(500)]


def test_a_malformed_message_is_named_counted_and_gone_for_ever(harness, mosquitto, sender_to):
    found = harness(mosquitto.port)
    sender = sender_to(mosquitto.port)
    for bad in ("{not json", "[1, 2]", '{"water_volume": "much"}', '{"water": 1}', b"\xff\xfe", ""):
        sender.send("water/1", bad)
    sender.send("water/1", payload(7))
    wait(lambda: found.values() == [7.0], "the good one is stored")
    assert found.report().set_aside == {"malformed MQTT payload": 6}
    (meter,) = found.report().meters
    assert meter.errors == 6
    assert meter.last_error.startswith("topic water/1: the payload is no JSON")
    found.close()
    again = harness(mosquitto.port)
    sender.send("water/1", payload(8))
    wait(lambda: again.values() == [7.0, 8.0], "the next is stored")
    assert again.report().set_aside == {}  # the broker does not send them again


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_journal_at_its_floor_acknowledges_nothing_and_goes_on_later(harness, mosquitto, sender_to, protocol):
    found = harness(mosquitto.port, protocol=protocol)
    sender = sender_to(mosquitto.port)
    sender.send("water/1", payload(0))
    wait(lambda: found.values() == [0.0], "the first is stored")
    found.gate.is_open = False
    sender.send_all(("water/1", payload(i)) for i in range(1, 200))
    wait(lambda: found.connection().state == "waiting", "it waits")
    assert "nothing is acknowledged" in found.connection().last_error
    assert found.values() == [0.0]
    found.gate.is_open = True
    wait(lambda: len(found.values()) >= 200, "all are stored")
    assert found.values() == [float(i) for i in range(200)]
    wait(lambda: found.connection().last_error == "", "the trouble is over")


def test_a_full_disk_at_commit_loses_nothing(harness, mosquitto, sender_to):
    found = harness(mosquitto.port)
    sender = sender_to(mosquitto.port)
    found.gate.is_full = True
    sender.send_all(("water/1", payload(i)) for i in range(50))
    assert found.gate.refused.wait(30)
    found.gate.is_full = False
    wait(lambda: len(set(found.values())) == 50, "all are stored")
    assert sorted(set(found.values())) == [float(i) for i in range(50)]


@pytest.mark.parametrize("is_kill", [False, True])
def test_a_broker_that_comes_back_finds_us_subscribed(harness, mosquitto, sender_to, is_kill):
    found = harness(mosquitto.port)
    sender_to(mosquitto.port).send("water/1", payload(1))
    wait(lambda: found.values() == [1.0], "the first is stored")
    mosquitto.stop(is_kill=is_kill)
    wait(lambda: found.connection().state == "waiting", "the loss is noticed")
    assert found.connection().last_error
    mosquitto.start()
    wait(lambda: found.connection().state == "connected", "it is connected again")
    assert found.connection().reconnects == 1
    sender_to(mosquitto.port).send("water/1", payload(2))
    wait(lambda: found.values() == [1.0, 2.0], "the second is stored")


def test_a_broker_without_memory_is_subscribed_to_anew(harness, start_mosquitto, sender_to):
    broker = start_mosquitto("persistent_client_expiration 1h")
    found = harness(broker.port)
    broker.stop(is_kill=True)
    for file in broker._config.parent.glob("mosquitto.db*"):
        file.unlink()
    broker.start()
    wait(lambda: found.connection().state == "connected" and found.connection().reconnects == 1, "it is back")
    sender_to(broker.port).send("water/1", payload(3))
    wait(lambda: found.values() == [3.0], "it is stored")


def test_a_broker_that_is_not_there_is_waited_for(harness, mosquitto, sender_to):
    mosquitto.stop()
    found = harness(mosquitto.port, start=False)
    found.source.start()
    wait(lambda: found.connection().state == "waiting", "it waits")
    assert "cannot connect" in found.connection().last_error
    mosquitto.start()
    wait(lambda: found.connection().state == "connected", "it is connected")
    sender_to(mosquitto.port).send("water/1", payload(1))
    wait(lambda: found.values() == [1.0], "it is stored")


def test_tls_checks_the_certificate(harness, start_mosquitto, certificates, sender_to):
    listener = (
        "allow_anonymous true", f"cafile {certificates}/ca.pem",
        f"certfile {certificates}/server.pem", f"keyfile {certificates}/server.key",
    )  # fmt: skip
    broker = start_mosquitto(listener=listener)
    meters = [Meter("w1", "water", connection=f"mqtts://127.0.0.1:{broker.port}/water/1")]
    stranger = harness(broker.port, meters, start=False, is_tls=True, ca_file=certificates / "other.pem")
    stranger.source.start()
    wait(lambda: stranger.connection().state == "waiting", "the stranger is refused")
    assert "CERTIFICATE_VERIFY_FAILED" in stranger.connection().last_error
    stranger.close()
    found = harness(broker.port, meters, is_tls=True, ca_file=certificates / "ca.pem")
    sender = sender_to(broker.port, lambda client: client.tls_set(str(certificates / "ca.pem")))
    sender.send_all(("water/1", payload(i)) for i in range(2000))
    wait(lambda: len(found.values()) == 2000, "all are stored")
    assert found.values() == [float(i) for i in range(2000)]
    assert found.connection().connection == f"mqtts://127.0.0.1:{broker.port}"


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_wrong_password_is_said_and_tried_again(harness, start_mosquitto, tmp_path, sender_to, protocol):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "reader", "right"], check=True, capture_output=True)
    broker = start_mosquitto(listener=("allow_anonymous false", f"password_file {passwords}"))
    wrong = harness(broker.port, start=False, username="reader", password="wrong", protocol=protocol)
    wrong.source.start()
    wait(lambda: wrong.connection().state == "waiting", "it is refused")
    assert "the broker refuses us: Not authorized" in wrong.connection().last_error
    wrong.close()
    found = harness(broker.port, username="reader", password="right", protocol=protocol)
    sender_to(broker.port, lambda c: c.username_pw_set("reader", "right")).send("water/1", payload(1))
    wait(lambda: found.values() == [1.0], "it is stored")


def test_a_retained_message_is_a_reading_only_with_its_own_time(harness, mosquitto, sender_to):
    port = mosquitto.port
    sender = sender_to(port)
    sender.send("water/1", '{"water_volume": 1}', retain=True)
    sender.send("water/2", payload(2), retain=True)
    found = harness(port, [water("w1", port, "water/1"), water("w2", port, "water/2")])
    wait(lambda: found.connection().requests == 2, "both have come")
    assert found.stored() == [("w2", START_MS + 2000, 2.0, 0)]
    assert found.report().set_aside == {"retained MQTT message without a time of its own": 1}


def test_a_topic_that_no_meter_has_any_more_is_left(harness, mosquitto, sender_to):
    port = mosquitto.port
    harness(port, [water("w1", port, "water/1"), water("old", port, "water/old")]).close()
    found = harness(port)
    sender = sender_to(port)
    sender.send("water/old", payload(1))
    wait(lambda: found.report().set_aside == {"MQTT message on a topic of no meter": 1}, "it is counted")
    sender.send("water/1", payload(2))
    wait(lambda: found.values() == [2.0], "the other is stored")
    sender.send("water/old", payload(3))
    sender.send("water/1", payload(4))
    wait(lambda: found.values() == [2.0, 4.0], "the other is stored")
    assert found.report().set_aside == {"MQTT message on a topic of no meter": 1}  # unsubscribed after the first


def test_a_device_clock_that_is_wrong_gets_our_time_and_says_so(harness, mosquitto, sender_to):
    found = harness(mosquitto.port)
    sender = sender_to(mosquitto.port)
    ahead, never_set = found.now_ms + 301_000, 12_345
    fine = found.now_ms + 299_000
    for moment in (ahead, never_set, fine):
        sender.send("water/1", json.dumps({"time": moment, "water_volume": 1}))
    wait(lambda: len(found.values()) == 3, "all are stored")
    assert [(t, q) for _, t, _, q in found.stored()] == [
        (found.now_ms, int(Quality.CLOCK_WRONG)),
        (found.now_ms + 1, int(Quality.CLOCK_WRONG)),  # the same moment would replace the first
        (fine, 0),
    ]


def test_silence_makes_it_connect_anew(harness, mosquitto, sender_to):
    found = harness(mosquitto.port, silence_s=1)
    wait(lambda: found.connection().reconnects >= 1, "it connected anew")
    sender_to(mosquitto.port).send("water/1", payload(1))
    wait(lambda: found.values() == [1.0], "it is stored")


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_subscription_the_broker_refuses_is_told_at_its_meter(
    harness, start_mosquitto, tmp_path, sender_to, protocol
):
    plugin = next(Path("/usr/lib").rglob("mosquitto_dynamic_security.so"), None)
    if plugin is None:
        pytest.skip("mosquitto's dynamic security plugin is not installed")
    rules = tmp_path / "rules.json"
    open_but_for_subscribing = {
        "publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True,
    }  # fmt: skip
    allowed = {"acltype": "subscribePattern", "topic": "water/#", "priority": 0, "allow": True}
    rules.write_text(
        json.dumps({
            "defaultACLAccess": open_but_for_subscribing, "clients": [], "anonymousGroup": "all",
            "roles": [{"rolename": "reader", "acls": [allowed]}],
            "groups": [{"groupname": "all", "roles": [{"rolename": "reader", "priority": 0}], "clients": []}],
        })
    )  # fmt: skip
    broker = start_mosquitto(f"plugin {plugin}", f"plugin_opt_config_file {rules}")
    port = broker.port
    found = harness(port, [water("w1", port, "water/1"), water("w2", port, "secret/2")], protocol=protocol)
    sender_to(port).send("water/1", payload(1))
    wait(lambda: found.values() == [1.0], "the allowed one is stored")
    errors = {m.meter: m.last_error for m in found.report().meters}
    assert errors["w1"] == ""
    assert "the broker refuses topic secret/2" in errors["w2"]
    assert "secret/2" in found.connection().last_error


def test_read_waits_for_one_message(mosquitto, sender_to):
    port = mosquitto.port
    sender = sender_to(port)
    sender.send("water/1", '{"water_volume": 12.5, "time": "2026-03-01T08:00:00+08:00"}', retain=True)
    plain = load_profile("json-plain")

    def read(topic: str, **more):
        return asyncio.run(read_once(plain, parse_connection(f"mqtt://127.0.0.1:{port}/{topic}"), **more))

    (value,) = read("water/1")
    assert (value.quantity, value.value, value.unit) == ("water_volume", 12.5, "m3")
    assert value.time is not None
    assert value.time.isoformat() == "2026-03-01T00:00:00+00:00"
    with pytest.raises(MqttReadError, match=r"no message on topic water/9 within 0\.3 s"):
        read("water/9", timeout_s=0.3)
    sender.send("water/2", "nonsense", retain=True)
    with pytest.raises(MqttReadError, match="topic water/2: the payload is no JSON"):
        read("water/2")
    mosquitto.stop()
    with pytest.raises(MqttReadError, match="cannot connect"):
        read("water/1")
