"""Conversations with a meter without I/O: a generator puts questions and is sent what came, then states values.

dialogue = dlt645.read(...)            # questions one after the other
question = next(dialogue)              # what to send, and how to tell the answer
question = dialogue.send(frame)        # the answer; None where an optional one did not come
StopIteration.value                    # the Statement
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from collector.statement import Statement


@dataclass(frozen=True, slots=True)
class Question:
    """`find` looks for the answer in all that came since the question; `longest` is the answer's most bytes.

    is_optional  no answer is an answer too: the dialogue goes on with None
    """

    request: bytes
    find: Callable[[bytes], Any | None]
    longest: int
    is_optional: bool = False


Dialogue = Generator[Question, Any, Statement]


class RefusedByMeterError(Exception):
    """The meter answers that it will not or cannot say this; the message has its reason."""
