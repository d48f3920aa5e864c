"""A campus's list of meters into its site file: what comes out, what is refused and where, what stays as it was."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from aquavolt.cli import app
from aquavolt.config.documents import load_site
from aquavolt.meter_list.columns import COLUMNS, column_of
from metering.site import Site

HEADERS = ["表号", "名称", "建筑", "楼层", "房间", "介质", "型号/协议", "通信地址", "连接", "倍率", "上级表"]
GATEWAY = "tcp://192.0.2.1:502"
MAIN = ["E1", "总表", "1号楼", "", "", "电", "DTSU666", 1, GATEWAY, "300/5", ""]
ROOM = [
    "E2",
    "301室",
    "1号楼",
    "3层",
    301,
    "电表",
    "DL/T 645-2007",
    "000000000161",
    "rtu+tcp://192.0.2.2:4001",
    "",
    "E1",
]
WATER = [
    "W1",
    "水",
    "1号楼",
    None,
    None,
    "水",
    "CJ/T188-2018",
    "00924040000018",
    "rtu+tcp://192.0.2.3:4001",
    None,
    None,
]


def excel(path: Path, *sheets: tuple[str, list[list[object]]]) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def imported(*arguments: str | Path):
    return CliRunner().invoke(app, ["site", "import", *map(str, arguments)])


def site_of(tmp_path: Path, *rows: list[object]) -> Site:
    into = tmp_path / "site.yaml"
    result = imported(excel(tmp_path / "list.xlsx", ("表", [HEADERS, *rows])), "--into", into)
    assert result.exit_code == 0, result.output
    return load_site(into)[0]


def refused(tmp_path: Path, *rows: list[object], header: list[str] = HEADERS, more: tuple[str, ...] = ()) -> list[str]:
    into = tmp_path / "site.yaml"
    result = imported(excel(tmp_path / "list.xlsx", ("表", [header, *rows])), "--into", into, *more)
    assert result.exit_code == (0 if more else 1), result.output
    assert into.exists() == bool(more)
    return [line.removeprefix("list.xlsx sheet 表 ") for line in result.stderr.splitlines() if " row " in line]


def test_meters_and_places_come_out(tmp_path) -> None:
    site = site_of(tmp_path, MAIN, ROOM, WATER)
    assert [(n.id, n.kind, n.parent, n.name) for n in site.nodes.values()] == [
        ("campus", "campus", None, "校园"),
        ("1号楼", "building", "campus", "1号楼"),
        ("1号楼-3层", "floor", "1号楼", "3层"),
        ("1号楼-3层-301", "room", "1号楼-3层", "301"),
    ]
    main, room, water = site.meters.values()
    assert (main.profile, main.device_address, main.multiplier, main.node) == ("chint-dtsu666", "1", 60, "1号楼")
    assert (room.profile, room.device_address, room.parents) == ("dlt645-2007", "000000000161", ("E1",))
    assert (room.name, room.node, room.multiplier) == ("301室", "1号楼-3层-301", 1)
    assert (water.medium, water.profile, water.connection) == ("water", "cjt188-water", "rtu+tcp://192.0.2.3:4001")


def test_the_templates_can_be_imported_as_they_are(tmp_path) -> None:
    for name, more in (("a.xlsx", []), ("b.csv", []), ("c.xlsx", ["--english"]), ("d.csv", ["--english"])):
        file, into = tmp_path / name, tmp_path / f"{name}.yaml"
        assert CliRunner().invoke(app, ["site", "template", str(file), *more]).exit_code == 0
        result = imported(file, "--into", into)
        assert (result.exit_code, result.stderr) == (0, "")
        assert len(load_site(into)[0].meters) == 3
        again = CliRunner().invoke(app, ["site", "template", str(file)])
        assert (again.exit_code, "exists" in again.output or again.exception is not None) == (1, True)


def test_every_column_is_known_by_all_its_names() -> None:
    for column in COLUMNS:
        assert [column_of(w) for w in column.words] == [column.name] * len(column.words)
    assert [column_of(w) for w in ("表号*", "倍率（CT）", " Meter  ID ", "备注")] == ["id", "multiplier", "id", None]


def test_all_faults_are_told_at_once_each_with_its_cell(tmp_path) -> None:
    rows = [
        MAIN,
        ["E1", "", "1号楼", "", "", "电", "DTSU666", 2, GATEWAY, "", ""],
        ["", "", "", "", "", "煤", "", "", "", "", ""],
        ["E3", "", "", "", "", "电", "Modbus", 3, GATEWAY, "0", ""],
        ["E4", "", "", "", "", "电", "DTSU666", "abc", GATEWAY, "", "nobody"],
        ["E5", "", "", "", "", "电", "DTSU666", 1, GATEWAY, "", ""],
        ["E6", "", "", "", "", "电", "DTSU666", 6, "192.0.2.1:502", "", ""],
        ["E7", "", "", "", "", "水", "DTSU666", 7, GATEWAY, "", ""],
        ["E8", "", "", "", "", "电", "", 8, GATEWAY, "", ""],
        ["E9", "", "", "", "", "电", "", "", "", "", "E3"],
    ]
    told = refused(tmp_path, *rows)
    expected = {
        3: "column 表号: 'E1': each number once; it stands in row 2 already",
        5: "column 倍率: '0': allowed: a factor such as 60, or a ratio such as 300/5",
        7: "column 通信地址: '1': meter 'E5' has address '1' on tcp://192.0.2.1:502, which is 'E1''s",
        8: "column 连接: '192.0.2.1:502': connection '192.0.2.1:502' is none of",
        9: "column 型号/协议: 'DTSU666': chint-dtsu666 is a meter of electricity, but 'E7' is stated to measure water",
        10: "column 型号/协议: '': meter 'E8' has a connection but no `profile`",
    }
    for number, text in expected.items():
        assert any(line.startswith(f"row {number} {text}") for line in told), (number, told)
    assert any(line.startswith("row 4 column 介质: '煤': allowed: electricity, water") for line in told)
    assert any(line.startswith("row 4 column 表号: '': must not be empty") for line in told)
    assert any(line.startswith("row 5 column 型号/协议: 'Modbus': allowed: a model or an id") for line in told)
    assert any(line.startswith("row 6 column 上级表: 'nobody'") for line in told)
    assert any(line.startswith("row 6 column 连接") and "'abc'" in line for line in told)
    assert not any(line.startswith(("row 2 ", "row 11 ")) for line in told), "a child of a faulty row is not blamed"


def test_right_rows_are_written_where_that_is_told(tmp_path) -> None:
    bad = ["E3", "", "", "", "", "电", "Modbus", 3, GATEWAY, "", ""]
    assert len(refused(tmp_path, MAIN, bad, ROOM, more=("--skip-faulty",))) == 1
    assert list(load_site(tmp_path / "site.yaml")[0].meters) == ["E1", "E2"]


def test_rows_must_not_contradict_each_other_about_a_place(tmp_path) -> None:
    header = [*HEADERS, "床位"]
    told = refused(tmp_path, [*ROOM[:-1], "", 4], [*WATER[:2], "1号楼", "3层", 301, *WATER[5:], 6], header=header)
    assert told[0].startswith("row 3 column 床位: '6': allowed: 4, as row 2 says of the same place")


def test_sheets_are_read_one_after_the_other_and_columns_left_out_are_told(tmp_path) -> None:
    file = excel(
        tmp_path / "list.xlsx",
        ("1号楼", [["某大学计量表清单"], [], [*HEADERS, "安装日期"], MAIN]),
        ("2号楼", [["Meter", "Medium", "Building"], ["X", "water", "B2"]]),
        ("照片", [["a", "b"]]),
    )
    result = imported(file, "--into", tmp_path / "s.yaml", "--json")
    said = json.loads(result.stdout)
    assert (said["new_meters"], said["new_nodes"], said["written"]) == (2, 3, True)
    assert said["notes"] == [
        "sheet 1号楼: column 安装日期 is not taken over",
        "sheet 照片: no row names the columns; passed over",
    ]


SITE = """# 我们的校园
site: {id: u, name: 大学, timezone: Asia/Shanghai}   # since 2020
calendar:
  terms:
    - {name: 秋, first: 2026-09-01, last: 2027-01-15}
