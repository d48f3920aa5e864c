"""Both languages say everything, and say it with the same parameters."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from api.web.formats import Formats
from api.web.texts import CHINESE_PO, choose_language
from metering.site import Site

ROOT = Path(CHINESE_PO).parents[4]
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext.babel_extract")]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"**/templates/**.html": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}
PARAMETER = re.compile(r"%\((\w+)\)s")


def in_code() -> set[str]:
    """Every text in code and templates, by its (singular) English."""
    found = extract_from_dir(str(ROOT), METHODS, OPTIONS, KEYWORDS)
    return {text if isinstance(text, str) else text[0] for _, _, text, _, _ in found}


def in_catalog() -> dict[str, tuple[str, ...]]:
    catalog = read_po(io.BytesIO(CHINESE_PO.read_bytes()), locale="zh_CN")
    texts = {}
    for message in catalog:
        if message.id:
            singular = message.id if isinstance(message.id, str) else message.id[0]
            texts[singular] = (message.string,) if isinstance(message.string, str) else tuple(message.string)
    return texts


def test_chinese_has_every_text_and_no_other():
    code, catalog = in_code(), in_catalog()
    assert len(code) > 200
    assert code - set(catalog) == set(), "not in the catalog"
    assert set(catalog) - code == set(), "no longer used"


@pytest.mark.parametrize(("english", "chinese"), in_catalog().items())
def test_a_translation_is_there_and_has_the_same_parameters(english, chinese):
    for text in chinese:
        assert text.strip()
        assert set(PARAMETER.findall(text)) == set(PARAMETER.findall(english))


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        (None, "", "zh-CN"),
        (None, "zh-TW,zh;q=0.9,en;q=0.8", "zh-CN"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "de,en;q=0.5,zh;q=0.7", "zh-CN"),
        (None, "fr", "zh-CN"),
        (None, "en;q=0", "zh-CN"),
        (None, "en;q=nonsense, *;q=x", "zh-CN"),
        ("en", "zh-CN", "en"),
        ("klingon", "en", "en"),
    ],
)
def test_the_language_is_the_switchs_then_the_browsers(cookie, accept, language):
    assert choose_language(cookie, accept) == language


def test_the_switch_is_remembered_and_leads_back(served):
    answer = served.client.get("/language/en?back=/alerts/leak")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/alerts/leak")
    assert '<html lang="en">' in served.client.get("/alerts").text


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""])
def test_the_switch_leads_nowhere_else(served, back):
    assert served.client.get("/language/en", params={"back": back}).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("language", "call", "text"),
    [
        ("zh-CN", ("rate", 0.42, "water"), "420 L/h"),
        ("en", ("rate", 2.346, "water"), "2.35 m³/h"),
        ("en", ("rate", 0.34, "electricity"), "0.34 kW"),
        ("en", ("amount", 12_345.0, "electricity"), "12.3 MWh"),
        ("en", ("amount", 0.25, "water"), "250 L"),
        ("zh-CN", ("money", 131.2, "CNY"), "¥131"),
        ("en", ("money", 1.5, "CNY"), "¥1.50"),
        ("en", ("percent", 0.985), "98.5%"),
        ("en", ("number", None), "–"),
        ("en", ("number", float("nan")), "–"),
        ("zh-CN", ("age", 12), "12 秒"),
        ("en", ("size", 3_400_000), "3.4 MB"),
    ],
)
def test_figures_are_written_as_people_read_them(language, call, text):
    site = Site("s", "s", "Asia/Shanghai", {}, {})
    assert getattr(Formats(language, site.zone), call[0])(*call[1:]) == text
