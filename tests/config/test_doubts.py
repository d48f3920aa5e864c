"""`aquavolt check` tells what a site file hardly means, and `read` that a profile is not confirmed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from aquavolt.cli import app
from collector.modbus.once import ReadError
from collector.read_meter import read_meter

LINE = "rtu+tcp://10.0.0.5:502"


def meter(name: str, profile: str, address: str, connection: str = LINE, **more: Any) -> dict[str, Any]:
    medium = "water" if "water" in profile else "electricity"
    return {"id": name, "medium": medium, "profile": profile, "device_address": address, "connection": connection,
            **more}  # fmt: skip


SITES = {
    "two at one address": (
        [meter("a", "dlt645-2007", "161"), meter("b", "dlt645-2007", "000000000161"), meter("c", "dlt645-2007", "162")],
        ["a and b both have the address 000000000161"],
    ),
    "two protocols on a line": (
        [meter("a", "eastron-sdm120", "1"), meter("b", "cjt188-water", "7")],
        [f"{LINE} carries cjt188, modbus"],
    ),
    "two lines": ([meter("a", "eastron-sdm120", "1"), meter("b", "eastron-sdm120", "1", "tcp://10.0.0.6:502")], []),
    "two inputs of one counter": (
        [meter(n, "moxa-iologik-e1200", f"1/{i}", "tcp://10.0.0.7:502", medium="water") for i, n in enumerate("ab")],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("meters", "told"), SITES.values(), ids=SITES)
def test_what_a_site_hardly_means_is_told(meters: list[dict[str, Any]], told: list[str], tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump({"site": {"id": "s", "timezone": "Asia/Shanghai"}, "meters": meters}))
    result = CliRunner().invoke(app, ["check", "--site", str(file)])
    assert result.exit_code == 0, result.output
    said = [line for line in result.output.splitlines() if line.startswith("look at this: ")]
    assert len(said) == len(told)
    assert all(text in line for text, line in zip(told, said, strict=True))


def test_reading_by_a_profile_of_low_confidence_says_so() -> None:
    notes: list[str] = []
    with pytest.raises(ReadError):
        asyncio.run(
            read_meter("sbc-ale3", "tcp://127.0.0.1:9", "1", timeout_s=0.2, allow_low_confidence=True,
                       on_note=notes.append)
        )  # fmt: skip
    assert any("sbc-ale3 is of low confidence" in note for note in notes)
