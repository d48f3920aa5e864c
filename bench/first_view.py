"""How soon a page is there for its reader: the demo in headless Chromium whose processor is slowed down.

    python bench/first_view.py [--slow 4] [--times 5] [--page http://127.0.0.1:8000]

The real demo with judged history, HTTP over the loopback address. Each look is a browser that has seen nothing before
(no cache, no cookie), on a desk and on a phone. First paint is the first text or picture, largest the one that fills
the page (both as Chromium's own performance entries say), loaded the `load` event; milliseconds since navigation, the
median and the longest of all looks. What the console complained of is counted. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.page_start import demo, free_port, wait_for  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SIZES: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
PAGES = {
    "alerts": "/alerts", "one alert": "/alerts/{alert}", "my tasks": "/tasks", "roster": "/duty",
    "routes": "/duty/routes", "water and power": "/site",
}  # fmt: skip
_TIMES = """() => new Promise(done => {
    let largest = 0;
    new PerformanceObserver(list => { for (const entry of list.getEntries()) largest = entry.startTime; })
        .observe({type: "largest-contentful-paint", buffered: true});
    setTimeout(() => {
        const paint = performance.getEntriesByName("first-contentful-paint")[0];
        const [navigation] = performance.getEntriesByType("navigation");
        done([paint ? paint.startTime : 0, largest, navigation.loadEventEnd]);
    }, 300);
})"""


@dataclass(frozen=True, slots=True)
class Look:
    """Milliseconds from the navigation to the first paint, the largest, and the load event; complaints."""

    first: float
    largest: float
    loaded: float
    complaints: int


def look(browser: Browser, address: str, size: dict[str, Any], slow: float) -> Look:
    """One page in a browser that knows nothing yet. Raises: RuntimeError, nothing was painted."""
    context = browser.new_context(locale="zh-CN", **size)
    try:
        tab, complaints = context.new_page(), []
        tab.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": slow})
        tab.goto(address, wait_until="load")
        first, largest, loaded = tab.evaluate(_TIMES)
        if not first:
            raise RuntimeError(f"{address} painted nothing")
        return Look(first, largest, loaded, len(complaints))
    finally:
        context.close()


@contextmanager
def served(page: str) -> Iterator[str]:
    """The page that was named, else that of a demo of our own."""
    if page:
        yield page.rstrip("/")
        return
    with tempfile.TemporaryDirectory(prefix="aquavolt-bench-") as folder:
        port = free_port()
        with demo(Path(folder) / "data", port, 1) as running:
            wait_for(f"http://127.0.0.1:{port}/readyz", running)
            yield f"http://127.0.0.1:{port}"


def an_alert(page: str) -> str:
    """The latest that is active."""
    with urllib.request.urlopen(f"{page}/api/v1/alerts?state=active&limit=1", timeout=30) as answer:  # noqa: S310
        return str(json.load(answer)["items"][0]["id"])


def report(looks: dict[tuple[str, str], list[Look]], given: argparse.Namespace) -> None:
    print(f"Data: the demo, seed 1; Chromium slowed down {given.slow:g} times, {given.times} looks each.\n")
    print("| page | first paint ms | largest ms | loaded ms | complaints |\n|---|---:|---:|---:|---:|")
    for (name, size), found in looks.items():
        cells = [[one.first for one in found], [one.largest for one in found], [one.loaded for one in found]]
        shown = " | ".join(f"{statistics.median(c):.0f}, at most {max(c):.0f}" for c in cells)
        print(f"| {name}, {size} | {shown} | {sum(one.complaints for one in found)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", type=float, default=4.0, help="how many times slower its processor is")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--page", default="", help="a running page; none: a demo of its own")
    given = parser.parse_args()
    looks: dict[tuple[str, str], list[Look]] = {}
    with served(given.page) as page, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        alert = an_alert(page)
        for size, device in SIZES.items():
            for name, path in PAGES.items():
                address = page + path.format(alert=alert)
                looks[name, size] = [look(browser, address, device, given.slow) for _ in range(given.times)]
        browser.close()
    report(looks, given)


if __name__ == "__main__":
    main()
