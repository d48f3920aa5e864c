"""Pictures of the running demo for the README: the alert list and one alert, Chinese and English, desk and phone.

    aquavolt demo --port 8000 &
    python docs/make_screenshots.py --page http://127.0.0.1:8000

Needs the test tools and Debian's chromium. Look at every picture before it is committed.
"""

from __future__ import annotations

import argparse
import json
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent / "images"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--force-color-profile=srgb",
]
SIZES = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
LANGUAGES = {"zh": "zh-CN", "en": "en"}


def shown_alert(page: str) -> str:
    """The id of the open leak that loses most: it has the most to show."""
    with urllib.request.urlopen(f"{page}/api/v1/alerts?state=active&limit=100", timeout=10) as answer:  # noqa: S310
        items = json.load(answer)["items"]
    leaks = [a for a in items if a["category"] == "leak"] or items
    return str(max(leaks, key=lambda a: a["loss_rate"] or 0)["id"])


def take(browser: Browser, page: str, alert: str) -> None:
    for size, device in SIZES.items():
        for language, locale in LANGUAGES.items():
            context = browser.new_context(locale=locale, **device)  # type: ignore[arg-type] - its options are many
            tab = context.new_page()
            for name, path in {"alerts": "/", "alert": f"/alerts/{alert}"}.items():
                # The live stream never ends, so that `networkidle` would wait for ever.
                tab.goto(page + path, wait_until="load")
                tab.wait_for_timeout(1500)
                out = IMAGES / f"{name}-{size}-{language}.png"
                tab.screenshot(path=out)
                print(f"{out.name}: {out.stat().st_size // 1024} KB")
            context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", default="http://127.0.0.1:8000")
    page = parser.parse_args().page.rstrip("/")
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        take(browser, page, shown_alert(page))
        browser.close()


if __name__ == "__main__":
    main()
