"""A meter that can never be read is refused at the start, with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from aquavolt.config.documents import ConfigError, load_site

SITE = """\
site: {id: s, timezone: Asia/Shanghai}
meters:
  - id: m
    medium: MEDIUM
    profile: PROFILE
    device_address: ADDRESS
    connection: CONNECTION
"""


def site_file(folder: Path, medium: str, profile: str, address: str, connection: str) -> Path:
    text = SITE.replace("MEDIUM", medium).replace("PROFILE", profile).replace("ADDRESS", address)
    path = folder / "site.yaml"
    path.write_text(text.replace("CONNECTION", connection), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("medium", "profile", "address", "connection"),
    [
        ("electricity", "eastron-sdm630", "1", "tcp://192.0.2.10:502"),
        ("electricity", "eastron-sdm630", "1", "rtu:///dev/ttyUSB0"),
        ("water", "moxa-iologik-e1200", "1/5", "tcp://192.0.2.10:502"),
        ("water", "json-plain", "a", "mqtt://192.0.2.10/water/a"),
        ("water", "milesight-em300-di", "24e1", "mqtts://192.0.2.10:8883"),
    ],
)
def test_a_meter_that_can_be_read_is_taken(tmp_path: Path, medium, profile, address, connection) -> None:
    site, _ = load_site(site_file(tmp_path, medium, profile, address, connection))
    assert site.meters["m"].connection == connection


@pytest.mark.parametrize(
    ("medium", "profile", "address", "connection", "said"),
    [
        ("electricity", "eastron-sdm630", "1", "nonsense", "is none of: tcp://host:port"),
        ("electricity", "eastron-sdm630", "1", "tcp://192.0.2.10", "needs host and port"),
        ("electricity", "eastron-sdm630", "1", "rtu://?baud=9600", "names no device; for example rtu:///dev/ttyUSB0"),
        ("electricity", "eastron-sdm630", "1", "mqtt://192.0.2.10/a", "polled over tcp://, tls://, rtu://, rtu+tcp://"),
        ("electricity", "eastron-sdm630", "300", "tcp://192.0.2.10:502", "is no Modbus unit; allowed: 0 to 255"),
        ("water", "json-plain", "a", "mqtt://192.0.2.10", "names no topic"),
    ],
)
def test_one_that_cannot_is_refused_with_its_line(tmp_path: Path, medium, profile, address, connection, said) -> None:
    with pytest.raises(ConfigError) as refused:
        load_site(site_file(tmp_path, medium, profile, address, connection))
    text = str(refused.value)
    assert text.startswith(f"{tmp_path}/site.yaml:7: meters.0.connection: ")
    assert said in text


def test_every_such_meter_is_named_at_once(tmp_path: Path) -> None:
    meters = "".join(f"  - {{id: m{i}, medium: water, profile: json-plain, connection: tcp-{i}}}\n" for i in range(3))
    path = tmp_path / "site.yaml"
    path.write_text(f"site: {{id: s, timezone: Asia/Shanghai}}\nmeters:\n{meters}", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_site(path)
    assert [line.split(":")[1] for line in str(refused.value).splitlines()] == ["3", "4", "5"]


def test_a_profile_of_another_medium_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"site.yaml:5: meters.0.profile: eastron-sdm630 is a meter of electricity"):
        load_site(site_file(tmp_path, "water", "eastron-sdm630", "1", "tcp://192.0.2.10:502"))


def test_pulses_may_be_of_any_medium(tmp_path: Path) -> None:
    load_site(site_file(tmp_path, "electricity", "milesight-em300-di", "24e1", "mqtt://192.0.2.10"))
