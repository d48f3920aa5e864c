"""What a list calls a meter's model or protocol, and the profile that this is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from aquavolt.meter_list.columns import CellError
from device_profiles.catalogue import Entry, catalogue

_PROTOCOLS = {
    "dlt6452007": "dlt645-2007", "dlt64507": "dlt645-2007", "6452007": "dlt645-2007", "64507": "dlt645-2007",
    "dlt645": "dlt645-2007", "dlt6451997": "dlt645-1997", "dlt64597": "dlt645-1997", "6451997": "dlt645-1997",
    "64597": "dlt645-1997", "mbus": "mbus", "json": "json-plain", "cjt188": "cjt188-", "cjt1882004": "cjt188-",
    "cjt1882018": "cjt188-", "188": "cjt188-",
}  # fmt: skip
_HEAT = ("heat",)


class Kinds:
    """Finds profiles by id, model or protocol; spaces, hyphens, slashes and case do not count."""

    def __init__(self, entries: Iterable[Entry] | None = None) -> None:
        self._models: dict[str, list[str]] = {}
        for entry in catalogue() if entries is None else entries:
            for word in {entry.id, *entry.models, *(f"{entry.manufacturer}{model}" for model in entry.models)}:
                found = self._models.setdefault(_plain(word), [])
                found += [] if entry.id in found else [entry.id]

    def find(self, said: Mapping[str, str], medium: str) -> str | None:
        """The profile of what a row says under `profile` and `protocol`; None where it says nothing.

        Raises:
            CellError: it is none that we know, or several.
        """
        words = [w for w in (said.get("profile", ""), said.get("protocol", "")) if w]
        for word in words:
            if found := self._one(word):
                return found
        for word in reversed(words):
            if (generic := _PROTOCOLS.get(_plain(word))) is not None:
                return generic + ("heat" if medium in _HEAT else "water") if generic.endswith("-") else generic
        if not words:
            return None
        raise CellError(
            "a model or an id as `aquavolt profiles list` shows them, or one of the protocols DL/T 645-2007, "
            "DL/T 645-1997, CJ/T 188, M-Bus; Modbus alone says nothing of the registers"
        )

    def _one(self, word: str) -> str | None:
        found = self._models.get(_plain(word), [])
        if len(found) > 1:
            raise CellError(f"one of the profiles {', '.join(found)}, for {word!r} is the model of each")
        return found[0] if found else None


def _plain(word: str) -> str:
    return re.sub(r"[\s/_.·—–-]", "", word.casefold())
