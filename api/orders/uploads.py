"""Photos as they come in over HTTP: read with a bound, whatever the request says of itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Depends
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from alerts.orders.pictures import MOST_BYTES, Picture, PictureError, Refusal, take_picture
from api.problems import Problem

MOST_FORM_BYTES = 42 * 1024 * 1024  # four photos and what is written with them
MOST_FORM_PHOTOS = 4
_MOST_FIELDS = 60
_MOST_FIELD_BYTES = 64 * 1024
_STATUS = {Refusal.TOO_LARGE: 413, Refusal.HEIC: 415, Refusal.OTHER_TYPE: 415}


def refused(error: PictureError) -> Problem:
    """413 too large, 415 of another type, 422 damaged or of too many pixels; with words in both languages."""
    return Problem(_STATUS.get(error.reason, 422), str(error), code=error.reason.value, texts=error.texts)


class _TooLongError(MultiPartException):
    """More is sent than is read. The parser of forms gives back what it has for it."""

    def __init__(self) -> None:
        super().__init__("too long")


class _WholeForm(MultiPartParser):
    """Takes only a form that comes to its end: half of a photo is none, and no report without it is meant."""

    _has_ended = False

    def on_end(self) -> None:
        self._has_ended = True

    async def parse(self) -> FormData:
        form = await super().parse()
        if not self._has_ended:
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException("cut short")
        return form


async def read_photo(request: Request) -> bytes:
    """The body, of at most 10 MB: not a byte more is kept, and nothing is read of one that says it has more.

    Raises:
        Problem: 413.
    """
    body = bytearray()
    try:
        async for chunk in _bounded(request, MOST_BYTES):
            body += chunk
    except _TooLongError as error:
        raise too_large(MOST_BYTES) from error
    return bytes(body)


async def take(content: bytes) -> Picture:
    """The photo as it is kept. Raises: Problem."""
    try:
        return await to_thread.run_sync(take_picture, content, limiter=_decoder())
    except PictureError as error:
        raise refused(error) from error


_decoders: RunVar[CapacityLimiter] = RunVar("_decoders")


def _decoder() -> CapacityLimiter:
    """One photo at a time, and who waits holds no thread: these serve all pages."""
    try:
        return _decoders.get()
    except LookupError:
        _decoders.set(CapacityLimiter(1))
        return _decoders.get()


def is_multipart(headers: Headers) -> bool:
    """Whether the request brings a form with files."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data"


def _charset_of(headers: Headers) -> str:
    """What the form says of its texts, by whatever parser that reads it; empty where it says nothing."""
    return parse_options_header(headers.get("content-type"))[1].get(b"charset", b"").decode("latin-1").strip().lower()


async def read_upload_form(request: Request) -> FormData:
    """A form with photos, read once: files lie on the disk until they are asked for.

    Raises:
        Problem: 413 too long, 415 no such form, 422 it cannot be read.
    """
    if not is_multipart(request.headers):
        raise Problem(415, "A form with photos is sent as multipart/form-data.")
    if _charset_of(request.headers) not in {"", "utf-8"}:  # some codecs take a minute for a megabyte
        raise Problem(415, "A form is sent in UTF-8.")
    if not hasattr(request.state, "upload_form"):
        parser = _WholeForm(
            request.headers,
            _bounded(request, MOST_FORM_BYTES),
            max_files=MOST_FORM_PHOTOS * 2,
            max_fields=_MOST_FIELDS,
            max_part_size=_MOST_FIELD_BYTES,
        )
        try:
            request.state.upload_form = await parser.parse()
        except _TooLongError as error:
            raise too_large(MOST_FORM_BYTES) from error
        except (MultiPartException, KeyError, ValueError, UnicodeError) as error:
            raise Problem(
                422, "The form cannot be read: it is damaged or cut short, or too much stands in it."
            ) from error
    form: FormData = request.state.upload_form
    return form


async def close_upload_form(request: Request) -> None:
    """Give the files of a form back, if one was read."""
    if hasattr(request.state, "upload_form"):
        await request.state.upload_form.close()


async def get_upload_form(request: Request) -> AsyncGenerator[FormData, None]:
    """The form of a route, closed once it is answered. Raises: as `read_upload_form`."""
    form = await read_upload_form(request)
    try:
        yield form
    finally:
        await form.close()


UploadForm = Annotated[FormData, Depends(get_upload_form)]


def text_of(form: FormData, name: str) -> str:
    """A field as text; empty where it is none."""
    value: Any = form.get(name, "")
    return value if isinstance(value, str) else ""


async def pictures_of(form: FormData, name: str = "photo") -> list[Picture]:
    """The photos of a form, one after the other so that one at a time is in memory. A file field left empty is none.

    Raises:
        PictureError.
    """
    files = [f for f in form.getlist(name) if isinstance(f, UploadFile) and f.size]
    if len(files) > MOST_FORM_PHOTOS:
        raise PictureError(Refusal.TOO_MANY)
    out = []
    for file in files:
        if (file.size or 0) > MOST_BYTES:
            raise PictureError(Refusal.TOO_LARGE)
        async with _decoder():  # the file too: of all that wait none is in memory
            out.append(await to_thread.run_sync(take_picture, await file.read()))
    return out


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """Raises: _TooLongError."""
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > most:
        raise _TooLongError
    taken = 0
    async for chunk in request.stream():
        taken += len(chunk)
        if taken > most:
            raise _TooLongError
        yield chunk


def too_large(most: int) -> Problem:
    """413, with words in both languages."""
    megabytes = most // 1024 // 1024
    texts = {"zh-CN": f"上传内容不能超过 {megabytes} MB。", "en": f"At most {megabytes} MB are read."}
    return Problem(413, texts["en"], code=Refusal.TOO_LARGE.value, texts=texts)
