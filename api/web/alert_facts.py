"""The evidence of an alert as a table: each figure with its label and unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alerts.values import Alert
from api.alerts.evidence import main_details
from api.web.formats import Formats
from api.web.rendering import Reader
from api.web.wording import N_, OWN_RULE
from metering.incident import Category

# Members of the evidence that have their own place on the page, or that only a program reads.
_SHOWN_ELSEWHERE = frozenset({"kind", "condition", "meaning", "place", "parents", "children", "meters", "since_day"})
# Members of the detectors' details, without the unit at the end of their names.
_LABELS = {
    "window": N_("Window looked at"), "usual_days": N_("Days it was quiet before"), "usual_day": N_("Usual day"),
    "pulse": N_("Smallest step of the register"), "night": N_("Hours of the night"), "sigma": N_("Usual scatter (1σ)"),
    "nights_learned": N_("Nights learned from"), "legitimate": N_("Expected at night, by beds"),
    "highest_usual": N_("Highest at that hour"), "hour": N_("Hour of the day"), "lasted": N_("Lasted, when found"),
    "share_of_inflow": N_("Share of what flows in"), "unmetered_share": N_("Share without a meter"),
    "learned_days": N_("Days learned from"),
    "peers": N_("Peers compared with"), "peer_median": N_("Median of the peers"),
    "times_peers": N_("Times its peers"), "times_usual": N_("Times its own usual"), "beds": N_("Beds"),
    "standing_load": N_("Load that never stops"), "usual_load": N_("Its usual standing load"),
    "peers_load": N_("Standing load of the peers"),
    "days_learned": N_("Days learned from"), "last_reading": N_("Last reading"), "since": N_("Since when"),
    "before": N_("Register before"), "after": N_("Register after"), "silent": N_("Silent for"),
    "days": N_("Days"), "score": N_("Score"), "threshold": N_("Threshold"), "register": N_("Register"),
    "period": N_("Read every"), "deviation": N_("Deviation"), "group": N_("Compared within"),
    "when": N_("Condition"), "for": N_("Must hold for"), "clear": N_("Ends when"), "clear_for": N_("Must hold for"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the evidence table."""

    label: str
    value: str


def facts_of(alert: Alert, reader: Reader) -> list[Fact]:
    """Observed and expected first, then each plain member of the evidence that has a label of ours, then the others."""
    words, rows = reader.wording, []
    for label, value in zip(_compared(alert), (alert.observed, alert.expected), strict=True):
        if value is not None and alert.unit:
            rows.append(Fact(words.gettext(label), _with_unit(value, alert, reader)))
    if said := words.reported(alert):
        rows.append(Fact(words.gettext(N_("Reported by the meter")), said))
    for name, value in main_details(alert).items():
        if name in _SHOWN_ELSEWHERE or isinstance(value, Mapping) or value is None or value == []:
            continue
        if isinstance(value, list) and any(isinstance(v, Mapping | list) for v in value):
            continue
        rows.append(_fact(name, value, alert, reader))
    return rows


def _compared(alert: Alert) -> tuple[str, str]:
    """What `observed` and `expected` are called: of a meter's fault they are hours or registers."""
    if alert.category is Category.DATA_QUALITY and alert.unit == "h":
        return N_("Lasted, when found"), N_("Longest usual")
    if alert.category is Category.DATA_QUALITY and alert.unit in ("m3", "kWh"):
        return N_("Register after"), N_("Register before")
    return N_("Observed"), N_("Threshold") if alert.rule.startswith(OWN_RULE) else N_("Usual")


def _with_unit(value: float, alert: Alert, reader: Reader) -> str:
    if alert.unit == "h":
        return reader.formats.span(timedelta(hours=value))
    if alert.unit in ("m3/h", "kW"):
        return reader.formats.rate(value, alert.medium)
    return f"{reader.formats.number(value)} {alert.unit.replace('m3', 'm³')}".strip()


def _fact(name: str, value: Any, alert: Alert, reader: Reader) -> Fact:
    """A member of the details: its label, and its figure in the unit that the end of its name says."""
    f, base, text = reader.formats, name, None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name in _IN_ALERTS_UNIT:
            text = _with_unit(float(value), alert, reader)
        else:
            ending = next((e for e in _UNIT_ENDINGS if name.endswith(e)), "")
            base, text = name.removesuffix(ending), _measured(ending, float(value), f)
    label = _LABELS.get(name) or _LABELS.get(base)
    shown = text if text is not None else reader.wording.evidence_value(name, value)
    return Fact(reader.wording.gettext(label) if label else base.replace("_", " "), shown)


_IN_ALERTS_UNIT = frozenset({"highest_usual", "sigma", "uncertainty", "peer_median"})
_UNIT_ENDINGS = ("_m3_per_h", "_m3", "_kwh", "_kw", "_hours", "_h", "_s", "_days")


def _measured(ending: str, value: float, f: Formats) -> str | None:
    """The figure with its unit; None where the name says none."""
    match ending:
        case "_m3_per_h" | "_kw":
            return f.rate(value, "water" if ending == "_m3_per_h" else "electricity")
        case "_m3" | "_kwh":
            return f.amount(value, "water" if ending == "_m3" else "electricity")
        case "_h" | "_hours":
            return f.span(timedelta(hours=value))
        case "_s":
            return f.age(value)
    return None