nodes:
  - id: u            # the root
    kind: campus
    name: 大学
  - {id: b1, kind: building, parent: u, name: 1号楼}  # old
meters:
  # the main meter
  - id: E1
    medium: electricity
    multiplier: 40   # wrong?
    node: b1
  - {id: W1, medium: water}  # in the cellar

# the end
"""


def test_what_stands_in_the_file_stays(tmp_path) -> None:
    into = tmp_path / "site.yaml"
    into.write_text(SITE, encoding="utf-8")
    site = site_of(tmp_path, MAIN, ROOM, WATER)
    assert set(site.nodes) == {"u", "b1", "b1-3层", "b1-3层-301"}
    assert (site.meters["E1"].multiplier, site.meters["E1"].node, site.meters["W1"].node) == (60, "b1", "b1")
    text = into.read_text(encoding="utf-8")
    lines = iter(text.splitlines())
    for line in SITE.splitlines():
        assert line.startswith(("    multiplier", "  - {id: W1")) or line in lines, f"{line!r} is lost or moved"
    assert "    multiplier: 60   # wrong?\n" in text
    assert "  - {id: W1, medium: water, name: 水," in text
    assert text.endswith("# the end\n")
    before = into.read_bytes()
    result = imported(tmp_path / "list.xlsx", "--into", into)
    assert "0 meters and 0 places new, 0 meters changed, 3 as they were" in result.stdout
    assert into.read_bytes() == before


@pytest.mark.parametrize("end", ["", "nodes:\nmeters:\n", "nodes: []\nmeters: []\n", "meters: [{id: A, medium: gas}]\n",
                                 "meters:   # none yet\n", "meters:\n- id: A\n  medium: gas"])  # fmt: skip
def test_files_of_any_form_are_added_to(end: str, tmp_path) -> None:
    (tmp_path / "site.yaml").write_text(f"site: {{id: u, timezone: UTC}}\n{end}", encoding="utf-8")
    site = site_of(tmp_path, MAIN, ROOM)
    assert [m for m in site.meters if m != "A"] == ["E1", "E2"]
    assert ("A" in site.meters) == ("A" in end)


def test_places_whose_names_join_to_the_same_stay_two(tmp_path) -> None:
    rows = [["a", "", "A", "", "B-C", "water"], ["b", "", "A-B", "", "C", "water"]]
    site = site_of(tmp_path, *rows)
    assert site.meters["a"].node != site.meters["b"].node


def test_a_list_that_is_none(tmp_path) -> None:
    file = excel(tmp_path / "list.xlsx", ("表", [["a", "b"], [1, 2]]))
    result = imported(file)
    assert result.exit_code == 1
    assert "no meters" in str(result.exception)
    assert "表号/meter, 介质/medium" in str(result.exception)


def test_a_broken_site_file_is_left_alone(tmp_path) -> None:
    into = tmp_path / "site.yaml"
    into.write_text("site: {id: u}\n")
    result = imported(excel(tmp_path / "list.xlsx", ("表", [HEADERS, MAIN])), "--into", into)
    assert "needs `timezone`" in str(result.exception)
    assert into.read_text() == "site: {id: u}\n"


def test_five_thousand_meters(tmp_path) -> None:
    file, into = tmp_path / "list.csv", tmp_path / "site.yaml"
    with file.open("w", newline="", encoding="gb18030") as out:
        writer = csv.writer(out)
        writer.writerow(HEADERS)
        writer.writerow(["M", "", "", "", "", "电", "", "", "", "", ""])
        for i in range(5000):
            place = [f"{i // 250}号楼", f"{i // 50 % 5}层", str(i % 50)]
            line = f"rtu+tcp://192.0.2.{i // 50}:4001"
            writer.writerow([f"E{i}", f"{i}室", *place, "电", "DL/T 645-2007", f"{i:012d}", line, 1, "M"])
    result = imported(file, "--into", into)
    assert result.exit_code == 0, result.output
    site, _ = load_site(into)
    assert (len(site.meters), len(site.nodes)) == (5001, 5000 + 100 + 20 + 1)
