"""Connection strings: the forms there are, and clear refusal of all else."""

from __future__ import annotations

import pytest

from collector.connection import ConnectionTextError, parse_connection


@pytest.mark.parametrize(
    ("text", "host", "port", "path", "options", "endpoint"),
    [
        ("tcp://192.0.2.1:502", "192.0.2.1", 502, "", {}, "tcp://192.0.2.1:502"),
        ("tcp://[::1]:1502", "::1", 1502, "", {}, "tcp://[::1]:1502"),
        ("tls://gateway.example:802", "gateway.example", 802, "", {}, "tls://gateway.example:802"),
        ("rtu+tcp://192.0.2.1:4001", "192.0.2.1", 4001, "", {}, "rtu+tcp://192.0.2.1:4001"),
        ("listen://0.0.0.0:9000?id=ab12", "0.0.0.0", 9000, "", {"id": "ab12"}, "listen://0.0.0.0:9000?id=ab12"),  # noqa: S104
        ("rtu:///dev/ttyUSB0?baud=9600&parity=N", "", 0, "/dev/ttyUSB0", {"baud": "9600", "parity": "N"}, "rtu:///dev/ttyUSB0"),
        ("serial:///dev/ttyS1", "", 0, "/dev/ttyS1", {}, "serial:///dev/ttyS1"),
        ("mqtt://broker/water/dorm1", "broker", 1883, "water/dorm1", {}, "mqtt://broker:1883"),
        ("mqtts://broker:8884/a/+/b", "broker", 8884, "a/+/b", {}, "mqtts://broker:8884"),
        ("mqtt://broker/a/#", "broker", 1883, "a/#", {}, "mqtt://broker:1883"),
    ],
)  # fmt: skip
def test_the_forms(text: str, host: str, port: int, path: str, options: dict, endpoint: str) -> None:
    found = parse_connection(text)
    assert (found.host, found.port, found.path, found.options, found.endpoint) == (host, port, path, options, endpoint)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is none of: tcp://host:port"),
        ("192.0.2.1:502", "is none of: tcp://host:port"),
        ("udp://192.0.2.1:502", "is none of: tcp://host:port"),
        ("tcp://192.0.2.1", "needs host and port"),
        ("tcp://:502", "needs host and port"),
        ("tcp://192.0.2.1:99999", "cannot be read"),
        ("tcp://192.0.2.1:502/x", "nothing may follow the port"),
        ("tcp://192.0.2.1:502?baud=9600", "unknown option 'baud'; allowed: gap_ms, timeout_ms"),
        ("rtu:///dev/ttyUSB0?speed=9600", "unknown option 'speed'; allowed: baud, parity, bits, stop"),
        ("rtu:///dev/ttyUSB0?parity=X", "parity is 'X'; allowed: N, E, O"),
        ("rtu:///dev/ttyUSB0?baud=fast", "baud is 'fast'; allowed: a number"),
        ("rtu:///dev/ttyUSB0?stop=3", "stop is '3'; allowed: 1, 2"),
        ("rtu://ttyUSB0", "names no device"),
        ("mqtt://user:secret@broker/a", "accounts stand in the settings"),
        ("mqtt:///a", "needs host and port"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConnectionTextError) as refused:
        parse_connection(text)
    assert why in str(refused.value)
    assert "secret" not in str(refused.value)
