"""From text to a condition.

condition   any { "or" any }          any   all { "and" all }       all   [ "not" ] all | comparison
comparison  sum ( > >= < <= == != ) sum | ( condition )
sum         product { + - product }   product   factor { * / factor }
factor      number | name | - factor | ( sum ) | min|max|mean|sum ( sum , duration )
duration    a number and min, h or d: whole steps of 15 minutes, at most 7 days
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from rules.expressions.evaluate import COMPARISONS, WINDOWS
from rules.expressions.inputs import INPUTS
from rules.expressions.tree import Arithmetic, Comparison, Logic, Name, Node, Number, Window, every_node, is_truth

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<sign>>=|<=|==|!=|[-+*/(),<>]))")
_STEP_MINUTES, _LONGEST_STEPS, _DEEPEST, _LONGEST_TEXT = 15, 672, 30, 500
_UNITS = {"min": 1, "h": 60, "d": 1440}
_LOGIC = ("and", "or", "not")
_Part = Callable[[], Node]


class ExpressionError(ValueError):
    """Text that is no condition; the message names the column, counted from 1, and what is allowed."""


@dataclass(frozen=True)
class Condition:
    """A checked condition over the quantities of one meter."""

    text: str
    tree: Node

    @cached_property
    def names(self) -> frozenset[str]:
        """The quantities it speaks of."""
        return frozenset(n.name for n in every_node(self.tree) if isinstance(n, Name))

    @cached_property
    def longest(self) -> int:
        """Steps that it looks at, the newest included."""
        return max([1, *(n.length for n in every_node(self.tree) if isinstance(n, Window))])

    @cached_property
    def main(self) -> Comparison:
        """The comparison whose sides are told as observed and expected: the first that is not about the clock."""
        found = [n for n in every_node(self.tree) if isinstance(n, Comparison)]
        spoken = [c for c in found if {n.name for n in every_node(c) if isinstance(n, Name)} - {"hour"}]
        return (spoken or found)[0]


def parse_duration(text: str) -> int:
    """Steps of 15 minutes in `30 min`, `2 h` or `1 d`.

    Raises:
        ExpressionError: no duration, or none of whole steps.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(min|h|d)\s*", text)
    if match is None:
        raise ExpressionError(f"{text!r} is no duration; write it like 30 min, 2 h or 1 d")
    return _steps(float(match[1]), match[2])


def _steps(number: float, unit: str) -> int:
    steps = number * _UNITS[unit] / _STEP_MINUTES
    if not 1 <= steps <= _LONGEST_STEPS or steps != int(steps):
        raise ExpressionError(f"{number:g} {unit}: allowed are whole steps of {_STEP_MINUTES} min, at most 7 d")
    return int(steps)


def parse_condition(text: str) -> Condition:
    """The condition in a text.

    Raises:
        ExpressionError: what is wrong, where, and what is allowed.
    """
    if len(text) > _LONGEST_TEXT:
        raise ExpressionError(f"a condition has at most {_LONGEST_TEXT} characters")
    reader = _Reader(text)
    tree = reader.condition()
    reader.end()
    if not is_truth(tree):
        raise ExpressionError(f"it must compare something ({' '.join(COMPARISONS)})")
    condition = Condition(text, tree)
    if not condition.names - {"hour"}:
        raise ExpressionError(f"it speaks of no quantity of a meter; there are: {', '.join(_quantities())}")
    return condition


