"""Ids as InfluxDB can hold them: tag values know no line ends, no other control characters and no backslash at the end.

Such a character, and `%` itself, is written as its UTF-8 bytes in `%XX`; every other id stands as it is.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\%]")
_ESCAPED = re.compile(rb"([,= ])")


def tag_of(identifier: str) -> str:
    """The tag value for an id of ours.

    Raises:
        ValueError: the id is empty or no valid text, which no tag can be.
    """
    if not identifier:
        raise ValueError("a meter without an id cannot be stored")
    try:
        identifier.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the id {identifier!r} is no valid text: {error.reason}") from error
    return _UNFIT.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), identifier)


def identifier_of(tag: str) -> str:
    """The id that a tag value stands for."""
    return unquote(tag, errors="strict") if "%" in tag else tag


def escaped(tag: str) -> bytes:
    """A tag value as line protocol writes it."""
    return _ESCAPED.sub(rb"\\\1", tag.encode())
