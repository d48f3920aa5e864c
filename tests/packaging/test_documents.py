"""What the documents say is so: tables, keys, links, commands and examples."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
import yaml
from pydantic import BaseModel

from alerts.playbook import known_steps, parse_playbook
from alerts.users.roles import TOKEN_SCOPES
from aquavolt.cli import app
from aquavolt.config import settings as settings_module
from aquavolt.config.settings import Settings
from metering import site_document
from metering.site_document import parse_site
from rules.detectors.registry import DETECTORS
from rules.settings import parse_rules

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")])
TRANSLATED = [
    (ROOT / "README.md", ROOT / "README.zh-CN.md"),
    (ROOT / "docs" / "install.md", ROOT / "docs" / "install.zh-CN.md"),
    (ROOT / "docs" / "connect-meters.md", ROOT / "docs" / "connect-meters.zh-CN.md"),
    (ROOT / "docs" / "simulate.md", ROOT / "docs" / "simulate.zh-CN.md"),
    *(
        (ROOT / "docs" / f"{n}.md", ROOT / "docs" / f"{n}.zh-CN.md")
        for n in (
            "operations",
            "services",
            "influxdb",
            "users",
            "rules",
            "data",
            "office",
            "maintainer",
            "contractor",
            "orders",
        )
    ),
]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"`([\w.]+)`")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    return [body for kind, body in _FENCE.findall(path.read_text(encoding="utf-8")) if kind == language]


def keys_under(text: str, heading: str) -> set[str]:
    """The keys in the first column of the table below a heading."""
    section = re.search(rf"^## `{heading}`.*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, heading
    rows = [line.split("|")[1] for line in section[1].splitlines() if line.startswith("| `")]
    return {key for row in rows for key in _KEY.findall(row)}


def make_tables() -> ModuleType:
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(ROOT / "docs"))
        return importlib.import_module("make_tables")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_tables_from_the_program_are_up_to_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert make_tables().with_tables(text) == text, "run: python docs/make_tables.py"


def test_every_table_is_shown() -> None:
    shown = {
        m for path in DOCUMENTS for m in re.findall(r"<!-- table: ([\w -]+) -->", path.read_text(encoding="utf-8"))
    }
    assert shown == set(make_tables().TABLES)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    assert not [t for t in targets if "://" not in t and not (path.parent / t).is_file()]


@pytest.mark.parametrize("path", [pair[i] for pair in TRANSLATED[2:3] for i in (0, 1)], ids=name_of)
@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("site", {"id", "name", "timezone"}),
        ("calendar", set(site_document._CALENDAR_KEYS)),
        ("nodes", set(site_document._NODE)),
        ("meters", {*site_document._METER, "lives"}),
        ("lives", set(site_document._LIFE_KEYS)),
    ],
)
def test_every_key_of_a_site_file_is_told(path: Path, heading: str, keys: set[str]) -> None:
    assert keys_under(path.read_text(encoding="utf-8"), heading) == keys


def flat(model: type[BaseModel], above: str = "") -> dict[str, Any]:
    """Key and default of every setting, those of parts as `part.key`."""
    found: dict[str, Any] = {}
    for key, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            found |= flat(type(field.default), f"{key}.")
        else:
            found[above + key] = field.get_default(call_default_factory=True)
    return found


@pytest.mark.parametrize(("name", "heading"), [("operations.md", "## Settings"), ("operations.zh-CN.md", "## 设置")])
def test_every_setting_is_told_with_its_default_and_variable(name: str, heading: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.partition(heading)[2].splitlines() if line.startswith("| `")]
    rows = [row for row in rows if len(row) == 6]  # key, default, variable, meaning
    told = {row[1].strip(" `"): (row[2].strip(" `"), row[3].strip(" `")) for row in rows}
    variables = {key: variable for variable, key in settings_module._ENVIRONMENT.items()}
    expected = {
        key: (
            "all" if default == TOKEN_SCOPES else "none" if default in (None, {}, ()) else str(default),
            variables.get(key, ""),
        )
        for key, default in flat(Settings).items()
    }
    assert told == expected


def test_examples_of_settings_rules_and_replacements_are_taken() -> None:
    (settings,) = blocks(ROOT / "docs" / "operations.md", "yaml")
    assert len(Settings.model_validate(yaml.safe_load(settings)).channels) == 2
    pulled = Settings.model_validate(yaml.safe_load("".join(blocks(ROOT / "docs" / "data.md", "yaml")))).pull
    assert list(pulled.sources()) == ["dorm-files", "dorm-table"]
    *given, plays = [yaml.safe_load(block) for block in blocks(ROOT / "docs" / "rules.md", "yaml")]
    assert parse_playbook(plays, known_steps())
    examples = [parse_rules(rules) for rules in given]
    assert any("threshold" in rules.detectors for rules in examples)
    assert all(rules.overrides or rules.detectors["threshold"].rules for rules in examples)
    (lives,) = blocks(ROOT / "docs" / "connect-meters.md", "yaml")
    meter = {"id": "m", "medium": "electricity", **yaml.safe_load(lives)}
    site = parse_site({"site": {"id": "s", "timezone": "Asia/Shanghai"}, "meters": [meter]})
    assert len(site.meters["m"].lives) == 2


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_commands_are_accepted(path: Path) -> None:
    """By the real parser; none is run."""
    group = typer.main.get_command(app)
    for line in "".join(blocks(path, "sh")).splitlines():
        words = shlex.split(line, comments=True)
        words = words[1:] if words and "=" in words[0] else words
        if not words or not words[0].endswith("aquavolt"):
            continue
        accept(group, words[1:])


def accept(group: Any, words: list[str]) -> None:
    context = group.make_context("aquavolt", list(words))
    name, command, rest = group.resolve_command(context, list(words))
    if hasattr(command, "commands"):
        accept(command, rest)
    else:
        command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_make_targets_are_there(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    told = set(
        re.findall(
            r"\bmake ([a-z-]+)",
            "".join(blocks(path, "sh")) + " ".join(re.findall(r"`(make [^`]+)`", path.read_text(encoding="utf-8"))),
        )
    )
    assert not [target for target in told if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


@pytest.mark.parametrize(("english", "chinese"), TRANSLATED, ids=name_of)
def test_both_languages_show_the_same_commands_and_sections(english: Path, chinese: Path) -> None:
    for language in ("sh", "ini"):
        without_remarks = [re.sub(r"\s+#.*", "", "".join(blocks(p, language))) for p in (english, chinese)]
        assert without_remarks[0] == without_remarks[1]
    levels = [re.findall(r"^(#+) ", p.read_text(encoding="utf-8"), re.MULTILINE) for p in (english, chinese)]
    assert levels[0] == levels[1]


def test_both_languages_of_the_rules_set_the_same_and_show_the_same_tables_and_charts() -> None:
    english, chinese = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("rules.md", "rules.zh-CN.md"))
    tables = [re.findall(r"<!-- table: ([\w -]+) -->", text) for text in (english, chinese)]
    assert [f"{name} zh" for name in tables[0]] == tables[1]
    charts = [re.findall(r"\]\(rules/(\w+)\.(en|zh)\.svg\)", text) for text in (english, chinese)]
    assert [(name, "zh") for name, _ in charts[0]] == charts[1]
    assert {language for _, language in charts[0]} == {"en"}
    given = [[yaml.safe_load(b) for b in blocks(ROOT / "docs" / n, "yaml")] for n in ("rules.md", "rules.zh-CN.md")]
    assert given[0] == given[1]


def test_every_setting_is_explained_in_chinese_and_nothing_else() -> None:
    tables = make_tables()
    for _, table in tables.CHINESE.named():
        table()
    assert tables.CHINESE.unsaid == set(), "say these in docs/rules.zh-CN.yaml"
    assert set(tables.CHINESE.texts) - tables.CHINESE.used == set(), "the program no longer says these"


def test_every_rule_has_its_section_with_a_chart() -> None:
    """In the order of the text: heading, chart, what it sees, table."""
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    for rule in DETECTORS:
        above = text.partition(f"<!-- table: {rule} -->")[0].rpartition("\n## ")[2]
        assert re.search(r"\n!\[.+\]\(rules/\w+\.en\.svg\)\n", above), rule
        assert "**Sees**" in above, rule
        assert "**Cannot see**" in above, rule


def test_the_pictures_are_shown_and_there_are_no_others() -> None:
    shown = {m for p in DOCUMENTS for m in re.findall(r"docs/images/([\w.-]+)", p.read_text(encoding="utf-8"))}
    assert {p.name for p in (ROOT / "docs" / "images").iterdir()} == shown
    charts = {m for p in DOCUMENTS for m in re.findall(r"\(rules/([\w.-]+)\)", p.read_text(encoding="utf-8"))}
    assert {p.name for p in (ROOT / "docs" / "rules").iterdir()} == charts
