"""Every register of the fact files beside the project stands in its profile: place, type, scale and unit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from device_profiles import ModbusProfile, load_profile
from device_profiles.schema import ModbusPoint
from metering.quantities import BY_NAME

FACTS = Path(__file__).resolve().parents[3] / "shared" / "meters"
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FACTS.is_dir(), reason="the reference data is not beside the project"),
]
THOUSANDTHS = {("W", "kW"), ("var", "kvar"), ("VA", "kVA")}
# Said in another form in the profile, by hand.
SPLIT = {("tuf2000m", "signal_quality"), ("tuf2000m", "clock_bcd")}


def facts() -> list[Any]:
    found = []
    for path in sorted(FACTS.glob("*.yaml")) if FACTS.is_dir() else []:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if document.get("schema") == "meter_facts/1" and document.get("protocol") == "modbus":
            found.append(pytest.param(path.stem.replace("_", "-"), document, id=path.stem))
    return found


def our_name(name: str) -> str:
    if name.startswith("voltage_l") and name.endswith("_n"):
        return name[:-2]
    for end in ("_total", "_sum"):
        if name.endswith(end) and name.removesuffix(end) in BY_NAME:
            return name.removesuffix(end)
    return name


def scale_of(register: dict[str, Any], point: ModbusPoint) -> Decimal:
    scale = Decimal(str(register["scale"]))
    return scale / 1000 if (register["unit"], point.printed_unit) in THOUSANDTHS else scale


@pytest.mark.parametrize(("profile_id", "document"), facts())
def test_every_register_is_there(profile_id: str, document: dict[str, Any]) -> None:
    profile = load_profile(profile_id, allow_low_confidence=True)
    assert isinstance(profile, ModbusProfile)
    assert profile.confidence == document["confidence"]
    assert {s.id for s in profile.sources} == {s["id"] for s in document["sources"]}
    points = {p.quantity: p for p in profile.points}
    order = "lsw_first" if str(document["word_order"]).startswith("lsw") else "msw_first"
    for register in document["registers"]:
        point = points[our_name(register["quantity"])]
        assert (point.function, point.address) == (register["function"], register["address"])
        if (profile_id, register["quantity"]) in SPLIT:
            continue
        assert (point.dtype, point.registers) == (register["dtype"], register["count"])
        assert Decimal(str(point.scale)) == scale_of(register, point), point.quantity
        assert point.known is not None or point.unit == register["unit"] or profile_id == "tuf2000m", point.quantity
        assert point.registers == 1 or point.word_order == order
