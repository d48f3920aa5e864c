"""What a parsed condition is worth at every step of every meter: steps x columns, NaN where it is not known.

Truth is 1.0 or 0.0, or NaN: what is not known decides nothing, but `false and unknown` is false.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metering.batch import Float64, Mask
from rules.expressions.inputs import Steps
from rules.expressions.tree import Arithmetic, Comparison, Logic, Name, Node, Number, Window

_KNOWN_SHARE = 0.8  # of a window must be known, else the window is not
Fold = Callable[[Float64, Float64], Float64]

_ARITHMETIC: dict[str, Fold] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
_COMPARISONS: dict[str, Callable[[Float64, Float64], Mask]] = {
    ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal,
}  # fmt: skip
# A window's function, and what a cell that is not known counts as.
_FOLDS: dict[str, tuple[Fold, float]] = {
    "min": (np.minimum, np.inf), "max": (np.maximum, -np.inf), "mean": (np.add, 0.0), "sum": (np.add, 0.0),
}  # fmt: skip
COMPARISONS, WINDOWS = tuple(_COMPARISONS), tuple(_FOLDS)


def evaluate(node: Node, steps: Steps) -> Float64:
    """The node's value at every step and column."""
    match node:
        case Number(value):
            return np.full(steps.usage.shape, value)
        case Name(name):
            return steps.of(name)
        case Window():
            return _window(node, evaluate(node.inner, steps))
        case Logic(word, left, right):
            return _logic(word, evaluate(left, steps), None if right is None else evaluate(right, steps))
        case Arithmetic(sign, left, right):
            with np.errstate(all="ignore"):
                result = _ARITHMETIC[sign](evaluate(left, steps), evaluate(right, steps))
            return np.where(np.isfinite(result), result, np.nan)  # what is divided by zero is not known
        case Comparison(sign, left, right):
            a, b = evaluate(left, steps), evaluate(right, steps)
            return np.where(np.isnan(a) | np.isnan(b), np.nan, _COMPARISONS[sign](a, b).astype(np.float64))


def _logic(word: str, left: Float64, right: Float64 | None) -> Float64:
    if right is None:
        return 1.0 - left
    decides, both = (0.0, np.minimum(left, right)) if word == "and" else (1.0, np.maximum(left, right))
    return np.where((left == decides) | (right == decides), decides, both)  # `both` is NaN if one of them is


def _window(node: Window, values: Float64) -> Float64:
    """The fold of what is known of the last steps."""
    fold, nothing = _FOLDS[node.function]
    is_known = ~np.isnan(values)
    folded = _folded(np.where(is_known, values, nothing), node.length, fold, nothing)
    count = _folded(is_known.astype(np.float64), node.length, np.add, 0.0)
    if node.function == "mean":
        folded = folded / np.maximum(count, 1)
    return np.where(count >= _KNOWN_SHARE * node.length, folded, np.nan)


def _folded(values: Float64, length: int, fold: Fold, nothing: float) -> Float64:
    """By step the fold of the last `length` rows; by doubling, so that the order of sums never depends on the cut."""
    result, reach, span, power = np.full_like(values, nothing), 0, 1, values
    while span <= length:
        if length & span:
            result = fold(result, _back(power, reach, nothing))
            reach += span
        power = fold(power, _back(power, span, nothing))
        span *= 2
    return result


def _back(values: Float64, rows: int, nothing: float) -> Float64:
    """The values of so many rows before."""
    shifted = np.full_like(values, nothing)
    if rows < len(values):
        shifted[rows:] = values[: len(values) - rows]
    return shifted
