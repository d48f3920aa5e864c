"""What is wrong, why this place, and what to do next: an alert in plain words of the reader's language.

The rules give figures, and text keys with parameters; a key that is not known here is left out, never shown raw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alerts.values import Alert, Outcome
from alerts.words import Language, back_text, cause_text, reported_text, rule_text, signs_text
from api.alerts.evidence import main_details
from api.web.formats import Formats
from metering.incident import Category, Severity
from metering.site import Site

Translate = Callable[..., str]


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Marks a text for translation where it stands; `_` translates it where it is shown."""
    return text


TITLES = {
    "continuous_flow": N_("Water never stops running"),
    "minimum_night_flow": N_("Night flow too high"),
    "burst_flow": N_("Far more water than ever at this hour"),
    "zone_balance": N_("Water lost between meters"),
    "peer_usage": N_("Uses far more than its peers"),
    "suspected_appliance": N_("Suspected heating appliance"),
    "power_quality": N_("Supply out of its limits"),
    "demand": N_("Load above its limit"),
    "meter_health": N_("Meter needs attention"),
    "reported_leak": N_("Leak, as the meter reports"),
    "reported_fault": N_("Meter reports a fault"),
}
CATEGORIES = {
    Category.LEAK: N_("Leak"),
    Category.CONSUMPTION: N_("Consumption"),
    Category.APPLIANCE: N_("Appliance"),
    Category.SUPPLY: N_("Supply"),
    Category.DATA_QUALITY: N_("Meter fault"),
}
SEVERITIES = {Severity.CRITICAL: N_("Critical"), Severity.WARNING: N_("Warning"), Severity.INFO: N_("Notice")}
MEDIA = {
    "water": N_("Water"), "electricity": N_("Electricity"), "gas": N_("Gas"), "heat": N_("Heat"), "other": N_("Other"),
}  # fmt: skip
OUTCOMES = {
    Outcome.CONFIRMED: N_("Confirmed"),
    Outcome.REPAIRED: N_("Repaired"),
    Outcome.FALSE: N_("False alarm"),
    Outcome.PLANNED_USE: N_("Planned use"),
    Outcome.METER_FAULT: N_("Meter fault"),
}
EFFECTS = {
    Outcome.CONFIRMED: N_("Its rules judge the meter one step more sensitively again, if they were less."),
    Outcome.REPAIRED: N_("Its rules judge the meter one step more sensitively again, if they were less."),
    Outcome.FALSE: N_("Its rules judge the meter one step less sensitively."),
    Outcome.PLANNED_USE: N_("Nothing is learned from that time, and it raises nothing again."),
    Outcome.METER_FAULT: N_("It changes nothing for the rules."),
}
METER_KINDS = {
    "offline": N_("Meter does not answer"),
    "silent": N_("Meter does not answer"),
    "stuck": N_("Register stands still"),
    "frozen": N_("Register stands still"),
    "reset": N_("Register began again at zero"),
    "replaced": N_("Meter seems replaced, not declared"),
    "undeclared_replacement": N_("Meter seems replaced, not declared"),
    "rollover": N_("Register ran over its width"),
    "clock_back": N_("Meter's clock goes back"),
    "conflict": N_("Different readings for one time"),
    "held": N_("Implausible jump, held for review"),
    "reversed": N_("Register runs backwards"),
    "glitch": N_("Implausible jump, held for review"),
}
SUPPLY_KINDS = {
    "supply_loss": N_("Supply lost"), "phase_loss": N_("A phase is lost"), "overvoltage": N_("Voltage too high"),
    "undervoltage": N_("Voltage too low"), "voltage_imbalance": N_("Voltages of the phases unequal"),
    "low_power_factor": N_("Power factor too low"), "transformer_overload": N_("Transformer overloaded"),
    "contract_demand": N_("Contracted demand exceeded"), "place_limit": N_("Allowed power exceeded"),
}  # fmt: skip
ACTIONS = {
    "raised": N_("Raised"), "reopened": N_("Came back"), "updated": N_("New figures"), "escalated": N_("More severe"),
    "moved": N_("Narrowed down to a smaller place"), "inhibited": N_("Explained by another alert"),
    "released": N_("No longer explained by another alert"), "cleared": N_("Cleared by the meters"),
    "overdue": N_("Overdue"), "unanswered": N_("Nobody had it: the next were asked"), "assigned": N_("Assigned"),
    "unassigned": N_("Assignment taken back"), "acknowledged": N_("Acknowledged"),
    "commented": N_("Comment"), "resolved": N_("Resolved"), "handed_on": N_("Handed on"),
    "withdrawn": N_("Outcome withdrawn"),
}  # fmt: skip
REASONS = {
    "raised": N_("New alert"), "reopened": N_("Came back"), "assigned": N_("Assigned"),
    "escalated": N_("More severe"), "cleared": N_("Cleared by the meters"), "unanswered": N_("Nobody has it yet"),
    "repeated": N_("Told again"), "digest": N_("Daily digest"), "roster": N_("Hole in the roster"),
    "order": N_("Work order"),
    "test": N_("Test message"),
}  # fmt: skip
DELIVERIES = {
    "pending": N_("on its way"), "delivered": N_("delivered"), "failed": N_("failed"), "withdrawn": N_("withdrawn"),
}  # fmt: skip
QUANTITIES = {
    "active_energy_import": N_("Active energy, import"), "active_energy_export": N_("Active energy, export"),
    "reactive_energy_import": N_("Reactive energy, import"), "active_power": N_("Active power"),
    "reactive_power": N_("Reactive power"), "apparent_power": N_("Apparent power"), "voltage_l1": N_("Voltage L1"),
    "voltage_l2": N_("Voltage L2"), "voltage_l3": N_("Voltage L3"), "current_l1": N_("Current L1"),
    "current_l2": N_("Current L2"), "current_l3": N_("Current L3"), "power_factor": N_("Power factor"),
    "frequency": N_("Frequency"), "water_volume": N_("Water counted"), "flow_rate": N_("Flow rate"),
    "temperature": N_("Temperature"), "pressure": N_("Pressure"), "battery": N_("Battery"),
    "gas_volume": N_("Gas counted"), "heat_energy": N_("Heat energy"), "humidity": N_("Humidity"),
    "pulse_count": N_("Pulses"), "active_power_demand": N_("Power demand"),
}  # fmt: skip
QUALITIES = {
    "estimated": N_("estimated"), "held": N_("not plausible"), "clock_wrong": N_("meter's clock is wrong"),
    "reset": N_("counter was reset"), "rollover": N_("counter rolled over"), "replaced": N_("meter was replaced"),
    "late": N_("came late"), "simulated": N_("simulated"),
}  # fmt: skip
USES = {
    "dormitory": N_("Dormitory"), "teaching": N_("Teaching building"), "library": N_("Library"),
    "canteen": N_("Canteen"), "dwelling": N_("Dwelling"), "campus": N_("Campus"), "irrigation": N_("Irrigation"),
    "common": N_("Common areas"),
}  # fmt: skip
# The rules' codes of `evidence["place_reason"]["code"]`, with their parameters.
PLACE_REASONS: dict[str, str] = {
    "silent_together": N_("%(count)s of %(of)s meters behind %(connection)s fell silent together: what they share is "
                          "at fault."),
    "site_silent": N_("%(count)s of %(of)s meters of the whole site fell silent together: what they share is at "
                      "fault."),
    "meter_itself": N_("It is about the meter %(meter)s itself."),
    "between_meters": N_("%(meter)s counts more than its %(count)s sub-meters together, so the loss lies between them "
                         "and not inside one of the places below."),
    "smallest_metered": N_("%(meter)s has no sub-meters: no smaller place is metered."),
    "below_unmetered": N_("%(place)s: its meter %(meter)s shows it, and its %(count)s %(kind)s have no %(medium)s "
                          "meters."),
    "many_silent": N_("%(count)s of %(of)s meters with no stated connection fell silent together: they share "
                      "something."),
    "more_than_below": N_("%(meter)s shows more than the alerts below it explain (%(below)s)."),
    "submeters_in_doubt": N_("%(doubtful)s of the %(count)s sub-meters of %(meter)s cannot be relied on now: it may be "
                             "a smaller place."),
    "measured_here": N_("It was measured at %(meter)s."),
    "submeters_quiet": N_("None of the %(count)s sub-meters of %(meter)s shows it: it is before them, or too small to "
                          "tell."),
}  # fmt: skip
SENTENCES: dict[tuple[str, str], str] = {
    ("continuous_flow", "water"): N_("Since %(since)s water at %(place)s has not stopped once: at least %(rate)s "
                                     "runs all the time."),
    ("minimum_night_flow", "water"): N_("Since %(since)s about %(rate)s more water runs at night at %(place)s than "
                                            "in usual nights."),
    ("burst_flow", "water"): N_("Since %(since)s about %(rate)s more water runs at %(place)s than usual at that hour: "
                                    "more than ever before."),
    ("zone_balance", "water"): N_("Since %(since)s about %(rate)s more water goes into %(place)s than the meters "
                                      "below it count."),
    ("zone_balance", "electricity"): N_("Since %(since)s about %(rate)s more goes into %(place)s than the meters "
                                            "below it count."),
    ("peer_usage", "electricity"): N_("Since %(since)s %(place)s draws about %(rate)s more than comparable "
                                          "places."),
    ("peer_usage", "water"): N_("Since %(since)s %(place)s uses about %(rate)s more than comparable places."),
    ("suspected_appliance", "electricity"): N_("Since %(since)s a load of up to %(observed)s kW that heats was "
                                               "switched on at %(place)s, %(times)s times so far. It is a suspicion "
                                               "only."),
    ("power_quality", "electricity"): N_("Since %(since)s the meter %(subject)s at %(place)s has shown %(observed)s "
                                         "%(unit)s at worst instead of %(expected)s %(unit)s."),
    ("demand", "electricity"): N_("Since %(since)s %(place)s has drawn up to %(observed)s kW in a quarter of an hour; "
                                  "%(expected)s kW are allowed."),
    ("", "water"): N_("Since %(since)s about %(rate)s more water runs at %(place)s than usual."),
    ("", "electricity"): N_("Since %(since)s %(place)s draws about %(rate)s more than usual."),
}  # fmt: skip
REPORTED = frozenset({"reported_leak", "reported_fault"})
OWN_RULE = "threshold:"
OWN_SENTENCE = N_("Since %(since)s one of your own rules holds at %(place)s: %(rule)s.")
REPORTED_SENTENCE = N_("Since %(since)s the meter %(subject)s itself reports: %(said)s.")
REPORTED_FLOW = N_("Since %(since)s the meter %(subject)s itself reports: %(said)s. About %(rate)s runs all the time.")
ANY_EXCESS = N_("Since %(since)s %(place)s uses about %(rate)s more than usual.")
UNMETERED = N_(
    "%(unmetered)s of its %(branches)s branches (%(unmetered_percent)s %%) have no meter; it may be one of them."
)
# Parameters that are words of ours, by name: kinds of places as several, media within a sentence.
PARAMETER_WORDS: dict[str, dict[str, str]] = {
    "kind": {"zone": N_("zones"), "building": N_("buildings"), "floor": N_("floors"), "room": N_("rooms")},
    "medium": {"water": N_("water"), "electricity": N_("electricity"), "gas": N_("gas"), "heat": N_("heat")},
}


