"""Conditions that people write: what they are worth, and what is refused, with its column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.expressions.evaluate import evaluate
from rules.expressions.inputs import Steps
from rules.expressions.parse import ExpressionError, parse_condition, parse_duration

NAN = np.nan


def worth(text: str, usage: list[float], minute: float = 0.0) -> list[float | None]:
    """The condition at each step of one meter; None: not known."""
    steps = Steps(np.array(usage)[:, None], minute + 15.0 * np.arange(len(usage)))
    return [None if np.isnan(v) else bool(v) for v in evaluate(parse_condition(text).tree, steps)[:, 0]]


@pytest.mark.parametrize(
    ("text", "usage", "expected"),
    [
        ("usage > 1", [0, 1, 2], [False, False, True]),
        ("flow >= 4", [0, 1, NAN], [False, True, None]),
        ("1 + 2 * 3 - usage == 7", [0, 1], [True, False]),
        ("(1 + 2) * 3 == usage", [9], [True]),
        ("8 / 4 / 2 == usage", [1], [True]),
        ("10 - 4 - 3 == usage", [3], [True]),
        ("-usage < -1", [0, 2], [False, True]),
        ("1 / usage > 0", [0, 2], [None, True]),
        ("usage > 1 and hour < 0.5", [2, 2, 2], [True, True, False]),
        ("usage < 1 or usage > 2 and hour < 0.25", [3, 3, 0], [True, False, True]),
        ("not usage > 1", [1, 2, NAN], [True, False, None]),
        ("not (usage > 1 or usage < 0)", [1, 2], [True, False]),
        ("usage > 1 and hour > 5", [NAN], [False]),
        ("usage > 1 or hour < 5", [NAN], [True]),
        ("max(usage, 30 min) > 1", [2, 0, 0], [None, True, False]),
        ("min(usage, 45 min) >= 1", [1, 1, 1, 0], [None, None, True, False]),
        ("mean(usage + 1, 30 min) == 2.5", [0, 3], [None, True]),
        ("sum(usage, 1 h) > 3", [1, 1, 1, 1], [None, None, None, True]),
        ("sum(usage, 1 h) < 100", [1, 1, NAN, 1], [None] * 4),
        ("mean(usage, 75 min) == 1", [1, 1, NAN, 1, 1], [None, None, None, None, True]),
        ("usage != 2", [1, 2], [True, False]),
        ("usage <= 2", [2, 3], [True, False]),
    ],
)
def test_a_condition_is_worth(text, usage, expected):
    assert worth(text, [float(u) for u in usage]) == expected


@given(st.lists(st.floats(0, 9) | st.just(NAN), min_size=1, max_size=60), st.integers(1, 20))
def test_windows_are_what_numpy_says(usage, length):
    steps = Steps(np.array(usage)[:, None], np.zeros(len(usage)))
    for name, expected in {"min": np.nanmin, "max": np.nanmax, "mean": np.nanmean, "sum": np.nansum}.items():
        node = parse_condition(f"{name}(usage, {15 * length} min) > 0").main.left
        got = evaluate(node, steps)[:, 0]
        for i in range(len(usage)):
            last = np.array(([NAN] * length + usage[: i + 1])[-length:])
            is_known = (~np.isnan(last)).sum() >= 0.8 * length
            assert np.isnan(got[i]) != is_known
            if is_known:
                assert got[i] == pytest.approx(expected(last))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "column 1: a number, a quantity"),
        ("flow", "must compare something"),
        ("flow >", "column 7: a number, a quantity"),
        ("flwo > 1", "column 1: unknown quantity 'flwo'; allowed: usage, flow"),
        ("1 < 2", "speaks of no quantity"),
        ("hour < 5", "speaks of no quantity"),
        ("flow > 1 > 0", "column 10: one comparison at a time"),
        ("flow > 1 and power", "column 14: a number where a comparison is needed"),
        ("(flow > 1) + 1 > 2", "column 1: a comparison where a number is needed"),
        ("flow > 1)", "column 9: ')' is not allowed here"),
        ("(flow > 1", "column 10: ')' is missing"),
        ("flow ; 1", "column 6: ';' is not allowed here"),
        ("__import__('os') > 1", 'column 12: "\'" is not allowed here'),
        ("flow.real > 1", "column 5: '.' is not allowed here"),
        ("mean(flow) > 1", "column 10: ',' is missing"),
        ("mean(flow, 1) > 1", "column 13: a duration ends in min, h or d"),
        ("mean(flow, h) > 1", "column 12: a duration is missing"),
        ("mean(flow, 20 min) > 1", "column 12: 20 min: allowed are whole steps"),
        ("mean(flow, 8 d) > 1", "at most 7 d"),
        ("mean(max(flow, 1 h), 2 h) > 1", "column 6: no max inside another one"),
        ("(" * 40 + "flow > 1" + ")" * 40, "nested deeper than 30"),
        ("flow > 1 or " * 50 + "flow > 1", "at most 500 characters"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_column(text, says):
    with pytest.raises(ExpressionError) as refused:
        parse_condition(text)
    assert says in str(refused.value)


@given(st.text(alphabet="flowusage >=<()+-*/,.0123456789andornt hmi", max_size=60))
def test_any_text_is_a_condition_or_is_refused(text):
    try:
        condition = parse_condition(text)
    except ExpressionError:
        return
    evaluate(condition.tree, Steps(np.ones((5, 2)), np.zeros(5)))


def test_durations():
    assert [parse_duration(t) for t in ("15 min", "2h", "0.5 h", "7 d")] == [1, 8, 2, 672]
    for wrong in ("", "2", "10 min", "0 h", "8 d", "1 week", "-1 h"):
        with pytest.raises(ExpressionError):
            parse_duration(wrong)
