"""The pages' texts in two languages. English stands in the code, Chinese in `locales/zh_CN/LC_MESSAGES/messages.po`."""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"zh-CN": "中文", "en": "English"}
DEFAULT = "zh-CN"
COOKIE = "aquavolt_language"
CHINESE_PO = Path(__file__).parent / "locales" / "zh_CN" / "LC_MESSAGES" / "messages.po"


@cache
def translations_of(language: str) -> gettext.NullTranslations:
    """The catalog of a language; English needs none."""
    if language != "zh-CN":
        return gettext.NullTranslations()
    with CHINESE_PO.open("rb") as source:
        catalog = read_po(source, locale="zh_CN")
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _quality(part: str) -> tuple[str, float]:
    name, _, weight = part.strip().partition(";q=")
    try:
        return name.strip().lower(), float(weight) if weight else 1.0
    except ValueError:
        return name.strip().lower(), 0.0


def choose_language(cookie: str | None, accept: str) -> str:
    """The language somebody switched to, else the best that the browser asks for, else Chinese."""
    if cookie in LANGUAGES:
        return cookie
    ranked = sorted((_quality(p) for p in accept.split(",")), key=lambda q: -q[1])
    for name, weight in ranked:
        if weight > 0 and name.startswith(("zh", "en")):
            return "zh-CN" if name.startswith("zh") else "en"
    return DEFAULT
