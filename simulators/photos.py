"""Drawn photos of a washroom's pipe, leaking or mended, for the demo's reports and work orders."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

_SIZE = (1200, 900)
_TILE = 150
_FLOOR_Y = 700
_WALL, _JOINT, _FLOOR = (222, 226, 222), (188, 194, 192), (150, 152, 150)
_STEEL, _LIGHT, _DARK = (158, 164, 170), (205, 210, 214), (104, 110, 116)
_BRASS, _WATER, _WET = (196, 158, 82), (120, 168, 196), (112, 122, 128)
_TAKEN = (800, 600)
_QUALITY = 80


def pipe_photo(seed: int, *, is_leaking: bool) -> bytes:
    """A JPEG of 800 x 600 pixels; the same seed gives the same place, before and after."""
    place = np.random.default_rng(seed)
    pipe_x = int(place.integers(420, 700))
    joint_y = int(place.integers(260, 420))
    image = Image.new("RGB", _SIZE, _WALL)
    draw = ImageDraw.Draw(image)
    _draw_room(draw, int(place.integers(0, _TILE)))
    _draw_pipe(draw, pipe_x, joint_y)
    if is_leaking:
        _draw_water(draw, np.random.default_rng(seed + 1), pipe_x, joint_y)
    else:
        draw.rectangle((pipe_x - 52, joint_y - 34, pipe_x + 52, joint_y + 34), _BRASS, _DARK, 3)
        draw.rounded_rectangle((pipe_x - 14, joint_y - 96, pipe_x + 14, joint_y - 30), 8, (176, 60, 48), _DARK, 3)
    return _as_taken(image, np.random.default_rng(seed + 2 + is_leaking))


def _draw_room(draw: ImageDraw.ImageDraw, shift: int) -> None:
    width, height = _SIZE
    for x in range(-shift, width, _TILE):
        draw.line((x, 0, x, _FLOOR_Y), _JOINT, 4)
    for y in range(_TILE // 2, _FLOOR_Y, _TILE):
        draw.line((0, y, width, y), _JOINT, 4)
    draw.rectangle((0, _FLOOR_Y, width, height), _FLOOR)
    draw.line((0, _FLOOR_Y, width, _FLOOR_Y), _DARK, 6)


def _draw_pipe(draw: ImageDraw.ImageDraw, x: int, joint_y: int) -> None:
    for left, right, colour in ((-32, 32, _STEEL), (-22, -8, _LIGHT), (18, 32, _DARK)):
        draw.rectangle((x + left, 0, x + right, _FLOOR_Y), colour)
    for y in (90, joint_y, 600):
        draw.rectangle((x - 46, y - 26, x + 46, y + 26), _STEEL, _DARK, 3)
        draw.line((x - 30, y - 20, x - 30, y + 20), _LIGHT, 10)


def _draw_water(draw: ImageDraw.ImageDraw, chance: np.random.Generator, x: int, joint_y: int) -> None:
    for _ in range(7):  # from the joint over the pipe and the wall
        start, drift = x + int(chance.integers(-40, 40)), int(chance.integers(-30, 90))
        draw.line((start, joint_y + 24, start + drift, _FLOOR_Y), _WATER, int(chance.integers(4, 12)))
    for _ in range(60):
        cx, cy = x + int(chance.normal(40, 110)), int(chance.integers(joint_y, _FLOOR_Y))
        size = int(chance.integers(3, 8))
        draw.ellipse((cx, cy, cx + size, cy + 2 * size), _WATER)
    draw.ellipse((x - 330, _FLOOR_Y + 20, x + 400, _FLOOR_Y + 170), _WET)
    draw.ellipse((x - 250, _FLOOR_Y + 40, x + 300, _FLOOR_Y + 140), _WATER)
    draw.ellipse((x - 120, _FLOOR_Y + 55, x + 120, _FLOOR_Y + 85), _LIGHT)


def _as_taken(image: Image.Image, chance: np.random.Generator) -> bytes:
    """A little out of focus, grainy, darker at the edges."""
    pixels = np.array(image.filter(ImageFilter.GaussianBlur(2.5)).resize(_TAKEN), np.float32)
    height, width, _ = pixels.shape
    y = np.linspace(-0.4, 0.6, height, dtype=np.float32)[:, None]
    x = np.linspace(-0.45, 0.55, width, dtype=np.float32)
    pixels *= (1.05 - 0.55 * np.hypot(x, y) ** 1.5)[..., None]
    pixels += 5 * chance.standard_normal((height, width, 1), np.float32)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
