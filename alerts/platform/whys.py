"""Why an event was not placed, or what of it was left out: as a code with parameters, and in English."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_ENGLISH = {
    "unknown_event": "what happened is %(said)s; the mapping knows: %(known)s",
    "unknown_order": "no order is known as %(number)s",
    "late": "a later event of this order was here before: its state stays",
    "refused": "the order does not take it: %(error)s",
    "photo": "photo %(number)s: %(error)s",
}


@dataclass(frozen=True, slots=True)
class Why:
    """One reason; pages have their own words for each code."""

    code: str
    params: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        return {"code": self.code, "params": self.params}


def in_english(whys: list[Why]) -> str:
    """As a program is answered."""
    return "; ".join(_ENGLISH[why.code] % why.params for why in whys)


def why_of(document: dict[str, Any]) -> Why:
    """As it was stored."""
    return Why(document["code"], document["params"])
