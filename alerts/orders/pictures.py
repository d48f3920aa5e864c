"""Photos as they are taken in: known by their content, bounded, turned upright, and written anew without metadata."""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, UnidentifiedImageError

from alerts.words import Language

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 25_000_000
LONGEST_SIDE = 2048
# A progressive JPEG has about ten scans. Each takes as long as the whole photo, in a few bytes of the file.
MOST_SCANS = 64
_QUALITY = 82
_SCAN = b"\xff\xda"  # in a scan itself a byte FF is never followed by it
_FORMATS = ("JPEG", "PNG", "WEBP")
_ORIENTATION = 0x0112
_T = Image.Transpose
_TURNS = {
    2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM, 5: _T.TRANSPOSE, 6: _T.ROTATE_270,
    7: _T.TRANSVERSE, 8: _T.ROTATE_90,
}  # fmt: skip
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


_WORDS: dict[Refusal, tuple[str, str]] = {
    Refusal.EMPTY: ("照片是空文件。", "The photo is empty."),
    Refusal.TOO_LARGE: (
        f"照片不能超过 {MOST_BYTES // 1024 // 1024} MB。",
        f"A photo may have {MOST_BYTES // 1024 // 1024} MB.",
    ),
    Refusal.TOO_MANY_PIXELS: (
        f"照片不能超过 {MOST_PIXELS // 10_000} 万像素。",
        f"A photo may have {MOST_PIXELS // 1_000_000} megapixels.",
    ),
    Refusal.HEIC: (
        "这是 HEIC 照片（与文件名无关），请以 JPEG 发送（手机相机设置“兼容性最佳”）。",
        "This is a HEIC photo, whatever it is named: send it as JPEG (camera setting 'most compatible').",
    ),
    Refusal.OTHER_TYPE: (
        "这不是可以接收的照片（与文件名无关）；可用：JPEG、PNG、WebP。",
        "This is no photo that is read here, whatever it is named; allowed: JPEG, PNG, WebP.",
    ),
    Refusal.DAMAGED: ("照片已损坏或不完整。", "The photo is damaged or not whole."),
    Refusal.TOO_MANY: ("照片数量已达上限。", "There are as many photos as there may be."),
}


class PictureError(Exception):
    """The photo is not taken; `reason` says why, `texts` in each language."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(_WORDS[reason][1])
        self.reason = reason
        self.texts = dict(zip((language.value for language in Language), _WORDS[reason], strict=True))


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
    if content.startswith(b"\xff\xd8\xff") and content.count(_SCAN) > MOST_SCANS:
        raise PictureError(Refusal.DAMAGED)
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
        if image.format in {"JPEG", "MPO"}:  # MPO: a JPEG with more pictures behind it, as phones make them
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # decoded smaller where it is much larger
        image.load()
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # first, so that nothing large is copied
        return _as_jpeg(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    """As the camera was held, where the metadata can be read: a fault in them is no fault of the photo."""
    try:
        turn = _TURNS.get(int(image.getexif().get(_ORIENTATION, 1)))
    except Exception:  # noqa: BLE001 - they are of outside too
        turn = None
    return image if turn is None else image.transpose(turn)


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
