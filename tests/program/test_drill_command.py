"""`aquavolt drill`: begun, listed, reported and ended from the command line, beside whatever program runs."""

from __future__ import annotations

import csv
import io
import json

import pytest
from cli import command_inside

from alerts.drills.keeping import DrillKeeper
from alerts.records import Records

SITE = """
site: {id: s, name: S, timezone: Asia/Shanghai}
nodes:
  - {id: campus, kind: campus}
  - {id: dorm, kind: building, parent: campus}
meters:
  - {id: w-dorm, medium: water, node: dorm, max_flow_m3_per_h: 20}
"""


@pytest.fixture
def records(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "data").mkdir()
    records = Records(f"sqlite:///{tmp_path / 'data' / 'records.db'}")
    records.migrate()
    yield records
    records.close()


@pytest.fixture
def drill(records, tmp_path):
    return lambda *arguments: command_inside(tmp_path, "drill", *arguments, "--data", "data")


def test_one_is_begun_listed_and_ended_where_nobody_runs_the_rules(drill):
    begun = drill("start", "leak", "dorm", "--size", "400", "--limit", "30", "--note", "秋季演练", "--json")
    assert begun.code == 0, begun.err
    asked = json.loads(begun.out)
    assert (asked["state"], asked["size"], asked["limit_s"], asked["note"]) == ("asked", 0.4, 1800, "秋季演练")
    assert asked["asked_by"].startswith("cli:")
    assert "no program that runs the rules is there" in begun.err
    assert "under way" in drill("start", "burst", "dorm").message
    listed = drill("list")
    assert listed.out.split()[:5] == [asked["id"], "asked", "leak", "dorm", "0.4"]
    assert f"{asked['id']}: over" in drill("stop").out
    (ended,) = json.loads(drill("list", "--json").out)
    assert (ended["ending"], ended["stopped_by"]) == ("stopped", asked["asked_by"])
    assert "is over" in drill("stop", asked["id"]).message


def test_the_report_is_stamped_in_every_form(drill, records):
    keeper = DrillKeeper(records.database)
    keeper.beat()
    begun = drill("start", "burst", "dorm")
    assert (begun.code, begun.err) == (0, "")
    name = begun.out.strip()
    keeper.start(name, keeper.now_ms(), 7)
    assert "the fault is mended" in drill("repair").out
    assert "ends within seconds" in drill("stop").out
    text = drill("report").out
    assert text.startswith(f"DRILL 演练  {name}  running  burst  dorm  8 m3/h")
    assert "no alert of it was raised" in text
    assert json.loads(drill("report", name, "--json").out)["drill"]["repaired_by"].startswith("cli:")
    assert next(csv.reader(io.StringIO(drill("report", "--csv").out)))[0] == "stamp"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("start", "leak", "nowhere"), "no node 'nowhere'"),
        (("start", "overuse", "dorm"), "no electricity meter stands at 'dorm'"),
        (("start", "burst", "dorm", "--size", "50000"), "may have 1 to 20, not 50"),
        (("start", "leak", "dorm", "--speed", "7"), "allowed: 1, 10, 60, 240, 720"),
        (("start", "leak", "dorm", "--limit", "0"), "60 s to"),
        (("report",), "there has been no drill yet"),
        (("stop", "drill-x"), "there is no drill 'drill-x'"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_begun(drill, wrong, said):
    assert said in drill(*wrong).message
    assert drill("list", "--json").out.strip() == "[]"


def test_without_records_it_says_where_they_are_looked_for(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    assert "there are no records here" in command_inside(tmp_path, "drill", "list", "--data", "none").message
    assert not (tmp_path / "none").exists()
