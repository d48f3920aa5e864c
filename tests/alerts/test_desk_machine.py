"""The desk against a model: leaks come and go, people act with what they saw, time passes, in any order.

The model says by itself what each alert must be; it knows nothing of rows or transactions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.errors import ConflictError, StaleError
from alerts.records import Records
from alerts.values import Action, Actor, Alert, AlertFilter, NotifyPolicy, NotifyReason, Outcome
from metering.batch import to_ms
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity

BEGIN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
PEOPLE = ("li", "wang")
PLACES = ("dorm-1", "dorm-2")
EVERYTHING = AlertFilter(inhibited=None)
TO_ACKNOWLEDGE, REOPEN = timedelta(hours=2), timedelta(hours=24)
UNSTABLE_TIMES, UNSTABLE = 3, timedelta(hours=72)


@dataclass
class Model:
    """One alert as it should be. `ends` are the moments at which earlier episodes ended."""

    place: str
    incident: str
    active: bool = True
    since: datetime = BEGIN
    closed: datetime | None = None
    ends: list[datetime] = field(default_factory=list)
    unstable: bool = False
    acknowledged_by: str | None = None
    assigned_to: str | None = None
    outcome: tuple[str, Outcome] | None = None
    due: datetime | None = None
    is_breached: bool = False
    breaches: list[datetime] = field(default_factory=list)
    version: int = 0
    actions: list[Action] = field(default_factory=list)
    told: list[NotifyReason] = field(default_factory=list)

    def look(self, now: datetime) -> bool:
        """Whether its deadline is over now, unseen before; then it is written."""
        if not self.active or self.acknowledged_by or self.is_breached or self.due is None or self.due > now:
            return False
        self.breaches.append(self.due)
        self.is_breached = True
        self.actions.append(Action.OVERDUE)
        return True

    def take(self, person: str) -> None:
        self.acknowledged_by = person
        self.assigned_to = self.assigned_to or person

    def act(self, action: Action) -> None:
        self.version += 1
        self.actions.append(action)


class DeskMachine(RuleBasedStateMachine):
    """Event time and the desk's clock are the same here: what the rules see is written at once."""

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory()
        self.now = BEGIN
        self.model: dict[str, Model] = {}
        self.seen: dict[str, Alert] = {}
        self.entries: list[list[IncidentChange]] = []
        self.records = self.opened()
        self.records.migrate()

    def opened(self) -> Records:
        policy = NotifyPolicy(channels=("hook",), reasons=frozenset(NotifyReason))
        return Records(f"sqlite:///{Path(self.folder.name) / 'r.db'}", clock=lambda: self.now, policy=policy)

    def teardown(self) -> None:
        if hasattr(self, "records"):
            self.records.close()
            self.folder.cleanup()

    # -- what the meters say ----------------------------------------------------------------------------------

    def say(self, kind: ChangeKind, place: str, name: str) -> None:
        at = to_ms(self.now)
        incident = Incident(
            id=name, rule="r", category=Category.LEAK, medium="water", subject="m", node=place,
            severity=Severity.WARNING, detected_at=at, onset_at=at, observed=1.0, expected=0.5, unit="m3/h",
            loss_rate=0.5, loss_total=1.0, closed_at=at if kind is ChangeKind.CLEARED else None,
        )  # fmt: skip
        self.entries.append([IncidentChange(kind, incident, at)])
        self.records.apply(self.entries[-1], len(self.entries))

    def quiet_places(self) -> list[str]:
        busy = {m.place for m in self.model.values() if m.active}
        return [p for p in PLACES if p not in busy]

    @precondition(lambda self: self.quiet_places())
    @rule(data=st.data())
    def comes(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(self.quiet_places()))
        name = f"i{len(self.entries)}"
        at_place = [m for m in self.model.values() if m.place == place and m.closed is not None]
        earlier = max(at_place, key=lambda m: m.closed or BEGIN, default=None)
        if earlier is not None and earlier.closed is not None and self.now - earlier.closed <= REOPEN:
            self.comes_back(earlier, name)
        else:
            self.model[name] = Model(place, name, since=self.now, due=self.now + TO_ACKNOWLEDGE)
            self.model[name].actions.append(Action.RAISED)
            self.model[name].told.append(NotifyReason.RAISED)
        self.say(ChangeKind.RAISED, place, name)

    def comes_back(self, model: Model, name: str) -> None:
        assert model.closed is not None
        model.ends.append(model.closed)
        if not model.unstable:
            model.told.append(NotifyReason.REOPENED)
        recent = [end for end in model.ends if end >= self.now - UNSTABLE]
        model.unstable = model.unstable or len(recent) >= UNSTABLE_TIMES
        if model.outcome is not None:
            model.outcome = model.acknowledged_by = None
        if model.acknowledged_by is None:
            model.due, model.is_breached = self.now + TO_ACKNOWLEDGE, False
        model.incident, model.active, model.since, model.closed = name, True, self.now, None
        model.act(Action.REOPENED)

    @precondition(lambda self: any(m.active for m in self.model.values()))
    @rule(data=st.data())
    def goes(self, data: st.DataObject) -> None:
        model = self.model[data.draw(st.sampled_from([k for k, m in self.model.items() if m.active]))]
        model.look(self.now)
        model.active, model.closed = False, self.now
        model.actions.append(Action.CLEARED)
        if not model.unstable:
            model.told.append(NotifyReason.CLEARED)
        self.say(ChangeKind.CLEARED, model.place, model.incident)

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(1, len(self.entries)))
        for seq in range(first, len(self.entries) + 1):
            assert self.records.apply(self.entries[seq - 1], seq) == ()

    # -- time -------------------------------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 30, 119, 121, 600, 1440, 1441, 4400]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def look_after(self) -> None:
        overdue = {name for name, model in self.model.items() if model.look(self.now)}
        for model in self.model.values():
            changed = model.closed or (model.since if model.ends else None)
            if model.unstable and changed is not None and changed < self.now - UNSTABLE:
                model.unstable = False
        assert {alert.id for alert in self.records.look_after()} == overdue

    @rule()
    def restart(self) -> None:
        self.records.close()
        self.records = self.opened()
        self.records.migrate()

    # -- people -----------------------------------------------------------------------------------------------

    def any_alert(self, data: st.DataObject) -> tuple[str, Model]:
        name = data.draw(st.sampled_from(list(self.model)))
        return name, self.model[name]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE), stale=st.booleans())
    def acknowledge(self, data: st.DataObject, person: str, stale: bool) -> None:
        name, model = self.any_alert(data)
        try:
            self.records.acknowledge(name, Actor(person), expected_version=model.version - stale)
        except ConflictError as error:
            assert model.acknowledged_by != person
            assert stale or model.acknowledged_by is not None
            assert error.current.version == model.version  # noqa: PT017 - either end is checked
            return
        if model.acknowledged_by is None:
            assert not stale
            model.look(self.now)
            model.take(person)
            model.act(Action.ACKNOWLEDGED)
        elif not stale:
            model.look(self.now)
        assert model.acknowledged_by == person

    @precondition(lambda self: self.model)
    @rule(person=st.sampled_from(PEOPLE))
    def acknowledge_all(self, person: str) -> None:
        handled = self.records.acknowledge_many([(name, None) for name in self.model], Actor(person))
        for answer in handled:
            model = self.model[answer.alert_id]
            model.look(self.now)
            if model.acknowledged_by is None:
                assert answer.error is None
                model.take(person)
                model.act(Action.ACKNOWLEDGED)
            assert (answer.error is None) == (model.acknowledged_by == person)

    @precondition(lambda self: self.model)
    @rule(
        data=st.data(),
        person=st.sampled_from(PEOPLE),
        assignee=st.sampled_from([*PEOPLE, None]),
        seen=st.sampled_from(["this", "older", "none"]),
    )
    def assign(self, data: st.DataObject, person: str, assignee: str | None, seen: str) -> None:
        name, model = self.any_alert(data)
        version = {"this": model.version, "older": model.version - 1, "none": None}[seen]
        is_anothers = model.assigned_to not in {None, person}
        try:
            self.records.assign(name, Actor(person), assignee, expected_version=version)
        except StaleError:
            assert seen == "older"
            return
        except ConflictError:
            assert seen == "none"
            assert is_anothers
            return
        model.look(self.now)
        if model.assigned_to != assignee:
            assert seen == "this" or (seen == "none" and not is_anothers)
            model.assigned_to = assignee
            model.act(Action.UNASSIGNED if assignee is None else Action.ASSIGNED)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE), outcome=st.sampled_from(Outcome))
    def resolve(self, data: st.DataObject, person: str, outcome: Outcome) -> None:
        name, model = self.any_alert(data)
        self.records.resolve(name, Actor(person), outcome, expected_version=model.version)
        model.look(self.now)
        if model.outcome == (person, outcome):
            return
        model.outcome = (person, outcome)
        if model.acknowledged_by is None:
            model.take(person)
        model.act(Action.RESOLVED)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE))
    def take_outcome_back(self, data: st.DataObject, person: str) -> None:
        name, model = self.any_alert(data)
        self.records.reopen(name, Actor(person), expected_version=model.version)
        model.look(self.now)
        if model.outcome is None:
            return
        model.outcome = model.acknowledged_by = None
        if model.active:
            model.due, model.is_breached = self.now + TO_ACKNOWLEDGE, False
        model.act(Action.REOPENED)

    # -- what must hold ---------------------------------------------------------------------------------------

    @invariant()
    def the_desk_is_as_the_model(self) -> None:
        if not hasattr(self, "records"):
            return
        whole = self.records.find_alerts(EVERYTHING, limit=500)
        assert self.records.find_alerts(EVERYTHING, limit=500, known=self.seen) == whole, "read by what changed alone"
        found = self.seen = {alert.id: alert for alert in whole.items}
        assert found.keys() == self.model.keys()
        for name, model in self.model.items():
            alert = found[name]
            assert (alert.is_active, alert.closed_at) == (model.active, model.closed)
            assert (alert.acknowledged_by, alert.assigned_to) == (model.acknowledged_by, model.assigned_to)
            assert (alert.resolved_by, alert.outcome) == (model.outcome or (None, None))
            assert (alert.reopened, alert.unstable) == (len(model.ends), model.unstable)
            assert (alert.version, alert.breaches, alert.due_at) == (model.version, len(model.breaches), model.due)
            assert [e.action for e in self.records.audit_of(name)] == model.actions
            assert [e.closed_at for e in self.records.past.episodes_of(name)] == model.ends
            assert sorted(d.reason for d in self.records.deliveries_of(name)) == sorted(model.told)
        assert sorted(b.due_at for b in self.records.past.breaches(limit=500).items) == sorted(
            due for m in self.model.values() for due in m.breaches
        )


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
