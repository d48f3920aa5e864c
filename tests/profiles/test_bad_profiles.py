"""A faulty profile is refused with file, line, key and what is allowed; all faults at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_profiles import ModbusProfile, ProfileError, load_profile, load_profile_file
from device_profiles.loader import parse_profile

GOOD = """\
schema: device_profile/1
id: some-meter
manufacturer: Some
medium: electricity
protocol: modbus
confidence: high
sources: [{id: S1, what: data sheet}]
limits: {max_registers: 40, forbidden: [{function: 4, first: 100, last: 110}]}
parameters:
  ct_ratio: {default: 1}
defaults: {function: 4, dtype: int32, word_order: msw_first, src: [S1]}
points:
  - {quantity: active_energy_import, address: 0, scale: 0.01}
  - {quantity: active_power, address: 2, scale: 0.001, times: [ct_ratio]}
  - {quantity: status, unit: '', address: 4, dtype: bits16, bit: 0, width: 4, documented_as: "30005"}
  - {quantity: alarm, unit: '', address: 4, dtype: bits16, bit: 4, width: 1}
tests:
  - {function: 4, registers: {0: [0, 100]}, expect: {active_energy_import: 1.0}, by: ours}
"""


def test_the_good_one_is_good() -> None:
    profile = parse_profile(GOOD, "some-meter.yaml")
    assert isinstance(profile, ModbusProfile)
    assert [p.dtype for p in profile.points] == ["int32", "int32", "bits16", "bits16"]


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("scale: 0.01}", "scale: 0.01, scal: 1}", 13, "points.0.scal: unknown key 'scal'; allowed: quantity"),
        ("max_registers: 40", "max_regs: 40", 8, "limits.max_regs: unknown key 'max_regs'; allowed: max_registers"),
        ("manufacturer: Some", "maker: Some", 3, "maker: unknown key 'maker'"),
        ("manufacturer: Some\n", "", 1, "manufacturer: Field required"),
        ("dtype: int32", "dtype: int33", 11, "defaults.dtype: unknown dtype; allowed: uint16"),
        ("address: 2,", "address: 1,", 14, "points.1.address: 'active_power' at 1 overlaps 'active_energy"),
        ("address: 2,", "address: 105,", 14, "points.1.address: lies in the forbidden 100 to 110"),
        ("address: 2,", "address: 65535,", 14, "points.1.address: 65535 and 2 registers run past 65535"),
        ("address: 2,", "address: -1,", 14, "points.1.address: Input should be greater than or equal to 0"),
        ("bit: 4, width: 1", "bit: 3, width: 1", 16, "points.3.address: 'alarm' at 4 overlaps 'status'"),
        ("bit: 4, width: 1", "bit: 15, width: 2", 16, "points.3.bit: bits 15 to 16 leave the 16 there are"),
        ("bit: 4, width: 1", "bit: 4", 16, "points.3.width: is how many bits"),
        ("scale: 0.01", "scale: 0", 13, "points.0.scale: 0 is impossible; allowed: 1e-12 to 1e+12"),
        ("scale: 0.01", "scale: .nan", 13, "points.0.scale: Input should be a finite number"),
        ("scale: 0.01", "scale: .inf", 13, "points.0.scale: Input should be a finite number"),
        ("scale: 0.01", "scale: 1.0e+300", 13, "points.0.scale: 1e+300 is impossible"),
        ("scale: 0.01", "unit: Wh", 13, "points.0.unit: active_energy_import is in kWh"),
        ("status, unit: ''", "status", 15, "points.2.quantity: 'status' is no quantity of ours, so it needs `unit`"),
        ("active_power,", "active_energy_import,", 14, "points.1.quantity: 'active_energy_import' is point 0 alr"),
        ("active_power,", "active_power_total,", 14, "points.1.quantity: 'active_power_total' is our 'active_power'"),
        ("word_order: msw_first, ", "", 13, "points.0.word_order: is never guessed: msw_first or lsw_first"),
        ("word_order: msw_first", "word_order: pairs_swapped", 11, "defaults.word_order: pairs_swapped is for values"),
        ("src: [S1]}", "src: [S2]}", 11, "defaults.src: no source 'S2'; there are: S1"),
        ("times: [ct_ratio]", "times: [pt_ratio]", 14, "points.1.times: no parameter 'pt_ratio'; there are: ct_ratio"),
        ("times: [ct_ratio]", "invalid: [0x1FFFFFFFF]", 14, "points.1.invalid: 0x1ffffffff does not fit into 32 bits"),
        ("times: [ct_ratio]", "valid_range: [5, 5]", 14, "points.1.valid_range: the lower end must be below"),
        ("max_registers: 40", "max_registers: 1", 11, "defaults.dtype: takes 2 registers"),
        ("protocol: modbus", "protocol: m-bus", 5, "protocol: 'm-bus' is not read; allowed: modbus, mqtt-json"),
        ("expect: {active_energy_import", "expect: {energy", 18, "tests.0.expect.energy: no point 'energy'"),
        ("id: some-meter", "id: Some Meter", 2, "id: String should match pattern"),
        ("id: some-meter", "id: some-meter\nid: twice", 3, "the key 'id' stands twice"),
        ("confidence: high", "confidence: [high", 7, "not YAML"),
        ("times: [ct_ratio]", "power_of_ten: exp", 14, "points.1.power_of_ten: no point 'exp'; there are: active_en"),
        ("times: [ct_ratio]", "power_of_ten: status", 14, "points.1.power_of_ten: status must be a whole number"),
        ("times: [ct_ratio]", "restates: true", 14, "points.1.restates: no other point has these registers"),
        ("times: [ct_ratio]", "dtype: int32_float32, word_order: lsw_first", 14,
         "points.1.word_order: two halves of 32 bits are msw_first or pairs_swapped, no other"),
        ("width: 4,", "width: 4, positive: export,", 15, "points.2.positive: turns the sign of a power or energy"),
        ("parameters:", "documented_base: 30000\nparameters:", 16,
         "points.2.documented_as: 30005 is wire address 5 (documented_base 30000)"),
        ("parameters:", "ratios: {pt: {applied_by: meter}}\nparameters:", 9, "ratios.pt: no point 'pt'; there are:"),
        ("parameters:", "ratios: {alarm: {applied_by: me}}\nparameters:", 9, "ratios.alarm.applied_by: Input should"),
        ("parameters:", "identify: [{function: 3, address: 1, dtype: uint16}]\nparameters:", 9,
         "identify.0.one_of: give the values it may have, or `between`, not both"),
        ("parameters:", "identify: [{function: 3, address: 1, dtype: float32, between: [1, 2]}]\nparameters:", 9,
         "identify.0.word_order: is never guessed"),
        ("parameters:", "identify: [{function: 6, address: 1, dtype: uint16, one_of: [1]}]\nparameters:", 9,
         "identify.0.function: Input should be 3 or 4"),
    ],
)  # fmt: skip
def test_it_is_refused_with_line_and_key(old: str, new: str, line: int, told: str) -> None:
    assert old in GOOD
    with pytest.raises(ProfileError) as refused:
        parse_profile(GOOD.replace(old, new, 1), "some-meter.yaml")
    assert any(text.startswith(f"some-meter.yaml:{line}: {told}") for text in str(refused.value).splitlines()), str(
        refused.value
    )


def test_every_fault_is_told_once() -> None:
    bad = GOOD.replace("dtype: int32", "dtype: int33").replace("manufacturer: Some", "maker: Some")
    with pytest.raises(ProfileError) as refused:
        parse_profile(bad, "x.yaml")
    assert len(str(refused.value).splitlines()) == 3  # unknown key, missing key, unknown dtype: not once a point


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "\t", "a: &x [*x]"])
def test_what_is_no_profile_at_all_is_refused(text: str) -> None:
    with pytest.raises(ProfileError, match=r"^x\.yaml:1: "):
        parse_profile(text, "x.yaml")


def test_an_unknown_profile_is_refused_with_its_neighbours() -> None:
    with pytest.raises(ProfileError, match=r"unknown profile 'eastron-sdm631'; did you mean eastron-sdm630"):
        load_profile("eastron-sdm631")


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"none\.yaml: cannot be read"):
        load_profile_file(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"id: \xff")
    with pytest.raises(ProfileError, match=r"latin\.yaml: cannot be read"):
        load_profile_file(tmp_path / "latin.yaml")
