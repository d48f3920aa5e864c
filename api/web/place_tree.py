"""Where an alert stands in the tree: the way down to it, and what lies right below it."""

from __future__ import annotations

from dataclasses import dataclass

from api.web.rendering import Reader
from api.web.site_tree import active_alerts, alert_marks

_MOST_BELOW = 12


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One place.

    worst     the worst severity of the `alerts` that are active there or below
    left_out  how many places beside this one are not shown
    """

    node: str
    name: str
    depth: int
    is_here: bool
    alerts: int
    worst: str
    left_out: int = 0


def tree_around(node: str, reader: Reader) -> tuple[TreeLine, ...]:
    """From the top down to the place, then its own parts; of many parts those with alerts come first."""
    site = reader.site
    if node not in site.nodes:
        return ()
    marks = alert_marks(site, active_alerts(reader))
    path, below = site.place_path(node), site.child_nodes[node]
    shown = sorted(below, key=lambda n: -marks.get(n, (0, ""))[0])[:_MOST_BELOW] if len(below) > _MOST_BELOW else below

    def line(name: str, depth: int, left_out: int = 0) -> TreeLine:
        count, worst = marks.get(name, (0, ""))
        return TreeLine(name, site.nodes[name].name or name, depth, name == node, count, worst, left_out)

    left_out = len(below) - len(shown)
    parts = [line(n, len(path), left_out if n == shown[-1] else 0) for n in shown]
    return (*(line(n, i) for i, n in enumerate(path)), *parts)
