"""What rules.yaml may say: a section a detector, one for incidents, and overrides by node. Everything has a default.

    continuous_flow:
      enabled: true
    incidents:
      echo_grace_h: 36
    overrides:
      dorm-3:                       # holds for dorm-3 and everything below it; the nearest override wins
        continuous_flow: {enabled: false}

Unknown keys, wrong kinds and values out of range are faults with their path in the document; nothing is clamped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from metering.site import Site
from metering.site_document import Fault, Path
from rules.detectors.registry import DETECTORS
from rules.detectors.settings import DetectorSettings, SettingsOf, with_caution

_INCIDENTS, _OVERRIDES = "incidents", "overrides"
Model = TypeVar("Model", bound=BaseModel)


class RulesDocumentError(ValueError):
    """The document is no set of rules; `faults` has everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{'.'.join(map(str, f.path)) or 'rules file'}: {f.message}" for f in self.faults))


class IncidentSettings(BaseModel):
    """How findings become incidents. Rates are m3/h for water and kW for electricity, totals m3 and kWh."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    echo_sigmas: float = Field(
        default=2.0, ge=0, le=10, description="A parent's excess within so many sigmas of its children's is their echo."
    )
    echo_share: float = Field(
        default=0.35, ge=0, le=1, description="It is also their echo if less than this share of it is left unexplained."
    )
    echo_grace_h: float = Field(
        default=36,
        ge=0,
        le=720,
        description="Hours a parent's echo may outlast the incident that explained it, and alerts the planned use.",
    )
    doubt_grace_h: float = Field(
        default=24, ge=0, le=720, description="Hours findings stay held after a meter's data quality is good again."
    )
    together_min: float = Field(
        default=90, ge=15, le=1440, description="Meters that fall silent within so many minutes fell silent together."
    )
    reopen_days: float = Field(
        default=3,
        ge=0,
        le=30,
        description="Days after it cleared in which an incident that comes back is the same one, reopened.",
    )
    previous_days: float = Field(
        default=14, ge=0, le=365, description="Days for which an incident that comes back names the one before."
    )
    critical_m3_per_h: float = Field(default=1.0, gt=0, description="A water incident of this rate is critical.")
    critical_m3: float = Field(default=100.0, gt=0, description="A water incident that lost so much is critical.")
    critical_kw: float = Field(default=20.0, gt=0, description="An electricity incident of this rate is critical.")
    critical_kwh: float = Field(default=2000.0, gt=0, description="One that used so much too much is critical.")
    critical_leak_days: float = Field(default=14.0, gt=0, description="A leak that runs for so many days is critical.")


def _defaults() -> dict[str, DetectorSettings]:
    return {rule: detector.Settings() for rule, detector in DETECTORS.items()}


@dataclass(frozen=True)
class RulesSettings:
    """Checked settings. `detectors` by rule id; `overrides` by node and rule id, only the keys given there."""

    incidents: IncidentSettings = field(default_factory=IncidentSettings)
    detectors: Mapping[str, DetectorSettings] = field(default_factory=_defaults)
    overrides: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def revision(self) -> str:
        """A digest of all that is set, defaults included: the same rules have the same revision."""
        document = {
            "incidents": self.incidents.model_dump(mode="json"),
            "detectors": {rule: s.model_dump(mode="json") for rule, s in sorted(self.detectors.items())},
            "overrides": self.overrides,
        }
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def settings_of(self, rule: str, site: Site, cautions: Mapping[str, float] | None = None) -> SettingsOf:
        """The rule's settings by node; `cautions` by subject, where it is to be more cautious than it is set."""
        base = self.detectors[rule]
        known: dict[str | None, DetectorSettings] = {None: base}
        of_subject: dict[tuple[str | None, str], DetectorSettings] = {}

        def at_node(node: str | None) -> DetectorSettings:
            if node not in known:
                given: dict[str, Any] = {}
                for place in site.place_path(node) if node in site.nodes else ():
                    given |= self.overrides.get(place, {}).get(rule, {})
                known[node] = _merged(base, given) if given else base
            return known[node]

        def resolve(node: str | None, subject: str | None = None, /) -> DetectorSettings:
            if cautions is None or subject is None or subject not in cautions:
                return at_node(node)
            if (node, subject) not in of_subject:
                of_subject[node, subject] = with_caution(at_node(node), cautions[subject])
            return of_subject[node, subject]

        return resolve


def _merged(base: DetectorSettings, given: Mapping[str, Any]) -> DetectorSettings:
    return type(base).model_validate({**base.model_dump(), **given})


