"""Records against a model: what the rules and people do, in any order, with replays and restarts in between."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.errors import ConflictError
from alerts.records import Records
from alerts.values import Action, Actor, Alert, AlertFilter, AlertState, NotifyPolicy, NotifyReason, Outcome
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity

START = np.datetime64("2026-11-20T00:00:00", "ms")
PEOPLE = ("li", "wang")
EVERYTHING = AlertFilter(inhibited=None)


@dataclass
class Model:
    """One alert as it should be."""

    incident: Incident
    active: bool = True
    inhibited: bool = False
    acknowledged_by: str | None = None
    outcome: tuple[str, Outcome] | None = None
    version: int = 0
    comments: int = 0
    actions: list[Action] = field(default_factory=list)
    told: list[NotifyReason] = field(default_factory=list)


class RecordsMachine(RuleBasedStateMachine):
    """Entries get rising sequences; a replay gives an old one again, word for word."""

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory()
        self.model: dict[str, Model] = {}
        self.seen: dict[str, Alert] = {}
        self.entries: list[list[IncidentChange]] = []
        self.records = self.opened()
        self.records.migrate()

    def opened(self) -> Records:
        return Records(
            f"sqlite:///{Path(self.folder.name) / 'records.db'}",
            policy=NotifyPolicy(channels=("hook",), reasons=frozenset(NotifyReason)),
        )

    def teardown(self) -> None:
        if hasattr(self, "records"):
            self.records.close()
            self.folder.cleanup()

    def apply(self, changes: list[IncidentChange]) -> None:
        self.entries.append(changes)
        self.records.apply(changes, len(self.entries))

    def chosen(self, data: st.DataObject, *, active: bool | None = None) -> str:
        return data.draw(st.sampled_from([k for k, m in self.model.items() if active in {None, m.active}]))

    @rule(count=st.integers(1, 3), inhibited=st.booleans())
    def raise_some(self, count: int, inhibited: bool) -> None:
        changes = []
        for _ in range(count):
            name = f"a{len(self.model)}"
            at = START + np.timedelta64(len(self.entries), "m")
            incident = Incident(
                id=name, rule="r", category=Category.LEAK, medium="water", subject="m", node="n",
                severity=Severity.INFO, detected_at=at, onset_at=START, closed_at=None, observed=1.0, expected=0.5,
                unit="m3/h", loss_rate=0.5, loss_total=1.0, inhibited_by="x" if inhibited else None,
            )  # fmt: skip
            told = [] if inhibited else [NotifyReason.RAISED]
            self.model[name] = Model(incident, inhibited=inhibited, actions=[Action.RAISED], told=told)
            changes.append(IncidentChange(ChangeKind.RAISED, incident, at))
        self.apply(changes)

    @precondition(lambda self: any(m.active for m in self.model.values()))
    @rule(
        data=st.data(),
        kind=st.sampled_from([ChangeKind.UPDATED, ChangeKind.MOVED, ChangeKind.ESCALATED, ChangeKind.INHIBITED]),
    )
    def change(self, data: st.DataObject, kind: ChangeKind) -> None:
        model = self.model[self.chosen(data, active=True)]
        if kind is ChangeKind.INHIBITED:
            kind = ChangeKind.RELEASED if model.inhibited else ChangeKind.INHIBITED
            model.inhibited = not model.inhibited
        severity = Severity.CRITICAL if kind is ChangeKind.ESCALATED else model.incident.severity
        total = model.incident.loss_total + 1
        inhibited_by = "x" if model.inhibited else None
        model.incident = replace(model.incident, severity=severity, loss_total=total, inhibited_by=inhibited_by)
        if kind is not ChangeKind.UPDATED:
            model.actions.append(Action(kind.value))
        if kind in {ChangeKind.ESCALATED, ChangeKind.RELEASED} and not model.inhibited:
            is_new = kind is ChangeKind.RELEASED
            model.told.append(NotifyReason.RAISED if is_new else NotifyReason.ESCALATED)
        self.apply([IncidentChange(kind, model.incident, START)])

    @precondition(lambda self: any(m.active for m in self.model.values()))
    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        model = self.model[self.chosen(data, active=True)]
        model.incident = replace(model.incident, closed_at=START + np.timedelta64(9, "h"))
        model.active = False
        model.actions.append(Action.CLEARED)
        if not model.inhibited:
            model.told.append(NotifyReason.CLEARED)
        self.apply([IncidentChange(ChangeKind.CLEARED, model.incident, START)])

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(1, len(self.entries)))
        for seq in range(first, len(self.entries) + 1):
            assert self.records.apply(self.entries[seq - 1], seq) == ()

    @rule()
    def restart(self) -> None:
        self.records.close()
        self.records = self.opened()
        self.records.migrate()

    @precondition(lambda self: self.model)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE), stale=st.booleans())
    def acknowledge(self, data: st.DataObject, person: str, stale: bool) -> None:
        name = self.chosen(data)
        model = self.model[name]
        try:
            self.records.acknowledge(name, Actor(person), expected_version=model.version - stale)
        except ConflictError as error:
            assert model.acknowledged_by != person
            assert stale or model.acknowledged_by is not None
            assert model.acknowledged_by == error.current.acknowledged_by  # noqa: PT017 - either end is checked
            return
        if model.acknowledged_by is None:
            assert not stale
            model.acknowledged_by, model.version = person, model.version + 1
            model.actions.append(Action.ACKNOWLEDGED)
        assert model.acknowledged_by == person

    @precondition(lambda self: self.model)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE), outcome=st.sampled_from(Outcome))
    def resolve(self, data: st.DataObject, person: str, outcome: Outcome) -> None:
        name = self.chosen(data)
        model = self.model[name]
        self.records.resolve(name, Actor(person), outcome, expected_version=model.version)
        if model.outcome == (person, outcome):
            return
        model.outcome, model.version = (person, outcome), model.version + 1
        model.acknowledged_by = model.acknowledged_by or person
        model.actions.append(Action.RESOLVED)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), text=st.text(st.characters(exclude_characters="\0"), min_size=1).filter(str.strip))
    def comment(self, data: st.DataObject, text: str) -> None:
        name = self.chosen(data)
        self.records.comment(name, Actor("li"), text)
        assert self.records.audit_of(name)[-1].text == text.strip()
        self.model[name].comments += 1
        self.model[name].actions.append(Action.COMMENTED)

    @invariant()
    def the_records_are_as_the_model(self) -> None:
        if not hasattr(self, "records"):
            return
        whole = self.records.find_alerts(EVERYTHING, limit=500)
        assert self.records.find_alerts(EVERYTHING, limit=500, known=self.seen) == whole, "read by what changed alone"
        found = self.seen = {alert.id: alert for alert in whole.items}
        assert found.keys() == self.model.keys()
        for name, model in self.model.items():
            alert = found[name]
            assert alert.state is (AlertState.ACTIVE if model.active else AlertState.CLEARED)
            assert (alert.inhibited_by is not None) == model.inhibited
            assert (alert.acknowledged, alert.acknowledged_by) == (bool(model.acknowledged_by), model.acknowledged_by)
            assert (alert.resolved_by, alert.outcome) == (model.outcome or (None, None))
            assert (alert.version, alert.comments) == (model.version, model.comments)
            assert (alert.severity, alert.loss_total) == (model.incident.severity, model.incident.loss_total)
            assert [e.action for e in self.records.audit_of(name)] == model.actions
            told = sorted(d.reason for d in self.records.deliveries_of(name))
            assert told == sorted(model.told)
        assert self.records.applied_seq() == len(self.entries)
        counts = self.records.count_alerts()
        assert counts.active == sum(m.active and not m.inhibited for m in self.model.values())


TestRecords = RecordsMachine.TestCase
TestRecords.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
