"""`profiles new`: a data sheet's table, CSV or Excel, becomes a profile, or every wrong row is told."""

from __future__ import annotations

import contextlib
import re
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
        ("active_power", 0x18, "int32", 0.0001),
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


FAST = "poll: fast"
CHINESE_SHEET = """DTSD1888 三相电子式电能表 Modbus-RTU 通信地址表,,,,,,
序号,参数名称,寄存器地址(HEX),数据类型,单位,比例,读写属性
一、电参量数据,,,,,,
1,A相电压,2006,UINT16,0.1V,,R
2,总有功功率,2012H~2013H,INT32,W,0.1,R
3,正向有功总电度,0x401E-0x401F,unsigned int 32,kWh,0.01,R
4,通讯地址,0006,UINT16,,,R/W
"""
ENGLISH_SHEET = """Address,Description,Format,Unit,Function code
1000,Phase A voltage,Float,V,03H
1004,Total active power,Float (CDAB),kW,03
1010 - 1011,Import active energy,unsigned int 32,0.1kWh,0x04
"""


def drafted(text: str, tmp_path, **more) -> tuple[list[str], list[str]]:
    path, left = tmp_path / "sheet.csv", []
    path.write_text(text, encoding="utf-8")
    profile = draft_profile(read_sheet(path), DRAFT, path.name, on_left_out=left.append, **more)
    return [line.strip(" -{}") for line in profile.split("points:\n")[1].splitlines()], left


def test_a_chinese_makers_table_as_it_comes(tmp_path) -> None:
    points, left = drafted(CHINESE_SHEET, tmp_path)
    assert points == [
        "quantity: voltage_l1, address: 0x2006, documented_as: '0x2006', dtype: uint16, scale: 0.1",
        "quantity: active_power, address: 0x2012, documented_as: '2012H~2013H', dtype: int32, scale: 0.0001, " + FAST,
        "quantity: active_energy_import, address: 0x401e, documented_as: '0x401E-0x401F', dtype: uint32, scale: 0.01, "
        + FAST,
    ]
    assert left == ["sheet.csv row 7: name: '通讯地址' is neither a quantity of ours nor a name in letters and digits"]


def test_an_english_makers_table_as_it_comes(tmp_path) -> None:
    points, left = drafted(ENGLISH_SHEET, tmp_path)
    assert left == []
    assert [p.split(",")[0] for p in points] == [
        "quantity: voltage_l1", "quantity: active_power", "quantity: active_energy_import",
    ]  # fmt: skip
    assert "word_order: lsw_first" in points[1]
    assert "function: 4, address: 0x03f2" in points[2]
    assert "scale: 0.1" in points[2]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("40001x,voltage_l1,uint16,,V", "address: '40001x' is no address"),
        ("1,voltage_l1,float (BADC),,V", "has an order that is not known here; allowed: ABCD, CDAB"),
        ("1,voltage_l1,uint16,0.01,0.1V", "has a factor of its own beside the scale '0.01'"),
        ("1,voltage_l1,uint16,,V,05", "function: '05'; allowed: 3"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(row: str, told: str, tmp_path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(f"address,name,type,scale,unit,function\n{row}\n")
    with pytest.raises(SheetError, match=re.escape(told)):
        draft_profile(read_sheet(path), DRAFT, path.name)
