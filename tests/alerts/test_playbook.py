"""What to do about an alert: the shipped plays, a site's own before them, and what is wrong with a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.playbook import SHIPPED, Playbook, PlaybookError, known_steps, parse_playbook, shipped_playbook
from alerts.values import Alert
from alerts.words import Language
from aquavolt.config.documents import ConfigError, load_playbook
from metering.incident import Category
from metering.site import Node, Site
from rules.causes import CAUSES
from rules.placing import NEXT_STEPS

ZH, EN = Language.ZH_CN, Language.EN
NODES = [Node("campus", "campus"), Node("dorm-2", "building", "campus", use="dormitory"), Node("f3", "floor", "dorm-2")]
SITE = Site("s", "S", "Asia/Shanghai", {n.id: n for n in NODES}, {})


@pytest.fixture
def alert(records, rules):
    (raised,) = records.apply([rules.raised()], 1)
    return raised


def of(alert: Alert, cause: str | None = None, step: str = "check_fixtures", **changes: Any) -> Alert:
    evidence: dict[str, Any] = {"next_step": step}
    if cause:
        evidence["cause"] = {"code": cause, "confidence": 0.7}
    return replace(alert, evidence=evidence, **changes)


def plays(*items: dict[str, Any]) -> dict[str, Any]:
    return {"plays": [{"en": ["do it"], "zh-CN": ["做"], **item} for item in items]}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("category", Category)
def test_there_is_something_to_do_about_every_alert(alert, category, language):
    bare = replace(alert, category=category, evidence={}, node="gone")
    assert shipped_playbook().steps(bare, SITE, language)[0]


def test_every_kind_of_work_and_every_cause_of_the_rules_has_a_play():
    assert set(known_steps()) == set(NEXT_STEPS)
    assert {p.when["cause"] for p in shipped_playbook().shipped if "cause" in p.when} == set(CAUSES)


def test_the_play_that_says_the_most_wins(alert):
    steps = shipped_playbook().steps
    general = steps(of(alert, step=""), SITE, EN)
    work = steps(of(alert), SITE, EN)
    cause = steps(of(alert, "toilet", node="f3"), SITE, EN)
    placed = steps(of(alert, "toilet"), SITE, EN)
    assert [s[0][:15] for s in (general, work, cause, placed)] == [
        "Go there, liste", "Look at toilets", "Look at the cis", "Public lavatori",
    ]  # fmt: skip


def test_a_sites_own_play_comes_before_a_shipped_one_that_says_more(alert):
    own = parse_playbook(plays({"when": {"category": "leak"}, "en": ["Call 8110."], "zh-CN": ["打8110。"]}))
    book = Playbook(shipped_playbook().shipped, own)
    assert book.steps(of(alert, "toilet"), SITE, ZH) == ("打8110。",)
    assert "Go there after closing" in book.steps(
        of(alert, "night_equipment", category=Category.CONSUMPTION), SITE, EN
    )[0]  # fmt: skip


def test_own_plays_go_by_the_use_of_the_place(alert):
    own = parse_playbook(plays({"when": {"use": "dormitory"}}, {"when": {"use": "canteen"}, "en": ["not here"]}))
    book = Playbook(shipped_playbook().shipped, own)
    assert book.steps(of(alert), SITE, EN) == ("do it",)
    assert book.steps(of(alert, node="campus"), SITE, EN)[0].startswith("Look at toilets")


@pytest.mark.parametrize(
    ("document", "path", "told"),
    [
        (None, (), "a mapping with one key: plays"),
        ({"plays": {}}, (), "a mapping with one key: plays"),
        ({"plays": [], "more": 1}, ("more",), "unknown key 'more'; allowed: plays"),
        ({"plays": ["x"]}, ("plays", 0), "must be a mapping"),
        (plays({"when": {"category": "leek"}}), ("plays", 0, "when", "category"), "'leek'; allowed: leak"),
        (plays({"when": {"place": "shed"}}), ("plays", 0, "when", "place"), "allowed: campus, zone, building"),
        (plays({"when": {"step": "jump"}}), ("plays", 0, "when", "step"), "unknown value 'jump'; allowed: check_"),
        (plays({"when": {"use": 3}}), ("plays", 0, "when", "use"), "must be text"),
        (plays({"when": {"colour": "x"}}), ("plays", 0, "when", "colour"), "unknown key 'colour'; allowed: category"),
        (plays({"when": {}}), ("plays", 0, "when"), "one key at least"),
        (plays({"when": {"category": "leak"}, "fr": ["x"]}), ("plays", 0, "fr"), "unknown key 'fr'"),
        (plays({"when": {"category": "leak"}, "en": "x"}), ("plays", 0, "en"), "a list with one line"),
        (plays({"when": {"category": "leak"}, "zh-CN": []}), ("plays", 0, "zh-CN"), "a list with one line"),
        (plays(*[{"when": {"category": "leak"}}] * 2), ("plays", 1, "when"), "play 1 of the list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_what_is_allowed(document, path, told):
    with pytest.raises(PlaybookError) as caught:
        parse_playbook(document, known_steps())
    (fault,) = caught.value.faults
    assert fault.path == path
    assert told in fault.message


def test_a_files_faults_have_their_lines(tmp_path: Path):
    file = tmp_path / "plays.yaml"
    file.write_text(
        "plays:\n  - when: {category: leak}\n    en: [x]\n  - when:\n      cause: gnomes\n    zh-CN: [x]\n    en: []\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_playbook(file)
    first, second, third = str(caught.value).splitlines()
    assert first.startswith(f"{file}:2: plays.0.zh-CN: must be a list")
    assert second.startswith(f"{file}:5: plays.1.when.cause: unknown value 'gnomes'; allowed: toilet")
    assert third.startswith(f"{file}:7: plays.1.en: must be a list")


def test_a_sites_file_may_be_the_shipped_one(alert):
    assert load_playbook(SHIPPED).steps(of(alert), SITE, EN) == load_playbook(None).steps(of(alert), SITE, EN)
