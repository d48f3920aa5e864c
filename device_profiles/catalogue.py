"""The profiles that come with the program, as people look for them: lists, tables, one in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from device_profiles.kinds import Profile
from device_profiles.loader import list_profiles, load_profile
from device_profiles.schema import ModbusProfile, Point
from metering.quantities import BY_NAME


@dataclass(frozen=True, slots=True)
class Entry:
    """A profile in a list. `quantities` are those of ours that it gives; `others` counts the values beside them."""

    id: str
    manufacturer: str
    models: tuple[str, ...]
    protocol: str
    medium: str
    confidence: str
    quantities: tuple[str, ...]
    others: int

    def matches(self, words: str) -> bool:
        """Whether every word stands somewhere in it, whatever the case."""
        text = " ".join((self.id, self.manufacturer, *self.models, self.protocol, self.medium)).casefold()
        return all(word in text for word in words.casefold().split())


def catalogue() -> tuple[Entry, ...]:
    """All profiles, those of low confidence included, in order of their ids."""
    return tuple(_entry(load_profile(name, allow_low_confidence=True)) for name in list_profiles())


def points_of(profile: Profile) -> tuple[Point, ...]:
    """The points of a profile, whatever it speaks; some protocols name their values themselves and have none."""
    return tuple(getattr(profile, "points", ()))


def _entry(profile: Profile) -> Entry:
    points = points_of(profile)
    ours = tuple(p.quantity for p in points if p.quantity in BY_NAME)
    return Entry(
        profile.id,
        profile.manufacturer,
        profile.models,
        profile.protocol,
        profile.medium,
        profile.confidence,
        ours,
        len(points) - len(ours),
    )


def shown_quantities(names: tuple[str, ...]) -> str:
    """The names with families drawn together: voltage_l1, voltage_l2, voltage_l3 is voltage_l1..3."""
    shown: list[str] = []
    left = list(names)
    while left:
        name = left.pop(0)
        stem = name[:-1]
        family = [name, *(n for n in left if n[:-1] == stem and n[-1:].isdigit())]
        if name[-2:-1] in "lt" and name[-1:].isdigit() and len(family) > 1:
            left = [n for n in left if n not in family]
            shown.append(f"{name}..{family[-1][-1]}")
        else:
            shown.append(name)
    return ", ".join(shown)


def overview_table() -> str:
    """All profiles as a Markdown table."""
    rows = ["| profile | maker | models | protocol | confidence | values |", "|---|---|---|---|---|---|"]
    for entry in catalogue():
        others = f" and {entry.others} others" if entry.others else ""
        values = (shown_quantities(entry.quantities) or "as the payload names them" * (not entry.others)) + others
        rows.append(
            f"| `{entry.id}` | {entry.manufacturer} | {', '.join(entry.models)} | {entry.protocol} "
            f"| {entry.confidence} | {values.removeprefix(' and ')} |"
        )
    return "\n".join(rows)


def details_text() -> str:
    """Sources, disagreements and notes of every profile, as Markdown."""
    return "\n\n".join("\n".join(_details(load_profile(name, allow_low_confidence=True))) for name in list_profiles())


def _details(profile: Profile) -> Iterator[str]:
    yield f"### `{profile.id}`\n"
    yield f"{profile.manufacturer}: {', '.join(profile.models)}. Confidence: {profile.confidence}.\n"
    for source in profile.sources:
        yield f"- {source.id}: {source.what}, {source.where}".rstrip(", ")
    for text in profile.disagreements:
        yield f"- Sources disagree. {text}"
    for text in profile.notes:
        yield f"- {text}"


def full_text(profile: Profile) -> str:
    """One profile for a person at a meter: settings, then every value with its place and source."""
    lines = [f"{profile.id}: {profile.manufacturer} {', '.join(profile.models)}", *_details(profile)]
    lines = [line.strip() for line in lines if not line.startswith(("###", profile.manufacturer + ":"))]
    if isinstance(profile, ModbusProfile):
        serial = profile.serial
        lines.append(f"- serial: unit {serial.unit}, {serial.baud} {serial.bits}{serial.parity}{serial.stop}")
    lines.append(f"- confidence: {profile.confidence}, medium: {profile.medium}, protocol: {profile.protocol}")
    width = max((len(p.quantity) for p in points_of(profile)), default=0)
    lines += [f"{p.quantity:<{width}}  {_place(p)}" for p in points_of(profile)]
    return "\n".join(lines)


def _place(point: Point) -> str:
    place = [point.printed_unit or "-"]
    if (function := getattr(point, "function", None)) is not None:
        place += [f"{function}:{getattr(point, 'address', 0):#06x}", getattr(point, "dtype", ""), f"x {point.scale:g}"]
    if path := getattr(point, "path", None):
        place.append(" or ".join(path))
    return "  ".join([*place, *([f"({point.note})"] if point.note else []), " ".join(point.src)]).rstrip()
