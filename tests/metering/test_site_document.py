"""A site file is checked whole: every fault is named by its path."""

from __future__ import annotations

from typing import Any

import pytest

from metering.site_document import SiteDocumentError, parse_site


def document(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "site": {"id": "s", "timezone": "Asia/Shanghai"},
        "nodes": [{"id": "c", "kind": "campus"}, {"id": "d1", "kind": "building", "parent": "c", "beds": 400}],
        "meters": [
            {"id": "in", "medium": "water", "node": "c"},
            {"id": "w1", "medium": "water", "node": "d1", "parent": "in"},
        ],
    }
    return {**base, **changes}


def faults(changed: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(SiteDocumentError) as caught:
        parse_site(changed)
    return {".".join(map(str, f.path)): f.message for f in caught.value.faults}


def test_a_site_knows_its_tree():
    site = parse_site(document())
    assert site.place_path("d1") == ("c", "d1")
    assert list(site.subtree("c")) == ["c", "d1"]
    assert site.child_meters["in"] == ("w1",)
    assert site.meters_at == {"c": ("in",), "d1": ("w1",)}


def test_a_zone_may_be_fed_by_several_meters():
    meters = [{"id": i, "medium": "water"} for i in ("a", "b")] + [
        {"id": "c1", "medium": "water", "parent": ["a", "b"]}
    ]
    assert parse_site(document(meters=meters)).meters["c1"].parents == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"nodes": [{"id": "c", "kind": "castle"}]}, "nodes.0.kind", "allowed: campus, zone"),
        ({"nodes": [{"id": "c", "kind": "campus", "color": 1}]}, "nodes.0.color", "unknown key 'color'; allowed: id"),
        ({"meters": [{"id": "x", "medium": "oil"}]}, "meters.0.medium", "allowed: electricity, water"),
        ({"meters": [{"id": "x"}]}, "meters.0", "needs `medium`"),
        ({"meters": [{"id": "x", "medium": "water", "node": "q"}]}, "meters.0.node", "'q', which is no node"),
        ({"meters": [{"id": "x", "medium": "water", "poll_s": 0}]}, "meters.0.poll_s", "above 0"),
        ({"meters": [{"id": "x", "medium": "water"}] * 2}, "meters.1.id", "stands twice"),
        ({"meters": [{"id": "x", "medium": "water", "parent": "x"}]}, "meters.0.parent", "own ancestor: x -> x"),
        ({"site": {"id": "s", "timezone": "Mars/Base"}}, "site.timezone", "unknown time zone"),
        ({"site": {"id": "s"}}, "site", "needs `timezone`"),
        (
            {"calendar": {"terms": [{"first": "2026-09-01", "last": "2026-08-01"}]}},
            "calendar.terms.0",
            "before it begins",
        ),
        (
            {"meters": [{"id": "x", "medium": "water", "lives": [{"serial": "1"}]}]},
            "meters.0.lives.0",
            "needs `from`",
        ),
    ],
)
def test_each_fault_is_named_by_its_path(changes, path, says):
    assert says in faults(document(**changes))[path]


def test_all_faults_are_told_at_once():
    found = faults(document(nodes=[{"id": "c", "kind": "x"}], meters=[{"id": "m", "medium": "y", "hue": 3}]))
    assert {"nodes.0.kind", "meters.0.medium", "meters.0.hue"} <= found.keys()


def test_two_meters_on_one_address_are_refused():
    meters = [
        {"id": m, "medium": "water", "connection": "tcp://127.0.0.1:502", "device_address": "7"} for m in ("a", "b")
    ]
    assert "which is 'a''s" in faults(document(meters=meters))["meters.1.device_address"]


def test_a_circle_through_several_nodes_is_named():
    nodes = [{"id": "a", "kind": "zone", "parent": "b"}, {"id": "b", "kind": "zone", "parent": "a"}]
    found = faults(document(nodes=nodes, meters=[]))
    assert "own ancestor: a -> b -> a" in found["nodes.0.parent"]
