"""Bodies that are read by hand: with a bound, also after unpacking, so that a small bomb does no harm."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from starlette.requests import Request

from api.problems import Problem

_GZIP = 16 + zlib.MAX_WBITS
_MB = 2**20


def media_type_of(request: Request) -> str:
    """The body's media type, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def bounded_body(request: Request, most: int) -> bytes:
    """The body, unpacked if it is `Content-Encoding: gzip`; refused as soon as it is longer than `most` bytes.

    Raises:
        Problem: 413 too long; 415 packed otherwise; 422 damaged.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise Problem(415, f"Content-Encoding {encoding!r} is not read here; send gzip, or none.")
    unpack = _unpacker(most) if encoding == "gzip" else lambda chunk: chunk
    chunks, size = [], 0
    async for chunk in request.stream():
        plain = unpack(chunk)
        size += len(plain)
        if size > most:
            raise Problem(413, f"At most {most // _MB} MB a request, unpacked: send it in parts.")
        chunks.append(plain)
    if encoding == "gzip":
        unpack(b"")  # says whether it came whole
    return b"".join(chunks)


def _unpacker(most: int) -> Callable[[bytes], bytes]:
    """Unpacks piece by piece, never more than one byte beyond `most`; an empty piece asks whether all has come."""
    packed = zlib.decompressobj(_GZIP)

    def unpack(chunk: bytes) -> bytes:
        if not chunk and not packed.eof:
            raise Problem(422, "The gzip body is cut short.")
        try:
            plain = packed.decompress(chunk, most + 1) if chunk else b""
        except zlib.error as error:
            raise Problem(422, f"The body is no gzip: {error}") from error
        if packed.unused_data:
            raise Problem(422, "After the gzip body comes something else.")
        return plain

    return unpack
