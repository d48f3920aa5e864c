"""What a user can mend: told as one message, without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Failure(Exception):  # noqa: N818 - it is the message, not a kind of error
    """Ends the command with exit code 1 and this text on stderr."""


@contextmanager
def told(*kinds: type[Exception], ending: str = "") -> Iterator[None]:
    """Turn these exceptions, whose texts are written for users, into the command's end; `ending` follows the text."""
    try:
        yield
    except kinds as error:
        raise Failure(text_of(error) + ending) from error


def text_of(error: Exception) -> str:
    """The error for a user: of the system's own, the file first and no number."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
