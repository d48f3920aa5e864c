"""What the meters of an alert report of themselves, read from its evidence with tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def reported_codes(evidence: Any) -> tuple[str, ...]:
    """The codes of the alarms that meters report, of all findings in an alert's evidence, each once."""
    findings = evidence.get("findings") if isinstance(evidence, Mapping) else None
    listed = [f for f in findings if isinstance(f, Mapping)] if isinstance(findings, list) else []
    details = [f["details"] for f in listed if isinstance(f.get("details"), Mapping)]
    said = [s for d in details for s in d.get("reported") or () if isinstance(s, Mapping)]
    return tuple(dict.fromkeys(str(s["code"]) for s in said if "code" in s))
