"""A real mosquitto of the tests' own, and the certificates of a throwaway authority."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
DEADLINE_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(is_true, what: str = "it happened") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_true():
        assert time.monotonic() < deadline, f"waited {DEADLINE_S} s until {what}"
        time.sleep(0.01)


class Mosquitto:
    """A mosquitto on a port of its own; it can be stopped, killed and started again with what it has stored."""

    def __init__(self, folder: Path, lines: tuple[str, ...], listener: tuple[str, ...]) -> None:
        folder.mkdir()
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        given = [
            "user root", "persistence true", f"persistence_location {folder}/", "autosave_interval 1",
            "max_queued_messages 0", *lines, f"listener {self.port} 127.0.0.1", *listener,
        ]  # fmt: skip
        self._config.write_text("\n".join(given) + "\n")
        self._process = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stdout=log, stderr=log)
        wait_until(self._answers, f"mosquitto listens; its log: {self._log.read_text()}")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, *, is_kill: bool = False) -> None:
        if self._process is None:
            return
        (self._process.kill if is_kill else self._process.terminate)()
        self._process.wait(DEADLINE_S)
        self._process = None


@pytest.fixture
def start_mosquitto(tmp_path):
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    running = []

    def start(*lines: str, listener: tuple[str, ...] = ("allow_anonymous true",)) -> Mosquitto:
        broker = Mosquitto(tmp_path / f"broker{len(running)}", lines, listener)
        broker.start()
        running.append(broker)
        return broker

    yield start
    for broker in running:
        broker.stop()


@pytest.fixture
def mosquitto(start_mosquitto) -> Mosquitto:
    return start_mosquitto()


class Sender:
    """Publishes with QoS 1 and returns once the broker has it."""

    def __init__(self, port: int, prepare=lambda _: None, host: str = "127.0.0.1") -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        prepare(self._client)
        self._client.connect(host, port)
        self._client.loop_start()

    def send(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(DEADLINE_S)

    def send_all(self, messages) -> None:
        sent = [self._client.publish(topic, payload, qos=1) for topic, payload in messages]
        for one in sent:
            one.wait_for_publish(DEADLINE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def sender_to():
    opened = []

    def open_it(port: int, prepare=lambda _: None, host: str = "127.0.0.1") -> Sender:
        sender = Sender(port, prepare, host)
        opened.append(sender)
        return sender

    yield open_it
    for sender in opened:
        sender.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Path:
    """ca.pem, server.pem and server.key for localhost and 127.0.0.1, and another authority's other.pem."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for name in ("ca", "other"):
        openssl(*new, "-subj", f"/CN=test {name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(
        *new, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.pem", "-CA", "ca.pem", "-CAkey",
        "ca.key", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-addext", "basicConstraints=critical,CA:FALSE",
    )  # fmt: skip
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder
