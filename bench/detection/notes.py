"""What the charts of misses and false alarms show, looked at by people: `notes.md`, a heading a job.

`python -m bench.detection --charts FOLDER` draws them again; look, and mend the notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

NOTES = Path(__file__).with_name("notes.md")
_SECTION = re.compile(r"^## (\S+)\n+(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def noted() -> dict[str, str]:
    """The paragraph of each job, by its key."""
    return {key: text.strip() for key, text in _SECTION.findall(NOTES.read_text(encoding="utf-8"))}


def notes(keys: Iterable[str]) -> str:
    """What is noted of these jobs, as a list."""
    known = noted()
    wanted = dict.fromkeys(key.partition(":")[0] for key in keys)
    return "\n".join(f"- **{key}**: {known[key]}" for key in wanted if key in known)
