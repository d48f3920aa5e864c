"""`aquavolt decode` as a person types it, over every published vector: what it prints, says and answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from aquavolt.cli import app
from collector.decode_payload import decode_payload
from collector.modbus.frame import Frame, encode_rtu
from device_profiles import ModbusProfile, list_profiles, load_profile
from device_profiles.schema import ProfileTest

PROTOCOLS = Path(__file__).parents[1] / "protocols"
ALL = {name: load_profile(name, allow_low_confidence=True) for name in list_profiles()}
Case = tuple[str, bytes, list[str], bool]
"""Profile, payload, options, whether it must be refused."""


def frames() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for folder, profile in (("dlt645", "dlt645-2007"), ("cjt188", "cjt188-water")):
        for v in yaml.safe_load((PROTOCOLS / folder / "vectors.yaml").read_text(encoding="utf-8")):
            chosen = "cjt188-heat" if "heat" in v["name"] else profile
            cases[f"{folder} {v['name']}"] = chosen, v["frame"].encode(), ["--hex"], bool(v.get("negative"))
    for v in json.loads((PROTOCOLS / "mbus" / "vectors.json").read_text(encoding="utf-8"))["vectors"]:
        cases[f"mbus {v['name']}"] = "mbus", bytes.fromhex(v["frame"]), [], False
    return cases


def messages() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for v in json.loads((PROTOCOLS / "lorawan" / "payloads.json").read_text(encoding="utf-8"))["vectors"]:
        data = v["hex"].encode() if v["hex"] else json.dumps(v["payload"]).encode()
        port = [] if v["port"] is None else ["--port", str(v["port"])]
        cases[f"mqtt {v['name']}"] = v["profile"], data, port, v["is_error"]
    return cases


def modbus() -> dict[str, Case]:
    return {
        f"{profile.id} {test.name} {n}": (profile.id, data, options, False)
        for profile in ALL.values()
        if isinstance(profile, ModbusProfile)
        for test in profile.tests
        for n, (data, options) in enumerate(replies(test))
    }


def replies(test: ProfileTest) -> list[tuple[bytes, list[str]]]:
    if test.frame is not None:
        return [(test.frame.encode(), ["--request", test.request or ""])]
    made = []
    for address, words in test.registers.items():
        data = b"".join(w.to_bytes(2, "big") for w in words)
        reply = encode_rtu(Frame(1, bytes([test.function or 0, len(data)]) + data))
        made.append((reply, ["--at", f"{test.function}:{address:#x}"]))
    return made


CASES = {**frames(), **messages(), **modbus()}


def decode(profile: str, data: bytes, *options: str) -> Result:
    command = ["decode", "--profile", profile, "--allow-low-confidence", *options, "-"]
    return CliRunner().invoke(app, command, input=data)


def given(options: list[str]) -> dict[str, Any]:
    """The command's options as the function takes them."""
    named = {"--port": ("port", int), "--request": ("request", str), "--at": ("at", str)}
    found: dict[str, Any] = {"is_hex": "--hex" in options}
    for option, (name, kind) in named.items():
        if option in options:
            found[name] = kind(options[options.index(option) + 1])
    return found


def test_there_are_many() -> None:
    assert len(frames()) >= 140
    assert len(messages()) >= 20
    assert {profile for profile, *_ in modbus().values()} == {
        p.id for p in ALL.values() if isinstance(p, ModbusProfile)
    }


@pytest.mark.parametrize("name", CASES)
def test_the_command_prints_what_the_payload_states(name: str) -> None:
    profile, data, options, is_refused = CASES[name]
    result = decode(profile, data, "--json", *options)
    if is_refused:
        assert result.exit_code != 0
        assert result.stdout == ""
        return
    assert result.exit_code == 0, result.stderr
    decoded = decode_payload(ALL[profile], data, **given(options))
    assert json.loads(result.stdout) == json.loads(json.dumps([v.as_dict() for v in decoded.values]))
    assert decoded.values or result.stderr.strip()
    if decoded.meaning:
        assert decoded.meaning in result.stderr


def test_for_people_it_prints_a_line_a_value() -> None:
    profile, data, options, _ = CASES["dlt645 tariff_block_rsp"]
    lines = decode(profile, data, *options).stdout.splitlines()
    assert lines[0].split() == ["active_energy_import", "3.89", "kWh", "005223440001"]
    assert len(lines) == 5
