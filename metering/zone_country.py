"""The country a time zone is kept for: whose public holidays a site has that names none."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

_TABLE = ("zoneinfo", "zone1970.tab")


def country_of(timezone: str) -> str | None:
    """ISO 3166 code of the country that the zone is named for; None for zones of no country, as UTC.

    Source: zone1970.tab of the IANA time zone database, where the first country of a zone is the one it is named for.
    """
    return _countries().get(timezone)


@cache
def _countries() -> dict[str, str]:
    text = files("tzdata").joinpath(*_TABLE).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {row[2]: row[0][:2] for row in rows}