def parse_rules(document: Any, site: Site | None = None) -> RulesSettings:
    """The settings a document (as a YAML or JSON reader gives it; None: all defaults) describes.

    With a site, overrides must name its nodes.

    Raises:
        RulesDocumentError: with every fault, each named by its path.
    """
    faults: list[Fault] = []
    top = _mapping(document, (), faults)
    allowed = (*DETECTORS, _INCIDENTS, _OVERRIDES)
    faults += [
        Fault((str(key),), f"unknown key {key!r}; allowed: {', '.join(allowed)}") for key in top if key not in allowed
    ]
    incidents = _section(IncidentSettings, top.get(_INCIDENTS), (_INCIDENTS,), faults)
    detectors = _defaults()
    for rule, detector in DETECTORS.items():
        detectors[rule] = _section(detector.Settings, top.get(rule), (rule,), faults)
    overrides = _overrides(_mapping(top.get(_OVERRIDES), (_OVERRIDES,), faults), detectors, site, faults)
    settings = RulesSettings(incidents, detectors, overrides)
    if not faults and site is not None:
        _check_resolved(settings, site, faults)
        for rule, section in detectors.items():
            faults += [Fault((rule, *fault.path), fault.message) for fault in section.faults(site)]
    if faults:
        raise RulesDocumentError(faults)
    return settings


def _mapping(value: Any, path: Path, faults: list[Fault]) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        faults.append(Fault(path, "must be a mapping of keys to values"))
        return {}
    return value


def _section(model: type[Model], value: Any, path: Path, faults: list[Fault]) -> Model:
    """The section as its model; the defaults in the place of a faulty one."""
    given = _mapping(value, path, faults)
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        faults += _faults(error, model, path)
        return model()


def _faults(error: ValidationError, model: type[BaseModel], path: Path) -> list[Fault]:
    out = []
    for item in error.errors(include_url=False):
        where: Path = (*path, *item["loc"])
        if item["type"] == "extra_forbidden":
            message = f"unknown key {item['loc'][-1]!r}; allowed: {', '.join(_keys_at(model, item['loc'][:-1]))}"
        else:
            message = f"{item['msg']}; given: {item['input']!r}"
        out.append(Fault(where, message))
    return out


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys allowed at a path inside a model; a list of models has its items' keys."""
    for key in path:
        if isinstance(key, int):
            continue
        info = next(f for name, f in model.model_fields.items() if key in {name, f.alias})
        inner = next(iter(get_args(info.annotation)), info.annotation)
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return [f.alias or name for name, f in model.model_fields.items()]


def _overrides(
    given: Mapping[str, Any], bases: Mapping[str, DetectorSettings], site: Site | None, faults: list[Fault]
) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for node, sections in given.items():
        path: Path = (_OVERRIDES, str(node))
        if site is not None and str(node) not in site.nodes:
            faults.append(Fault(path, f"{node!r} is no node of site {site.id!r}"))
        for rule, value in _mapping(sections, path, faults).items():
            if rule not in bases:
                faults.append(Fault((*path, str(rule)), f"unknown rule {rule!r}; allowed: {', '.join(bases)}"))
                continue
            keys = dict(_mapping(value, (*path, rule), faults))
            _check_merge(bases[rule], keys, (*path, rule), faults)
            found.setdefault(str(node), {})[rule] = keys
    return found


def _check_merge(base: DetectorSettings, given: Mapping[str, Any], path: Path, faults: list[Fault]) -> None:
    for key in given:
        info = type(base).model_fields.get(key)
        if info is not None and isinstance(extra := info.json_schema_extra, dict) and extra.get("whole_site"):
            faults.append(Fault((*path, key), f"{key!r} stands once for the whole site, not in overrides"))
    try:
        _merged(base, given)
    except ValidationError as error:
        faults += _faults(error, type(base), path)


def _check_resolved(settings: RulesSettings, site: Site, faults: list[Fault]) -> None:
    """Overrides that are right alone can be wrong on top of each other (a lower bound above an upper one)."""
    for node in settings.overrides:
        for rule in settings.detectors:
            try:
                settings.settings_of(rule, site)(node)
            except ValidationError as error:
                faults += _faults(error, type(settings.detectors[rule]), (_OVERRIDES, node, rule))


def documented_defaults() -> str:
    """A rules.yaml with every key at its default, each described; all commented out, so that it changes nothing."""
    lines = [
        "# The rules and their defaults. Take away a `#` to change a value; `aquavolt check` tells faults.",
        "",
    ]
    sections: dict[str, type[BaseModel]] = {r: d.Settings for r, d in DETECTORS.items()}
    sections[_INCIDENTS] = IncidentSettings
    for name, model in sections.items():
        lines.append(f"# {name}:")
        for key, info in model.model_fields.items():
            default = json.dumps(info.get_default(call_default_factory=True), default=str, ensure_ascii=False)
            lines += [f"#   {key}: {default}  # {info.description or ''}".rstrip()]
        lines.append("")
    lines += ["# overrides:            # by node: holds for the node and everything below it, the nearest wins"]
    lines += ["#   some-node:", "#     some_rule: {enabled: false}", ""]
    return "\n".join(lines)
