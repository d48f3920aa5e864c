"""`profiles new`: a data sheet's table, CSV or Excel, becomes a profile, or every wrong row is told."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from typer.testing import CliRunner

from aquavolt.cli import app
from device_profiles import ModbusProfile, list_profiles, load_profile_file
from device_profiles.catalogue import catalogue, shown_quantities
from device_profiles.drafting import Draft, draft_profile
from device_profiles.loader import parse_profile
from device_profiles.sheet import Row, SheetError, read_sheet

DRAFT = Draft("some-meter", "Some's", "SM-1: red", "electricity", "msw_first")
TABLE = """\
SM-1 register list,,,,
Parameter,Address (hex),Data Type,Unit,Factor
A相电压,0x0000,uint16,V,0.1
Total active energy,0x0010,u32,Wh,1
active_energy_import,1000H,u32,Wh,10
active_power_total,18,s32,W,1/10
Serial,0x40,u32,,
"""


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output + str(result.exception or "")


def excel(path: Path, text: str, *, numbers: bool = True) -> Path:
    book = Workbook()
    for line in text.splitlines():
        cells = line.split(",")
        book.active.append([float(c) if numbers and c.replace(".", "", 1).isdigit() else c for c in cells])
    book.save(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "gbk.csv", "semicolon.csv", "xlsx"])
def test_a_table_becomes_a_profile(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"sheet.{kind}"
    if kind == "xlsx":
        excel(path, TABLE)
    else:
        text = TABLE.replace(",", ";") if kind.startswith("semi") else TABLE
        path.write_bytes(text.encode("gbk" if kind.startswith("gbk") else "utf-8"))
    out = tmp_path / "some-meter.yaml"
    code, said = run(
        "profiles", "new", str(path), "--id", "some-meter", "--manufacturer", "Some's", "--model", "SM-1: red",
        "--out", str(out), "--word-order", "lsw_first",
    )  # fmt: skip
    assert code == 0, said
    profile = load_profile_file(out)
    assert isinstance(profile, ModbusProfile)
    assert [(p.quantity, p.address, p.dtype, round(p.scale, 9)) for p in profile.points] == [
        ("voltage_l1", 0, "uint16", 0.1),
        ("total_active_energy", 0x10, "uint32", 1.0),
        ("active_energy_import", 0x1000, "uint32", 0.01),
        ("active_power", 18, "int32", 0.0001),
        ("serial", 0x40, "uint32", 1.0),
    ]
    assert (profile.manufacturer, profile.models) == ("Some's", ("SM-1: red",))
    assert profile.points[2].word_order == "lsw_first"
    again = ("--id", "x", "--manufacturer", "S", "--model", "M", "--out", str(out), "--word-order", "lsw_first")
    code, said = run("profiles", "new", str(path), *again)
    assert code == 1
    assert "cannot be written: File exists" in said


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("x,zz,u16,V,1", "sheet.csv row 3: address: 'zz' is no address; allowed: 4096, 0x1000, 1000H"),
        ("x,40001,u16,V,1", "sheet.csv row 3: address: 40001 looks like a number of the old form; say --base 40001"),
        ("x,70000,u16,V,1", "sheet.csv row 3: address: 70000 less the base 0 is 70000; allowed: 0 to 65535"),
        ("x,1,flot,V,1", "sheet.csv row 3: type: 'flot' is not known; allowed: uint16"),
        ("x,1,u16,V,a lot", "sheet.csv row 3: scale: 'a lot' is no factor; allowed: 0.1, 1/10, /10"),
        ("x,1,u16,V,1/0", "sheet.csv row 3: scale: '1/0' is no factor"),
        ("frequency,1,u16,kWh,1", "sheet.csv row 3: unit: 'kWh' cannot be turned into Hz"),
        ("…,1,u16,V,1", "sheet.csv row 3: name: '…' is neither a quantity of ours nor a name"),
        ("x,0,u16,V,1", "sheet.csv row 3: address: 'x' at 0 overlaps 'voltage_l1' (0 to 0)"),
        ("voltage_l1,1,u16,V,1", "sheet.csv row 3: quantity: 'voltage_l1' is point 0 already; names are unique"),
        ("x,1,u16,V,1e30", "sheet.csv row 3: scale: 1e+30 is impossible"),
    ],
)
def test_a_row_that_cannot_be_right_is_told(tmp_path: Path, row: str, told: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(f"name,address,type,unit,scale\nvoltage_l1,0,u16,V,0.1\n{row}\n", encoding="utf-8")
    with pytest.raises(SheetError) as refused:
        draft_profile(read_sheet(path), DRAFT, path.name)
    assert any(line.startswith(told) for line in str(refused.value).splitlines()), str(refused.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("name,address,type\na,x,u16\nb,1,u17\nc,2,u16\n", encoding="utf-8")
    with pytest.raises(SheetError) as refused:
        draft_profile(read_sheet(path), DRAFT, path.name)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["sheet.csv row 2", "sheet.csv row 3"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n", "no row names the columns"),
        (b"\xff\xff\xff", "no table that can be read"),
        (b"", "no row names"),
    ],
)
def test_no_table_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(content)
    with pytest.raises(SheetError, match=told):
        read_sheet(path)
    (tmp_path / "sheet.xlsx").write_bytes(content)
    with pytest.raises(SheetError, match="no table that can be read"):
        read_sheet(tmp_path / "sheet.xlsx")
    with pytest.raises(SheetError, match="cannot be read"):
        read_sheet(tmp_path / "none.csv")


def test_documented_numbers_become_wire_addresses() -> None:
    row = Row(2, {"name": "frequency", "address": "30071", "type": "float", "unit": "Hz", "function": "4"})
    text = draft_profile([row], Draft("a", "b", "c", "electricity", "msw_first", base=30001), "t")
    profile = parse_profile(text, "a")
    assert [(p.function, p.address, p.documented_as) for p in profile.points] == [(4, 70, "30071")]  # type: ignore[union-attr]


cells = st.dictionaries(
    st.sampled_from(["name", "address", "type", "unit", "scale", "function", "count", "note"]), st.text()
)


@given(st.lists(cells, max_size=5))
def test_no_cell_breaks_it(rows: list[dict[str, str]]) -> None:
    with contextlib.suppress(SheetError):  # any other exception is a fault of ours
        parse_profile(draft_profile([Row(i, r) for i, r in enumerate(rows, 2)], DRAFT, "t"), "t")


# -- list and show ---------------------------------------------------------------------------------------


def test_list_finds_by_words_and_marks_low_confidence() -> None:
    assert [e.id for e in catalogue()] == list(list_profiles())
    code, said = run("profiles", "list", "acrel")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == [p for p in list_profiles() if p.startswith("acrel")]
    marked = [line.split()[0] for line in said.splitlines() if "--allow-low-confidence" in line]
    assert marked == ["acrel-acr10r", "acrel-djsf1352"]
    code, said = run("profiles", "list", "--json")
    assert '"id": "sbc-ale3"' in said


def test_show_tells_place_source_and_disagreement() -> None:
    code, said = run("profiles", "show", "carlogavazzi-em24-rs485")
    assert code == 0
    assert "4:0x003e  int32  x 0.1" in said
    assert "Sources disagree" in said
    assert run("profiles", "show", "none-such")[0] == 1


def test_families_are_drawn_together() -> None:
    names = ("voltage_l1", "voltage_l2", "voltage_l3", "active_power", "active_energy_import_t1", "frequency")
    assert shown_quantities(names) == "voltage_l1..3, active_power, active_energy_import_t1, frequency"
