"""What every detector promises, whatever it looks for."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from metering.feedback import CAUTIOUS_RULES
from rules.detectors.detector import RuleDetector
from rules.detectors.registry import DETECTORS, by_rule

RULES = sorted(DETECTORS)
# Days that are learned from (a ring's place by column, or which days), to see that nothing is learned.
LEARNED = {
    "continuous_flow": lambda m: m["usual"]["place"],
    "minimum_night_flow": lambda m: np.nan_to_num(m["usual"]["at"]),
    "burst_flow": lambda m: m["records"]["place"],
    "zone_balance": lambda m: m["learned"]["place"],
    "peer_usage": lambda m: m["standing"]["place"],
    "usage_profile": lambda m: m["working"]["place"],
}


def faulty(tools: Any) -> Any:
    """Sixty days with something for every detector, and with gaps."""
    campus = tools.campus(
        60,
        said=[
            (31, "home", "leak", "on"),
            (33, "r2", "low_battery", "on"),
            (34, "home", "leak", "off"),
            (34, "r2", "tamper", "on"),
            (36, "r2", "tamper", "off"),
            (45, "r2", "low_battery", "off"),
        ],
        heats=[("r2", 31, 20, 1.5, 6), ("r2", 33, 50, 1.5, 14), ("r2", 35, 117, 2.0, 3), ("r5", 35, 30, 0.8, 4)],
        dips=[("r3", 32, 10, 190.0, 30), ("r6", 32, 100, 0.0, 40), ("r3", 34, 5, 240.0, 20)],
        extra=[
            ("board", 31.5, 31.6, 12.0),
            ("board", 35.5, 35.6, 9.0),
            ("home", 30, 40, 0.02),
            ("b3", 30, 41, 0.15),
            ("b5", 47, 47.5, 9.0),
            ("inlet", 42, 52, 0.4),
            ("r4", 30, 45, 0.4),
            ("board", 31, 38, 3.0),
        ],
    )
    campus.usage[campus.steps(33, 36), campus.at("r7")] = 0.0
    rng = np.random.default_rng(3)
    campus.usage[rng.random(campus.usage.shape) < 0.003] = np.nan
    campus.quality[rng.random(campus.usage.shape) < 0.02] = 1
    campus.usage[campus.steps(50, 51), campus.at("r9")] = np.nan
    return campus


@pytest.mark.parametrize("rule", RULES)
def test_the_same_readings_give_the_same_findings(rule: str, tools: Any) -> None:
    first = faulty(tools).run(DETECTORS[rule])
    assert first == faulty(tools).run(DETECTORS[rule])
    assert first, "a scenario without findings compares nothing"


@pytest.mark.parametrize("rule", RULES)
def test_the_cut_into_blocks_changes_nothing(rule: str, tools: Any) -> None:
    campus = faulty(tools)
    whole, cut = campus.detector(DETECTORS[rule]), campus.detector(DETECTORS[rule])
    rng = np.random.default_rng(4)
    sizes = iter(lambda: int(rng.integers(1, 40)), None)
    expected = campus.findings(whole, campus.blocks())
    assert campus.findings(cut, campus.blocks(sizes)) == expected
    assert pickle.dumps(cut.state()) == pickle.dumps(whole.state())


@pytest.mark.parametrize("rule", RULES)
def test_step_by_step_is_the_same_too(rule: str, tools: Any) -> None:
    campus = faulty(tools)
    campus.usage = campus.usage[: 36 * tools.per_day]
    whole, single = campus.detector(DETECTORS[rule]), campus.detector(DETECTORS[rule])
    expected = campus.findings(whole, campus.blocks())
    assert campus.findings(single, campus.blocks(iter(lambda: 1, None))) == expected


@pytest.mark.parametrize("rule", RULES)
def test_goes_on_from_a_state_as_if_nothing_had_been(rule: str, tools: Any) -> None:
    campus = faulty(tools)
    before = campus.detector(DETECTORS[rule])
    blocks = list(campus.blocks(iter(lambda: 17, None)))
    half = len(blocks) * 34 // 60
    campus.findings(before, blocks[:half])
    after = campus.detector(DETECTORS[rule])
    after.restore(pickle.loads(pickle.dumps(before.state())))  # noqa: S301 - our own bytes
    assert campus.findings(after, blocks[half:]) == campus.findings(before, blocks[half:])


@pytest.mark.parametrize("rule", RULES)
def test_a_state_taken_is_not_changed_by_going_on(rule: str, tools: Any) -> None:
    campus = faulty(tools)
    detector = campus.detector(DETECTORS[rule])
    blocks = list(campus.blocks())
    campus.findings(detector, blocks[:32])
    state = detector.state()
    taken = pickle.dumps(state)
    campus.findings(detector, blocks[32:40])
    assert pickle.dumps(state) == taken


@pytest.mark.parametrize("rule", RULES)
def test_a_torn_or_foreign_state_is_refused(rule: str, tools: Any) -> None:
    campus = tools.campus(2)
    detector = campus.detector(DETECTORS[rule])
    good = detector.state()
    torn = {**good, "memory": dict(list(good["memory"].items())[1:])}
    for bad in ({}, torn, {**good, "meters": ["other"]}):
        with pytest.raises(ValueError, match="state"):
            detector.restore(bad)


@pytest.mark.parametrize("rule", RULES)
def test_a_step_is_judged_once(rule: str, tools: Any) -> None:
    campus = tools.campus(2)
    detector = campus.detector(DETECTORS[rule])
    block = next(campus.blocks())
    detector.process(block)
    with pytest.raises(ValueError, match="judged before"):
        detector.process(block)


@pytest.mark.parametrize("rule", RULES)
def test_is_quiet_on_a_healthy_year(rule: str, tools: Any) -> None:
    assert tools.campus(365, seed=11).run(DETECTORS[rule]) == []


@pytest.mark.parametrize("rule", [r for r in RULES if r != "meter_health"])
def test_says_nothing_of_meters_without_data(rule: str, tools: Any) -> None:
    campus = tools.campus(60)
    campus.usage[campus.steps(25, 27)] = np.nan
    campus.usage[campus.steps(30, 33), ::3] = np.nan
    campus.usage[campus.steps(40, 60), ::4] = np.nan
    assert campus.run(DETECTORS[rule]) == []


@pytest.mark.parametrize("rule", RULES)
def test_survives_gaps_in_the_steps_themselves(rule: str, tools: Any) -> None:
    campus = faulty(tools)
    detector = campus.detector(DETECTORS[rule])
    blocks = list(campus.blocks(iter(lambda: 7, None)))
    campus.findings(detector, [b for i, b in enumerate(blocks) if not 300 < i < 360 and i % 50 != 7])


@pytest.mark.parametrize("rule", RULES)
def test_findings_can_be_told(rule: str, tools: Any) -> None:
    campus = faulty(tools)
    open_now: dict[Any, bool] = {}
    last = campus.moment(0)
    for finding in campus.run(DETECTORS[rule]):
        json.dumps(finding.evidence, allow_nan=False)
        assert np.isfinite([finding.observed, finding.expected, finding.size, finding.uncertainty, finding.total]).all()
        assert finding.rule.partition(":")[0] == rule  # a rule of the user's own has its name behind it
        assert finding.node == campus.site.meters[finding.subject].node
        assert finding.onset <= finding.at
        assert last <= finding.at
        last = finding.at
        key = finding.rule, finding.subject, finding.scope
        assert open_now.get(key, False) == (finding.phase != "open")
        open_now[key] = finding.phase != "close"


@pytest.mark.parametrize("rule", sorted(LEARNED))
def test_learns_nothing_while_flagged(rule: str, tools: Any) -> None:
    campus = tools.campus(60)
    campus.flagged_days = range(30, 60)
    detector = campus.detector(DETECTORS[rule])
    blocks = list(campus.blocks())
    campus.findings(detector, blocks[:40])  # days that waited to be learned when the flag came are through
    before = LEARNED[rule](detector.state()["memory"]).copy()
    campus.findings(detector, blocks[40:])
    assert before.any()
    assert (LEARNED[rule](detector.state()["memory"]) == before).all()


@pytest.mark.parametrize(
    ("rule", "meter", "size"),
    [
        ("continuous_flow", "home", 0.02),
        ("minimum_night_flow", "b3", 0.15),
        ("burst_flow", "b3", 9.0),
        ("zone_balance", "inlet", 0.4),
        ("peer_usage", "r4", 0.4),
        ("usage_profile", "board", 3.0),
    ],
)
def test_does_not_learn_from_what_it_found(rule: str, meter: str, size: float, tools: Any) -> None:
    """After four weeks of it, the same again is found again."""
    campus = tools.campus(90, extra=[(meter, 30, 60, size), (meter, 65, 85, size)])
    findings = [f for f in campus.run(DETECTORS[rule]) if f.subject == meter]
    assert [(f.at - campus.moment(0)) // np.timedelta64(1, "D") // 5 for f in tools.opened(findings)] == [6, 13]
    assert [(f.at - campus.moment(0)) // np.timedelta64(1, "D") // 5 for f in tools.closed(findings)] == [12, 17]


@pytest.mark.parametrize("rule", RULES)
def test_a_node_can_be_left_out(rule: str, tools: Any) -> None:
    assert faulty(tools).run(DETECTORS[rule], enabled=False) == []


@pytest.mark.parametrize("rule", RULES)
def test_caution_never_finds_more_nor_sooner(rule: str, tools: Any) -> None:
    usual, cautious = (faulty(tools).run(DETECTORS[rule], caution=caution) for caution in (1.0, 2.0))
    first: dict[str, Any] = {}
    for finding in tools.opened(usual):
        first.setdefault(finding.subject, finding.at)
    assert all(finding.at >= first[finding.subject] for finding in tools.opened(cautious))
    assert len(tools.opened(cautious)) <= len(tools.opened(usual))
    assert (rule in CAUTIOUS_RULES) or cautious == usual


@pytest.mark.parametrize(
    ("rule", "extra"),
    [
        ("continuous_flow", ("home", 30, 34, 0.007)),
        ("minimum_night_flow", ("b3", 30, 34.2, 0.03)),
        ("burst_flow", ("b5", 37, 37.5, 1.5)),
        ("zone_balance", ("inlet", 32, 38, 0.03)),
        ("peer_usage", ("r4", 30, 36, 0.1)),
        ("usage_profile", ("board", 31, 33, 2.0)),
    ],
)
def test_what_is_small_is_told_without_caution_alone(rule: str, extra: Any, tools: Any) -> None:
    told = [
        [f for f in tools.opened(campus.run(DETECTORS[rule], caution=caution)) if f.subject == extra[0]]
        for campus, caution in ((tools.campus(60, extra=[extra]), caution) for caution in (1.0, 2.0))
    ]
    assert [len(findings) for findings in told] == [1, 0]


@pytest.mark.parametrize("rule", RULES)
def test_caution_taken_back_leaves_nothing_behind(rule: str, tools: Any) -> None:
    """More cautious for some quiet days, then as it was: what is found from then on is the very same."""
    campus = faulty(tools)
    blocks = list(campus.blocks())
    detector = campus.detector(DETECTORS[rule])
    expected = campus.findings(detector, blocks)
    found = []
    state = campus.detector(DETECTORS[rule]).state()
    for caution, days in ((1.0, slice(0, 18)), (2.0, slice(18, 22)), (1.0, slice(22, 60))):
        detector = campus.detector(DETECTORS[rule], caution=caution)
        detector.restore(state)
        found += campus.findings(detector, blocks[days])
        state = detector.state()
    assert found == expected


def test_the_rules_that_can_be_cautious_name_their_thresholds() -> None:
    assert {rule for rule in RULES if DETECTORS[rule].Settings.cautious} == CAUTIOUS_RULES
    for kind in DETECTORS.values():
        assert set(kind.Settings.cautious) <= set(kind.Settings.model_fields)


@pytest.mark.parametrize("rule", RULES)
def test_settings_are_frozen_documented_and_closed(rule: str) -> None:
    kind = DETECTORS[rule].Settings
    with pytest.raises(ValueError, match="frozen"):
        kind().enabled = False
    with pytest.raises(ValueError, match="no_such"):
        kind(no_such=1)
    assert all(field.description for field in kind.model_fields.values())


def test_the_registry_refuses_two_of_one_name() -> None:
    kind: type[RuleDetector] = DETECTORS["zone_balance"]
    with pytest.raises(ValueError, match="zone_balance"):
        by_rule(kind, kind)
    assert all(rule == kind.rule for rule, kind in DETECTORS.items())