def _quantities() -> list[str]:
    return [name for name in INPUTS if name != "hour"]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    column: int


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None:
            column = place + len(text[place:]) - len(text[place:].lstrip())
            raise ExpressionError(f"column {column + 1}: {text[column]!r} is not allowed here")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        place = match.end()
    return [*found, _Token("end", "", len(text) + 1)]


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens, self._place, self._depth, self._in_window = _tokens(text), 0, 0, False

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, *texts: str) -> _Token | None:
        token = self._next
        if token.kind in {"word", "sign"} and token.text in texts:
            self._place += 1
            return token
        return None

    def _need(self, text: str) -> None:
        if self._take(text) is None:
            raise self._wrong(f"{text!r} is missing")

    def _wrong(self, message: str) -> ExpressionError:
        return ExpressionError(f"column {self._next.column}: {message}")

    def end(self) -> None:
        """Nothing may follow."""
        if self._next.kind != "end":
            raise self._wrong(f"{self._next.text!r} is not allowed here")

    def condition(self) -> Node:
        """Conditions joined by `or`."""
        return self._joined("or", lambda: self._joined("and", self._all))

    def _joined(self, word: str, part: _Part) -> Node:
        column, left = self._next.column, part()
        while self._take(word):
            right_column, right = self._next.column, part()
            left = Logic(word, self._truth(left, column), self._truth(right, right_column))
        return left

    def _all(self) -> Node:
        if self._take("not"):
            column = self._next.column
            return Logic("not", self._truth(self._deeper(self._all), column))
        return self._comparison()

    def _comparison(self) -> Node:
        column, left = self._next.column, self._sum()
        if (sign := self._take(*COMPARISONS)) is None:
            return left
        right_column, right = self._next.column, self._sum()
        if self._next.text in COMPARISONS:
            raise self._wrong("one comparison at a time: join two by `and`")
        return Comparison(sign.text, self._number(left, column), self._number(right, right_column))

    def _sum(self) -> Node:
        return self._arithmetic(("+", "-"), lambda: self._arithmetic(("*", "/"), self._factor))

    def _arithmetic(self, signs: tuple[str, ...], part: _Part) -> Node:
        column, left = self._next.column, part()
        while sign := self._take(*signs):
            right_column, right = self._next.column, part()
            left = Arithmetic(sign.text, self._number(left, column), self._number(right, right_column))
        return left

    def _factor(self) -> Node:
        token = self._next
        if self._take("-"):
            return Arithmetic("-", Number(0.0), self._number(self._deeper(self._factor), token.column + 1))
        if self._take("("):
            inner = self._deeper(self.condition)
            self._need(")")
            return inner
        if token.kind == "number":
            self._place += 1
            return Number(float(token.text))
        if token.kind == "word" and token.text not in _LOGIC:
            self._place += 1
            return self._window(token) if token.text in WINDOWS else self._name(token)
        raise self._wrong("a number, a quantity or a `(` is missing")

    def _name(self, token: _Token) -> Node:
        if token.text not in INPUTS:
            allowed = ", ".join((*INPUTS, *(f"{w}(.., 1 h)" for w in WINDOWS)))
            raise ExpressionError(f"column {token.column}: unknown quantity {token.text!r}; allowed: {allowed}")
        return Name(token.text)

    def _window(self, token: _Token) -> Node:
        if self._in_window:
            raise ExpressionError(f"column {token.column}: no {token.text} inside another one")
        self._need("(")
        self._in_window = True
        column, inner = self._next.column, self._deeper(self._sum)
        self._in_window = False
        self._need(",")
        length = self._duration()
        self._need(")")
        return Window(token.text, self._number(inner, column), length)

    def _duration(self) -> int:
        number = self._next
        if number.kind != "number":
            raise self._wrong("a duration is missing: like 30 min, 2 h or 1 d")
        self._place += 1
        unit = self._take(*_UNITS)
        if unit is None:
            raise self._wrong("a duration ends in min, h or d")
        try:
            return _steps(float(number.text), unit.text)
        except ExpressionError as error:
            raise ExpressionError(f"column {number.column}: {error}") from error

    def _deeper(self, part: _Part) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"nested deeper than {_DEEPEST}")
        node = part()
        self._depth -= 1
        return node

    @staticmethod
    def _truth(node: Node, column: int) -> Node:
        if not is_truth(node):
            raise ExpressionError(f"column {column}: a number where a comparison is needed")
        return node

    @staticmethod
    def _number(node: Node, column: int) -> Node:
        if is_truth(node):
            raise ExpressionError(f"column {column}: a comparison where a number is needed")
        return node
