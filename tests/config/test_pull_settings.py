"""What is pulled, as the settings say it: every fault with its line, and what the sources then read."""

from __future__ import annotations

from pathlib import Path

import pytest

from aquavolt.config.documents import ConfigError
from aquavolt.config.settings import load_settings
from aquavolt.pulling.sources import doubts_of, form_of
from metering.site_document import parse_site

SITE = parse_site(
    {
        "site": {"id": "s", "timezone": "Asia/Shanghai"},
        "meters": [
            {"id": "e-101", "medium": "electricity", "device_address": "0012", "name": "101室"},
            {"id": "e-102", "medium": "electricity", "device_address": "0013"},
        ],
    }
)
FILES = """\
pull:
  files:
    dorm:
      path: /srv/drop
      columns: {meter: 表号, time: 时间, values: {active_energy_import: 电量}}
"""
SQL = """\
pull:
  sql:
    dorm:
      url: sqlite:///dorm.db
      query: SELECT * FROM readings WHERE time >= :since
      columns: {quantity: what, value: reading}
"""


def settings(folder: Path, text: str):
    path = folder / "aquavolt.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, {})


def test_a_source_reads_meters_by_what_they_are_called_there(tmp_path):
    more = "      match: device_address\n      meters: {'0099': e-101, '7': gone}\n"
    found = settings(tmp_path, FILES + more).pull
    form = form_of(found.files["dorm"], SITE)
    assert form.meters == {"0012": "e-101", "0013": "e-102", "0099": "e-101"}
    assert form.columns == ("表号", "时间", "电量")
    assert list(doubts_of(found, SITE)) == ["pull dorm: the site has no meter gone"]
    assert form_of(settings(tmp_path, SQL).pull.sql["dorm"], SITE).columns == ("meter", "time", "what", "reading")


def test_without_a_section_nothing_is_pulled(tmp_path):
    assert settings(tmp_path, "port: 8000\n").pull.sources() == {}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (FILES + "      encoding: klingon\n", 6, "pull.files.dorm.encoding: Value error, 'klingon' is no encoding"),
        (FILES + "      encoding: utf-16\n", 6, "does not keep lines apart"),
        (FILES + "      every_s: 0\n", 6, "pull.files.dorm.every_s"),
        (FILES + "      pattern: ../*.csv\n", 6, "within the folder"),
        (FILES + "      timezone: Moon/Sea\n", 6, "no time zone"),
        (FILES + "      time_format: '%H:%M'\n", 6, "does not give year"),
        (FILES + "      scale: {kwh: 1}\n", 6, "unknown quantity 'kwh'; allowed: active_energy_import"),
        (FILES + "      scale: {water_volume: 0}\n", 6, "other than 0"),
        (FILES + "      meters: {0012: e-101}\n", 6, "in quotes"),
        (FILES + "      paht: x\n", 6, "pull.files.dorm.paht: unknown key"),
        (FILES.replace("active_energy_import", "kwh"), 5, "unknown quantity 'kwh'"),
        (FILES.replace("values: {active_energy_import: 电量}", "value: 电量"), 5, "go together"),
        (FILES.replace("values: ", "value: x, values: "), 5, "either `values`"),
        (FILES.replace("dorm:", "宿舍:"), 2, "a name is of a-z"),
        (FILES + SQL.removeprefix("pull:\n"), 1, "one name: dorm"),
        (SQL.replace("sqlite:", "dbase:"), 4, "no database of this kind"),
        (SQL.replace("sqlite:///", ""), 4, "no SQLAlchemy URL"),
        (SQL.replace("sqlite:", "oracle:"), 4, "install it beside aquavolt"),
        (SQL.replace("SELECT *", "DELETE"), 5, "nothing is ever written"),
        (SQL.replace(":since", ":since; DROP TABLE x"), 5, "nothing else"),
        (SQL.replace(":since", "now()"), 5, ":since"),
        (SQL + "      overlap_s: -1\n", 7, "overlap_s"),
    ],
)
def test_every_fault_is_told_with_its_line(tmp_path, text, line, says):
    with pytest.raises(ConfigError) as refused:
        settings(tmp_path, text)
    told = str(refused.value)
    assert f"aquavolt.yaml:{line}: " in told
    assert says in told


def test_a_password_is_not_repeated(tmp_path):
    with pytest.raises(ConfigError) as refused:
        settings(tmp_path, SQL.replace("sqlite:///dorm.db", "dbase://reader:s3cret@host/dorm"))
    assert "s3cret" not in str(refused.value)
