"""What is wrong, why this place, and what to do next: an alert in plain words of the reader's language.

The rules give figures, and text keys with parameters; a key that is not known here is left out, never shown raw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alerts.values import Alert, Outcome
from alerts.words import Language, reported_text
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
    "zone_balance": N_("Water lost between meters"),
    "peer_usage": N_("Uses far more than its peers"),
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
METER_KINDS = {
    "offline": N_("Meter does not answer"),
    "silent": N_("Meter does not answer"),
    "stuck": N_("Register stands still"),
    "frozen": N_("Register stands still"),
    "reset": N_("Register began again at zero"),
    "replaced": N_("Meter seems replaced, not declared"),
    "undeclared_replacement": N_("Meter seems replaced, not declared"),
    "rollover": N_("Register ran over its width"),
    "held": N_("Implausible jump, held for review"),
    "reversed": N_("Register runs backwards"),
    "glitch": N_("Implausible jump, held for review"),
}
ACTIONS = {
    "raised": N_("Raised"),
    "updated": N_("New figures"),
    "escalated": N_("More severe"),
    "moved": N_("Narrowed down to a smaller place"),
    "inhibited": N_("Explained by another alert"),
    "released": N_("No longer explained by another alert"),
    "cleared": N_("Cleared by the meters"),
    "reopened": N_("Came back"),
    "overdue": N_("Overdue"),
    "assigned": N_("Assigned"),
    "unassigned": N_("Assignment taken back"),
    "acknowledged": N_("Acknowledged"),
    "commented": N_("Comment"),
    "resolved": N_("Resolved"),
    "handed_on": N_("Handed on"),
}
REASONS = {
    "raised": N_("New alert"), "reopened": N_("Came back"), "assigned": N_("Assigned"),
    "escalated": N_("More severe"), "cleared": N_("Cleared by the meters"), "unanswered": N_("Nobody has it yet"),
    "repeated": N_("Told again"), "digest": N_("Daily digest"), "roster": N_("Hole in the roster"),
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
    "more_than_below": N_("%(meter)s shows more than the alerts below it explain (%(below)s)."),
    "submeters_in_doubt": N_("%(doubtful)s of the %(count)s sub-meters of %(meter)s cannot be relied on now: it may be "
                             "a smaller place."),
    "submeters_quiet": N_("None of the %(count)s sub-meters of %(meter)s shows it: it is before them, or too small to "
                          "tell."),
}  # fmt: skip
SENTENCES: dict[tuple[str, str], str] = {
    ("continuous_flow", "water"): N_("Since %(since)s water at %(place)s has not stopped once: at least %(rate)s "
                                     "runs all the time."),
    ("minimum_night_flow", "water"): N_("Since %(since)s about %(rate)s more water runs at night at %(place)s than "
                                            "in usual nights."),
    ("zone_balance", "water"): N_("Since %(since)s about %(rate)s more water goes into %(place)s than the meters "
                                      "below it count."),
    ("zone_balance", "electricity"): N_("Since %(since)s about %(rate)s more goes into %(place)s than the meters "
                                            "below it count."),
    ("peer_usage", "electricity"): N_("Since %(since)s %(place)s draws about %(rate)s more than comparable "
                                          "places."),
    ("peer_usage", "water"): N_("Since %(since)s %(place)s uses about %(rate)s more than comparable places."),
    ("", "water"): N_("Since %(since)s about %(rate)s more water runs at %(place)s than usual."),
    ("", "electricity"): N_("Since %(since)s %(place)s draws about %(rate)s more than usual."),
}  # fmt: skip
REPORTED = frozenset({"reported_leak", "reported_fault"})
REPORTED_SENTENCE = N_("Since %(since)s the meter %(subject)s itself reports: %(said)s.")
REPORTED_FLOW = N_("Since %(since)s the meter %(subject)s itself reports: %(said)s. About %(rate)s runs all the time.")
ANY_EXCESS = N_("Since %(since)s %(place)s uses about %(rate)s more than usual.")
UNMETERED = N_("%(unmetered)s branches here have no meter; it may be one of them.")
# The rules' codes of `evidence["next_step"]`, then what helps with a category where the rules say nothing.
NEXT_STEPS = {
    "check_gateway": N_("Check power and network of the gateway these meters share; nothing else is wrong with them."),
    "check_meter_link": N_("Check the meter's power, cable or radio. Until it is back, use here is not judged."),
    "mend_meter": N_("Have the meter looked at: battery, cover, seals and clock, and which way the arrow on it points. "
                     "Its readings still count."),
    "read_meter_on_site": N_("Read the display of the meter and compare it with the last register below."),
    "confirm_reset": N_("Ask who worked on the meter: its register began again. Use goes on from the new value."),
    "declare_replacement": N_("If the meter was changed, enter its serial number and first register in the site file."),
    "walk_the_pipe": N_("Walk the pipe between the main meter and the meters below at a quiet hour: manholes, valves "
                        "and the basement first. Listen, and close valve by valve."),
    "check_fixtures": N_("Look at toilets, taps and showers here. A cistern that runs is the most frequent cause."),
    "close_branches_at_night": N_("At night close the branches one by one and watch this meter: the one after which it "
                                  "stands still leads to the leak."),
    "look_at_room": N_("Look at what is plugged in there, together with the people who live there."),
    "compare_use": N_("Ask whether this use is planned before anybody is sent."),
}  # fmt: skip
NEXT_BY_CATEGORY = {
    Category.LEAK: "check_fixtures",
    Category.CONSUMPTION: "compare_use",
    Category.APPLIANCE: "look_at_room",
    Category.SUPPLY: "compare_use",
    Category.DATA_QUALITY: "read_meter_on_site",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """Puts alerts into words. `gettext` is the catalog's; figures are written by `formats`."""

    gettext: Translate
    formats: Formats
    site: Site

    def title(self, alert: Alert) -> str:
        """What it is, in a few words."""
        if isinstance(alert.evidence.get("group"), Mapping):
            return self.gettext(N_("Several meters silent at once"))
        details = main_details(alert)
        kind = str(details.get("kind", details.get("condition", "")))
        if alert.category is Category.DATA_QUALITY and kind in METER_KINDS:
            return self.gettext(METER_KINDS[kind])
        if alert.rule in REPORTED and (said := self.reported(alert)):
            return self.gettext(N_("The meter reports: %(said)s")) % {"said": said}
        if alert.rule == "zone_balance" and alert.medium != "water":
            return self.gettext(N_("Use between meters that none of them counts"))
        return self.gettext(TITLES.get(alert.rule) or CATEGORIES[alert.category])

    def place_name(self, node: str) -> str:
        """`梅园2号楼 3层`: the path below the campus, in words."""
        if node not in self.site.nodes:
            return node
        path = self.site.place_path(node)
        names = [self.site.nodes[n].name or n for n in path]
        return " ".join(names[1:]) or names[0]

    def sentence(self, alert: Alert) -> str:
        """What was seen against what is usual, and since when."""
        if alert.rule in REPORTED:
            text = REPORTED_SENTENCE if not alert.loss_rate else REPORTED_FLOW
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
            "rate": self.formats.rate(alert.loss_rate, alert.medium),
        }

    def reported(self, alert: Alert) -> str:
        """The alarms that meters themselves report, of all findings of the alert, in words; empty without any."""
        language = Language.ZH_CN if self.formats.locale.language == "zh" else Language.EN
        return reported_text(alert.evidence, language)

    def place_reason(self, alert: Alert) -> str:
        """Why this place and not a smaller one; empty where the rules did not say."""
        given = alert.evidence.get("place_reason")
        if not isinstance(given, Mapping):
            return str(given or "")
        params = given.get("params")
        params = params if isinstance(params, Mapping) else {}
        shown = {str(k): self._shown(v) for k, v in params.items()}
        try:
            text = self.gettext(PLACE_REASONS[str(given.get("code"))]) % shown
        except KeyError:  # a newer rule than these pages: its English text says it
            return str(given.get("text", ""))
        return f"{text} {self.gettext(UNMETERED) % shown}" if "unmetered" in shown else text

    def next_step(self, alert: Alert) -> str:
        """What to do now: the rule's word, else what helps with this category."""
        code = str(alert.evidence.get("next_step"))
        return self.gettext(NEXT_STEPS.get(code) or NEXT_STEPS[NEXT_BY_CATEGORY[alert.category]])

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
