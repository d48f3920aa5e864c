"""Flux queries as syntax trees, which the server takes in place of text: what comes from outside is always a literal.

InfluxDB OSS has no query parameters, and constants given beside a text (`extern`) are not seen by the storage engine,
which filters only by literals. A tree of literals has neither fault: there is no text that an id could break out of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Node = dict[str, Any]


def string(text: str) -> Node:
    """A string, whatever is in it."""
    return {"type": "StringLiteral", "value": text}


def integer(value: int) -> Node:
    """A whole number; 64 bits do not fit into every JSON reader, so it travels as text."""
    return {"type": "IntegerLiteral", "value": str(value)}


def boolean(value: bool) -> Node:
    """True or false: names that Flux itself defines."""
    return _identifier("true" if value else "false")


def moment(time: np.datetime64) -> Node:
    """A time, UTC, to the millisecond."""
    return {"type": "DateTimeLiteral", "value": f"{np.datetime_as_string(time.astype('datetime64[ms]'))}Z"}


def duration(ms: int) -> Node:
    """A length of time in milliseconds."""
    return {"type": "DurationLiteral", "values": [{"magnitude": ms, "unit": "ms"}]}


def strings(values: Sequence[str]) -> Node:
    """An array of strings."""
    return {"type": "ArrayExpression", "elements": [string(value) for value in values]}


def name(text: str) -> Node:
    """Something that Flux defines, e.g. the function `sum`. Never from outside."""
    return _identifier(text)


def column(of: str) -> Node:
    """A column of the row at hand."""
    return {"type": "MemberExpression", "object": _identifier("r"), "property": string(of)}


def compare(operator: str, of: str, value: Node) -> Node:
    """A column compared with a literal: the form that the storage engine filters by."""
    return {"type": "BinaryExpression", "operator": operator, "left": column(of), "right": value}


def all_of(conditions: Sequence[Node]) -> Node:
    """Every one of them; at least one is given."""
    return _joined("and", conditions)


def any_of(conditions: Sequence[Node]) -> Node:
    """One of them at least; at least one is given. The tree is balanced, so that thousands are no deep nesting."""
    return _joined("or", conditions)


def _joined(operator: str, conditions: Sequence[Node]) -> Node:
    if len(conditions) == 1:
        return conditions[0]
    half = len(conditions) // 2
    left, right = _joined(operator, conditions[:half]), _joined(operator, conditions[half:])
    return {"type": "LogicalExpression", "operator": operator, "left": left, "right": right}


def call(function: str, **arguments: Node) -> Node:
    """A function of Flux with named arguments."""
    properties = [{"type": "Property", "key": _identifier(key), "value": value} for key, value in arguments.items()]
    given = [{"type": "ObjectExpression", "properties": properties}] if properties else []
    return {"type": "CallExpression", "callee": _identifier(function), "arguments": given}


def where(condition: Node) -> Node:
    """`filter` by a condition on the row."""
    row = {"type": "Property", "key": _identifier("r"), "value": None}
    return call("filter", fn={"type": "FunctionExpression", "params": [row], "body": condition})


def pipe(source: Node, *steps: Node) -> Node:
    """`source |> step |> step ...`."""
    for step in steps:
        source = {"type": "PipeExpression", "argument": source, "call": step}
    return source


def query(expression: Node) -> Node:
    """The body of a request: one expression whose tables come back as plain CSV, a head and rows."""
    statement = {"type": "ExpressionStatement", "expression": expression}
    file = {"type": "File", "name": "query.flux", "imports": [], "body": [statement]}
    return {
        "type": "flux",
        "ast": {"type": "Package", "package": "main", "files": [file]},
        "dialect": {"header": True, "annotations": []},
    }


def _identifier(text: str) -> Node:
    return {"type": "Identifier", "name": text}


# Only marks that are set are asked for: most values have none.
QUALITY_GIVEN = compare("!=", "_value", integer(0))
