"""Forms of pages: small, url-encoded, read with a bound."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Path
from starlette.requests import Request

from api.problems import Problem

_MOST_BYTES = 64 * 1024
_LONG = {"/head-counts": 2**21, "/head-counts/preview": 2**21}  # a file of thousands of rooms, as text
_MOST_FIELDS = 600
_COST = re.compile(r"[0-9]{1,8}([.,][0-9]{1,2})?")


def is_form(request: Request) -> bool:
    """Whether the request brings a form."""
    return request.headers.get("content-type", "").partition(";")[0].strip() == "application/x-www-form-urlencoded"


async def read_fields(request: Request) -> dict[str, list[str]]:
    """The fields of a posted form, each with all its values. Read once: who asks later gets the same.

    Raises:
        Problem: 413 too long, 415 no form.
    """
    if not is_form(request):
        raise Problem(415, "A form is sent as application/x-www-form-urlencoded.")
    if not hasattr(request.state, "fields"):
        body, most = bytearray(), _LONG.get(request.url.path, _MOST_BYTES)
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise Problem(413, f"A form of at most {most // 1024} kB is read.")
        try:
            text = body.decode("utf-8", "replace")
            request.state.fields = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError as error:
            raise Problem(413, f"A form of at most {_MOST_FIELDS} fields is read.") from error
    fields: dict[str, list[str]] = request.state.fields
    return fields


async def read_form(request: Request) -> dict[str, str]:
    """The same with one value a field; of a field given twice the last one. Raises: as `read_fields`."""
    return {name: values[-1] for name, values in (await read_fields(request)).items()}


# As large as every database counts, and every reader of JSON.
RowId = Annotated[int, Path(ge=1, le=2**53)]
Fields = Annotated[dict[str, list[str]], Depends(read_fields)]
Form = Annotated[dict[str, str], Depends(read_form)]


def read_version(form: dict[str, str]) -> int | None:
    """The alert's version that the person saw, if the form says it."""
    return version_of(form.get("version", ""))


def version_of(text: str) -> int | None:
    """A version as a page writes it; None for what is none."""
    return int(text) if text.isdecimal() and len(text) <= 9 else None  # noqa: PLR2004 - fits the column


def cost_of(text: str) -> float | None:
    """What a repair cost; None where nothing was written. Raises: Problem 422."""
    if not (written := text.strip()):
        return None
    if _COST.fullmatch(written) is None:
        raise Problem(422, f"A cost is a number such as 380 or 380.50, not {written[:20]!r}.")
    return float(written.replace(",", "."))


def local_path(text: str, default: str = "/") -> str:
    """An address of this site to go back to; anything that could lead elsewhere gives the default."""
    # Browsers leave out tabs and line ends, so what follows them would come next to the first slash.
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local else default
