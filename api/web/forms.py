"""Forms of pages: small, url-encoded, read with a bound."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request

from api.problems import Problem

_MOST_BYTES = 64 * 1024


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a posted form; of a field given twice the last one.

    Raises:
        Problem: 413 too long, 415 no form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Problem(415, "A form is sent as application/x-www-form-urlencoded.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise Problem(413, f"A form of at most {_MOST_BYTES // 1024} kB is read.")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    return {name: values[-1] for name, values in fields.items()}


def read_version(form: dict[str, str]) -> int | None:
    """The alert's version that the person saw, if the form says it."""
    text = form.get("version", "")
    return int(text) if text.isdecimal() and len(text) <= 9 else None  # noqa: PLR2004 - fits the column


def local_path(text: str, default: str = "/") -> str:
    """An address of this site to go back to; anything that could lead elsewhere gives the default."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and "\n" not in text and "\r" not in text
    return text if is_local else default
