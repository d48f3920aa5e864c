"""Frames inside MQTT payloads: raw bytes, hex or base64 text, or such text inside a JSON object. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

import msgspec

_decode_json = msgspec.json.Decoder().decode
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[\s:,-]*)+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}={0,2}")
_SEPARATORS = re.compile(r"[\s:,-]")
_DEEPEST = 6


def candidates(payload: bytes) -> Iterator[bytes]:
    """The bytes that a payload may carry, the likeliest first."""
    text = _text(payload)
    if text is None:
        yield payload
        return
    if text[:1] in {"{", "[", '"'}:
        try:
            document = _decode_json(payload)
        except (ValueError, RecursionError):
            document = None
        for member in _strings(document, 0):
            yield from _bytes_of(member)
    yield from _bytes_of(text)
    yield payload


def _text(payload: bytes) -> str | None:
    try:
        text = payload.decode("ascii").strip()
    except UnicodeDecodeError:
        try:
            text = payload.decode("utf-8").strip()
        except UnicodeDecodeError:
            return None
    return text if (text and text.isprintable()) or "\n" in text else None


def _strings(document: Any, depth: int) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list) and depth < _DEEPEST:
        for member in document.values() if isinstance(document, dict) else document:
            yield from _strings(member, depth + 1)
    if isinstance(document, list) and document and all(isinstance(b, int) and 0 <= b <= 255 for b in document):  # noqa: PLR2004
        yield bytes(document).hex()


def _bytes_of(text: str) -> Iterator[bytes]:
    text = text.strip()
    if _HEX.fullmatch(text):
        digits = _SEPARATORS.sub("", text)
        if len(digits) % 2 == 0:
            yield bytes.fromhex(digits)
    if _BASE64.fullmatch(text) and len(text) % 4 == 0:
        try:
            yield base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return
