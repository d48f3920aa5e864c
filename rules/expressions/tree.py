"""A parsed condition: numbers made of quantities, and truths made of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """A number as written."""

    value: float


@dataclass(frozen=True)
class Name:
    """A quantity, or `hour`."""

    name: str


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers and + - * or /."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Window:
    """`min`, `max`, `mean` or `sum` of a number over the last `length` steps."""

    function: str
    inner: Node
    length: int


@dataclass(frozen=True)
class Comparison:
    """Two numbers compared: a truth."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Logic:
    """`and` or `or` of two truths, `not` of the left alone."""

    word: str
    left: Node
    right: Node | None = None


Node = Number | Name | Arithmetic | Window | Comparison | Logic


def is_truth(node: Node) -> bool:
    """Whether it is true or false; else it is a number."""
    return isinstance(node, Comparison | Logic)


def every_node(node: Node) -> Iterator[Node]:
    """The node and all below it, from left to right."""
    yield node
    match node:
        case Window(_, inner, _):
            yield from every_node(inner)
        case Arithmetic(_, left, right) | Comparison(_, left, right) | Logic(_, left, right):
            yield from every_node(left)
            if right is not None:
                yield from every_node(right)
        case _:
            pass
