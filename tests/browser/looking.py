"""What a page must hold to be read by anybody: axe-core's rules, nothing wider than the screen, no text cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 780}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
_GRAVE = ("serious", "critical")
_SHOWN = 5
# Text whose box hides a part of it, or that lies beyond the screen where nothing scrolls. What is there for screen
# readers alone (one pixel large) or for the keyboard (left of the screen until it is reached) is meant to be hidden.
_CUT = """() => {
  const hides = (style) => ["hidden", "clip"].includes(style.overflowX) || ["hidden", "clip"].includes(style.overflowY);
  const scrolls = (box) => ["auto", "scroll"].includes(getComputedStyle(box).overflowX);
  const isText = (box) => [...box.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const chain = (box) => box ? [box, ...chain(box.parentElement)] : [];
  const found = [];
  for (const box of document.querySelectorAll("body *")) {
    if (!isText(box) || !box.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (box.closest("svg, option, .swagger-ui, [aria-hidden=true]")) continue;
    const range = document.createRange();
    range.selectNodeContents(box);
    const text = range.getBoundingClientRect();
    if (text.width === 0 || text.right <= 0) continue;
    for (const around of chain(box)) {
      const edge = around.getBoundingClientRect();
      if (edge.width <= 2 || edge.height <= 2 || scrolls(around) || getComputedStyle(around).position === "fixed") break;
      if (!hides(getComputedStyle(around)) && around !== document.body) continue;
      const over = Math.max(text.right - edge.right, edge.left - text.left, around === document.body ? 0 : text.bottom - edge.bottom);
      if (over > 2) found.push(`${box.tagName.toLowerCase()}.${box.className}: ${box.textContent.trim().slice(0, 60)} (${Math.round(over)} px)`);
      break;
    }
  }
  return found;
}"""  # noqa: E501 - one script


def grave(page: Any) -> list[str]:
    """What axe-core calls serious or worse, each with where it is."""
    if not AXE.is_file():
        pytest.fail(f"{AXE} is missing: npm ci")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['help']} at {json.dumps([n['target'] for n in v['nodes'][:_SHOWN]])}"
        for v in found["violations"]
        if v["impact"] in _GRAVE
    ]


def cut(page: Any) -> list[str]:
    """Texts of which a part cannot be seen."""
    return list(page.evaluate(_CUT))


def too_wide(page: Any) -> list[str]:
    """What makes the page wider than the screen; empty where it fits."""
    return list(
        page.evaluate(
            """() => document.documentElement.scrollWidth <= window.innerWidth ? [] : [...document.querySelectorAll("body *")]
              .filter((box) => box.getBoundingClientRect().right > window.innerWidth + 1).slice(0, 8)
              .map((box) => `${box.tagName.toLowerCase()}.${box.className}`).concat([`${document.documentElement.scrollWidth} px`])"""  # noqa: E501
        )
    )


def faults(page: Any) -> list[str]:
    """All of it."""
    return [*grave(page), *(f"cut: {c}" for c in cut(page)), *(f"too wide: {w}" for w in too_wide(page))]
