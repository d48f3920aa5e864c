"""What stands above the tables: how they were made, on what, from which state, and how they are to be read."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from bench.detection.jobs import KINDS_OF_DATA, Half
from bench.detection.scoring import SEED
from bench.harness.machine import memory, processor, revision
from rules.settings import RulesSettings

TITLE = "Detection: labelled sets, beside chance and rules of thumb"

READING = """Streaming, with the settings as they ship, the same for all sets; they were tuned on even meters (in the
order of their names), even seeds and even scenarios. `meters` says which count here. An alert must stand at the event's
place (`bench/detection/places.py`); one event takes one alert, a further one of the same event is counted as "again".
"Chance" is F1 of as many random alarms at the places that have events ({draws} draws). Intervals (95 %) draw meters
again, campuses where there are several. Delays are from the true start. 0.011 false a meter-month are 2.5 a 1,000
meters and week. A dash: there is no such figure (no events, no untouched copy, one place alone, no label of
the loss)."""


def with_section(document: str, section: str) -> str:
    """The document with this section in the place of the one with its heading, at the end if there was none."""
    heading = f"## {TITLE}\n"
    before, _, rest = document.partition(heading)
    after = rest[found.start() :] if (found := re.search(r"^## ", rest, re.MULTILINE)) else ""
    above = before.rstrip() + "\n\n" if before.strip() else ""
    return above + section.strip() + "\n" + (f"\n{after}" if after else "")


def head(command: str, half: Half, draws: int) -> Iterator[str]:
    """Heading, what it was made by and on, kinds of data, how to read it."""
    yield f"## {TITLE}"
    made = f"{processor()}, {memory()}, Python {platform.python_version()}, numpy {np.__version__}"
    yield (
        f"`{command}` on {datetime.now(UTC).date()}: {made}. State `{revision()}`, settings of the rules"
        f" `{RulesSettings().revision}` (all defaults), {half.value} half; seed {SEED} for dice, intervals, injected"
        " weeks and worse copies."
    )
    kinds = "; ".join(f"**{kind}**: {words}" for kind, words in KINDS_OF_DATA.items())
    yield f"Data: {kinds}."
    yield READING.format(draws=draws)
