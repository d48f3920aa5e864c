"""rules.yaml: defaults, overrides by node, and what is refused, with its path."""

from __future__ import annotations

import pytest
import yaml

from rules.detectors.registry import DETECTORS
from rules.settings import RulesDocumentError, RulesSettings, documented_defaults, parse_rules


def faults_of(document, site=None):
    with pytest.raises(RulesDocumentError) as refused:
        parse_rules(document, site)
    return [(".".join(map(str, f.path)), f.message) for f in refused.value.faults]


def test_nothing_said_means_defaults():
    assert parse_rules(None).revision == parse_rules({}).revision == RulesSettings().revision
    assert set(parse_rules(None).detectors) == set(DETECTORS)


@pytest.mark.parametrize(
    ("document", "path", "says"),
    [
        ({"continous_flow": {}}, "continous_flow", "allowed: continuous_flow"),
        ({"continuous_flow": {"enable": True}}, "continuous_flow.enable", "allowed: enabled"),
        ({"continuous_flow": {"enabled": "perhaps"}}, "continuous_flow.enabled", "given: 'perhaps'"),
        ({"continuous_flow": 3}, "continuous_flow", "must be a mapping"),
        ({"incidents": {"echo_share": 1.5}}, "incidents.echo_share", "less than or equal to 1"),
        ({"incidents": {"echo_share": -0.1}}, "incidents.echo_share", "greater than or equal to 0"),
        ({"overrides": {"dorm-9": {}}}, "overrides.dorm-9", "no node of site"),
        ({"overrides": {"dorm-1": {"leaks": {}}}}, "overrides.dorm-1.leaks", "allowed: continuous_flow"),
        (
            {"overrides": {"dorm-1": {"zone_balance": {"cusum_limit": 0}}}},
            "overrides.dorm-1.zone_balance.cusum_limit",
            "greater than 0",
        ),
        ({"overrides": {"dorm-1": {"incidents": {}}}}, "overrides.dorm-1.incidents", "unknown rule"),
        ([1], "", "must be a mapping"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(site, document, path, says):
    ((where, message),) = faults_of(document, site)
    assert where == path
    assert says in message


def user_rule(**given):
    return {"threshold": {"rules": [{"id": "a", "when": "flow > 1"}, {"id": "b", "when": "flow > 1"} | given]}}


@pytest.mark.parametrize(
    ("document", "path", "says"),
    [
        (user_rule(id="a"), "id", "two rules are called 'a'"),
        (user_rule(id="A b"), "id", "match pattern"),
        (user_rule(when="flow > > 1"), "when", "column 8: a number"),
        (user_rule(clear="flwo < 1"), "clear", "column 1: unknown quantity 'flwo'"),
        (user_rule(clear="power < 1"), "", "no meter has all quantities"),
        (user_rule(medium="electricity"), "", "no meter has all quantities"),
        (user_rule(medium="gas"), "", "is about no meter of site"),
        (user_rule(**{"for": "20 min"}), "for", "whole steps"),
        (user_rule(clear_for="soon"), "clear_for", "is no duration"),
        (user_rule(nodes=["room-1"]), "", "is about no meter of site"),
        (user_rule(nodes=["campus", "dorm-9"]), "nodes.1", "no node of site"),
        (user_rule(meters=["W", "X"]), "meters.1", "no meter of site"),
        (user_rule(meters=["E1"]), "meters.0", "measures electricity; the rule is for: gas, water"),
        (user_rule(category="leaks"), "category", "'leak'"),
        (user_rule(whne="flow > 1"), "whne", "allowed: id, when, for, clear"),
    ],
)
def test_a_rule_of_the_users_own_is_checked(site, document, path, says):
    ((where, message),) = faults_of(document, site)
    assert where == f"threshold.rules.1.{path}".rstrip(".")
    assert says in message


def test_the_users_own_rules_stand_once_for_the_site(site):
    document = {"overrides": {"dorm-1": {"threshold": {"rules": []}}}}
    assert faults_of(document, site) == [
        ("overrides.dorm-1.threshold.rules", "'rules' stands once for the whole site, not in overrides")
    ]
    assert parse_rules({"overrides": {"dorm-1": {"threshold": {"enabled": False}}}}, site)


def test_all_faults_are_told_at_once(site):
    document = {"incidents": {"echo_share": 2, "colour": "red"}, "nonsense": 1, "overrides": {"dorm-9": {}}}
    assert {path for path, _ in faults_of(document, site)} == {
        "incidents.echo_share",
        "incidents.colour",
        "nonsense",
        "overrides.dorm-9",
    }


def test_the_nearest_override_wins(site):
    document = {
        "zone_balance": {"cusum_limit": 7, "day_sigma": 8},
        "overrides": {
            "floor-1": {"zone_balance": {"cusum_limit": 9}},
            "dorm-1": {"zone_balance": {"cusum_limit": 5, "enabled": False}},
        },
    }
    of = parse_rules(document, site).settings_of("zone_balance", site)
    assert (of("dorm-2").cusum_limit, of(None).cusum_limit, of("dorm-2").enabled) == (7, 7, True)
    assert (of("dorm-1").cusum_limit, of("floor-2").cusum_limit, of("floor-2").enabled) == (5, 5, False)
    assert (of("room-1").cusum_limit, of("room-1").enabled, of("room-1").day_sigma) == (9, False, 8)


def test_caution_raises_the_thresholds_of_one_meter_on_top_of_its_overrides(site):
    document = {
        "peer_usage": {"ratio": 3, "sigma": 4, "days": 5},
        "overrides": {"floor-1": {"peer_usage": {"ratio": 4}}},
    }
    of = parse_rules(document, site).settings_of("peer_usage", site, {"W11": 1.5})
    cautious, other = of("floor-1", "W11"), of("floor-1", "W12")
    assert (cautious.ratio, cautious.sigma, cautious.days) == (1 + 1.5 * 3, 6, 5)
    assert (other.ratio, other.sigma) == (4, 4)
    assert of("dorm-2", "W11").ratio == 4
    assert of("floor-1") == other


def test_the_revision_follows_every_value(site):
    said = [
        {},
        {"incidents": {"echo_share": 0.2}},
        {"zone_balance": {"cusum_limit": 7}},
        {"overrides": {"dorm-1": {"zone_balance": {"cusum_limit": 7}}}},
    ]
    assert len({parse_rules(d, site).revision for d in said}) == len(said)
    assert parse_rules({"zone_balance": {"enabled": True}}).revision == RulesSettings().revision


def test_the_documented_defaults_are_the_defaults():
    text = documented_defaults()
    assert yaml.safe_load(text) is None, "commented out, it changes nothing"
    spoken = "\n".join(line[2:] for line in text.splitlines() if line.startswith("# ") and "#   some-node" not in line)
    body = spoken[spoken.index("\n") + 1 : spoken.index("overrides:")]
    document = yaml.safe_load(body)
    assert parse_rules(document).revision == RulesSettings().revision
    assert set(document) == {*DETECTORS, "incidents"}
    keys = [line for line in body.splitlines() if line.startswith("  ")]
    assert all(" # " in line and line.split(" # ")[1].strip() for line in keys), "every key is described"