@dataclass(frozen=True, slots=True)
class Wording:
    """Puts alerts into words. `gettext` is the catalog's; figures are written by `formats`."""

    gettext: Translate
    formats: Formats
    site: Site

    @property
    def language(self) -> Language:
        """The reader's language."""
        return Language.ZH_CN if self.formats.locale.language == "zh" else Language.EN

    def title(self, alert: Alert) -> str:
        """What it is, in a few words."""
        if isinstance(alert.evidence.get("group"), Mapping):
            return self.gettext(N_("Several meters silent at once"))
        details = main_details(alert)
        kind = str(details.get("kind", details.get("condition", "")))
        if alert.category is Category.DATA_QUALITY and kind in METER_KINDS:
            return self.gettext(METER_KINDS[kind])
        if alert.category is Category.SUPPLY and kind in SUPPLY_KINDS:
            return self.gettext(SUPPLY_KINDS[kind])
        if alert.rule in REPORTED and (said := self.reported(alert)):
            return self.gettext(N_("The meter reports: %(said)s")) % {"said": said}
        if alert.rule == "zone_balance" and alert.medium != "water":
            return self.gettext(N_("Use between meters that none of them counts"))
        if alert.rule.startswith(OWN_RULE):
            return rule_text(alert.rule, alert.evidence, self.language)
        return self.gettext(TITLES.get(alert.rule) or CATEGORIES[alert.category])

    def place_name(self, node: str) -> str:
        """`梅园2号楼 3层`."""
        return self.site.place_name(node)

    def sentence(self, alert: Alert) -> str:
        """What was seen against what is usual, and since when."""
        if alert.rule in REPORTED:
            text = REPORTED_SENTENCE if not alert.loss_rate else REPORTED_FLOW
        elif alert.rule.startswith(OWN_RULE):
            text = OWN_SENTENCE
        elif alert.category is Category.DATA_QUALITY:
            text = N_(
                "Since %(since)s the readings of %(subject)s cannot be relied on. No leak is concluded from them."
            )
        elif alert.observed is None or alert.expected is None:
            text = N_("Since %(since)s %(place)s is not as it should be.")
        else:
            text = SENTENCES.get((alert.rule, alert.medium)) or SENTENCES.get(("", alert.medium), ANY_EXCESS)
        return self.gettext(text) % {
            "since": self.formats.moment(alert.onset_at),
            "place": self.place_name(alert.node),
            "subject": alert.subject,
            "said": self.reported(alert),
            "rule": rule_text(alert.rule, alert.evidence, self.language),
            "rate": self.formats.rate(alert.loss_rate, alert.medium),
            "observed": self.formats.number(alert.observed or 0.0),
            "expected": self.formats.number(alert.expected or 0.0),
            "unit": alert.unit,
            "times": len(main_details(alert).get("uses", ())),
        }

    def effect(self, outcome: Outcome) -> str:
        """What an outcome does to the rules."""
        return self.gettext(EFFECTS[outcome])

    def reported(self, alert: Alert) -> str:
        """The alarms that meters themselves report, of all findings of the alert, in words; empty without any."""
        return reported_text(alert.evidence, self.language)

    def place_reason(self, alert: Alert) -> str:
        """Why this place and not a smaller one; empty where the rules did not say."""
        given = alert.evidence.get("place_reason")
        if not isinstance(given, Mapping):
            return str(given or "")
        params = given.get("params")
        params = params if isinstance(params, Mapping) else {}
        shown = {str(k): self._parameter(str(k), v) for k, v in params.items()}
        try:
            text = self.gettext(PLACE_REASONS[str(given.get("code"))]) % shown
        except KeyError:  # a newer rule than these pages: its English text says it
            return str(given.get("text", ""))
        return f"{text} {self.gettext(UNMETERED) % shown}" if "branches" in shown else text

    def cause(self, alert: Alert) -> tuple[str, str]:
        """What it probably is, with how sure that is, and what speaks for it; empty where the rules did not say."""
        return cause_text(alert.evidence, self.language), signs_text(alert.evidence, self.language)

    def cleared(self, alert: Alert) -> str:
        """Why it cleared, and how often it had come back before; empty while it goes on."""
        return "" if alert.is_active else back_text(alert.evidence, self.language)

    def _parameter(self, name: str, value: Any) -> str:
        word = PARAMETER_WORDS.get(name, {}).get(str(value))
        return self.gettext(word) if word else self._shown(value)

    def _shown(self, value: Any) -> str:
        """A parameter as people read it: places by name, numbers by locale."""
        if isinstance(value, bool):
            return self.gettext(N_("yes")) if value else self.gettext(N_("no"))
        if isinstance(value, int | float):
            return self.formats.number(float(value))
        if isinstance(value, list | tuple):
            return self.gettext(N_(", ")).join(self._shown(v) for v in value)
        return self.place_name(str(value)) if str(value) in self.site.nodes else str(value)

    def evidence_value(self, name: str, value: Any) -> str:
        """A figure of the evidence table; times become local, shares percent."""
        if isinstance(value, str) and (moment := _as_moment(value)) is not None:
            return self.formats.moment(moment)
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and (name.startswith("share") or name.endswith("share"))
        ):
            return self.formats.percent(float(value))
        return self._shown(value)


def _as_moment(text: str) -> datetime | None:
    if len(text) < len("2026-11-01T08:00") or text[4:5] != "-" or "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
