"""Photos as they are taken in: known by their content, bounded, turned upright, and written anew without metadata."""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageOps, UnidentifiedImageError

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 25_000_000
LONGEST_SIDE = 2048
_QUALITY = 82
_FORMATS = ("JPEG", "PNG", "WEBP")
# One photo at a time: 25 megapixels are 100 MB while they are decoded.
_decoding = threading.Lock()


class Refusal(StrEnum):
    """Why a photo is not taken."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    HEIC = "heic"
    OTHER_TYPE = "other_type"
    DAMAGED = "damaged"
    TOO_MANY = "too_many"


_WORDS = {
    Refusal.EMPTY: "The photo is empty.",
    Refusal.TOO_LARGE: f"A photo may have {MOST_BYTES // 1024 // 1024} MB.",
    Refusal.TOO_MANY_PIXELS: f"A photo may have {MOST_PIXELS // 1_000_000} megapixels.",
    Refusal.HEIC: "This is a HEIC photo, whatever it is named: send it as JPEG (the phone's camera settings, "
    "'most compatible').",
    Refusal.OTHER_TYPE: "This is no photo that is read here, whatever it is named; allowed: JPEG, PNG, WebP.",
    Refusal.DAMAGED: "The photo is damaged or not whole.",
    Refusal.TOO_MANY: "There are as many photos as there may be.",
}


class PictureError(Exception):
    """The photo is not taken; `reason` says why."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(_WORDS[reason])
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG that was written here."""

    content: bytes
    width: int
    height: int


def take_picture(content: bytes) -> Picture:
    """The photo as it is kept: a JPEG of at most 2048 pixels a side, upright, with no metadata at all.

    Raises:
        PictureError: it is none, or not one that is taken.
    """
    _check_type(content)
    with _decoding, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _rewritten(content)
        except PictureError:
            raise
        # Whatever a decoder meets in bytes from outside: it is the photo's fault, and never ours.
        except Exception as error:
            raise PictureError(Refusal.DAMAGED) from error


def _check_type(content: bytes) -> None:
    if not content:
        raise PictureError(Refusal.EMPTY)
    if len(content) > MOST_BYTES:
        raise PictureError(Refusal.TOO_LARGE)
    head = content[:16]
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return
    is_heic = head[4:8] == b"ftyp" and head[8:12] in {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}
    raise PictureError(Refusal.HEIC if is_heic else Refusal.OTHER_TYPE)


def _rewritten(content: bytes) -> Picture:
    try:
        image: Image.Image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        is_bomb = isinstance(error, Image.DecompressionBombError)
        raise PictureError(Refusal.TOO_MANY_PIXELS if is_bomb else Refusal.DAMAGED) from error
    with image:
        # Before a pixel is decoded: the header says how many there will be.
        if image.width * image.height > MOST_PIXELS:
            raise PictureError(Refusal.TOO_MANY_PIXELS)
        if image.format == "JPEG":
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # decoded smaller where it is much larger
        image.load()
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        return _as_jpeg(upright)


def _as_jpeg(image: Image.Image) -> Picture:
    """The pixels alone, on white where they are transparent."""
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        plain = Image.new("RGB", image.size, "white")
        plain.paste(with_alpha, mask=with_alpha.getchannel("A"))
    else:
        plain = Image.new("RGB", image.size)
        plain.paste(image.convert("RGB"))
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Picture(out.getvalue(), plain.width, plain.height)
