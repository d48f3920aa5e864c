"""What a rule of the user's own is, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from metering.incident import Category, Severity
from metering.quantities import ELECTRICITY, GAS, HEAT, WATER
from metering.site import Meter, Site
from metering.site_document import Fault, Path
from rules.detectors.settings import DetectorSettings
from rules.expressions.inputs import INPUTS
from rules.expressions.parse import Condition, parse_condition, parse_duration


def _condition(text: str) -> str:
    parse_condition(text)
    return text


def _duration(text: str) -> str:
    parse_duration(text)
    return text


ConditionText = Annotated[str, AfterValidator(_condition)]
DurationText = Annotated[str, AfterValidator(_duration)]


class UserRule(BaseModel):
    """One rule of the user's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="Its name: a-z, 0-9, - and _, at most 40.")
    when: ConditionText = Field(description="The condition, like `flow > 0.5 and hour < 5`.")
    lasts: DurationText = Field(
        default="15 min", alias="for", description="How long it must hold, in whole steps of 15 minutes."
    )
    clear: ConditionText | None = Field(default=None, description="What ends it; none: `when` no longer holds.")
    clear_for: DurationText = Field(default="15 min", description="How long that must hold.")
    meters: tuple[str, ...] = Field(default=(), description="Only these meters.")
    nodes: tuple[str, ...] = Field(default=(), description="Only meters at these nodes and below.")
    medium: Literal["water", "electricity", "gas", "heat"] | None = Field(default=None, description="Only this medium.")
    severity: Severity = Field(default=Severity.WARNING, description="`info`, `warning` or `critical`.")
    category: Category = Field(
        default=Category.CONSUMPTION,
        description="`leak`, `consumption`, `appliance`, `supply` or `data_quality`: who is told, and what it joins.",
    )
    zh: str = Field(default="", max_length=200, description="What it is called in Chinese.")
    en: str = Field(default="", max_length=200, description="What it is called in English.")

    @model_validator(mode="after")
    def _has_media(self) -> UserRule:
        if not self.media:
            raise ValueError("no meter has all quantities that `when` and `clear` speak of: flow is water's, power is "
                             "electricity's")  # fmt: skip
        return self

    @property
    def conditions(self) -> tuple[Condition, Condition | None]:
        """`when` and `clear`."""
        return parse_condition(self.when), None if self.clear is None else parse_condition(self.clear)

    @property
    def media(self) -> frozenset[str]:
        """The media that have all quantities it speaks of."""
        wanted = frozenset({WATER, ELECTRICITY, GAS, HEAT} if self.medium is None else {self.medium})
        for condition in self.conditions:
            for name in () if condition is None else condition.names:
                wanted &= INPUTS[name].media
        return wanted

    def takes(self, meter: Meter, site: Site) -> bool:
        """Whether it judges that meter."""
        if meter.medium not in self.media:
            return False
        if not self.meters and not self.nodes:
            return True
        path = site.place_path(meter.node) if meter.node in site.nodes else ()
        return meter.id in self.meters or any(node in self.nodes for node in path)


class ThresholdSettings(DetectorSettings):
    """The user's own rules."""

    rules: tuple[UserRule, ...] = Field(
        default=(),
        description="The rules, each with `id`, `when`, `for`, `clear`, ... (see above); they stand once for the site.",
        json_schema_extra={"whole_site": True},
    )

    def faults(self, site: Site) -> Iterator[Fault]:
        """Two rules of one name, and meters, nodes or media that the site does not have."""
        seen: set[str] = set()
        for i, rule in enumerate(self.rules):
            path: Path = ("rules", i)
            if rule.id in seen:
                yield Fault((*path, "id"), f"two rules are called {rule.id!r}")
            seen.add(rule.id)
            yield from _selection_faults(rule, site, path)


def _selection_faults(rule: UserRule, site: Site, path: Path) -> Iterator[Fault]:
    unknown = False
    for k, node in enumerate(rule.nodes):
        if node not in site.nodes:
            unknown = True
            yield Fault((*path, "nodes", k), f"{node!r} is no node of site {site.id!r}")
    for k, name in enumerate(rule.meters):
        meter = site.meters.get(name)
        if meter is None:
            unknown = True
            yield Fault((*path, "meters", k), f"{name!r} is no meter of site {site.id!r}")
        elif meter.medium not in rule.media:
            unknown = True
            allowed = ", ".join(sorted(rule.media))
            yield Fault((*path, "meters", k), f"{name!r} measures {meter.medium}; the rule is for: {allowed}")
    if not unknown and not any(rule.takes(m, site) for m in site.meters.values()):
        yield Fault(path, f"rule {rule.id!r} is about no meter of site {site.id!r}")
