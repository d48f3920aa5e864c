"""Draws the icons of the installed app: `python docs/make_icons.py`. The shapes are those of `api/web/static/logo.svg`.

An icon that a phone masks to its own shape is full to the edge, its drawing within the inner four fifths.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

STATIC = Path(__file__).parents[1] / "api" / "web" / "static"
BOX = 32.0  # of the drawing
FINER = 8  # drawn so much larger, then made smaller: smooth edges
BRAND, WATER, SPARK = "#0d5c7d", "#e9f6fb", "#e39a1b"
DROP_TOP, DROP_SHOULDER, RADIUS = (16.0, 4.5), (23.9, 18.1), 7.9
BOLT = ((17.6, 11.5), (12.3, 18.8), (15.8, 18.8), (14.5, 23.8), (19.8, 16.5), (16.3, 16.5))
# name: size in pixels, share of the drawing, corner radius as a share of the size
ICONS = {
    "icon-192.png": (192, 1.0, 0.25),
    "icon-512.png": (512, 1.0, 0.25),
    "icon-maskable-512.png": (512, 0.8, 0.0),
    "icon-apple-180.png": (180, 0.86, 0.0),
}


def _curve(points: list[tuple[float, float]], steps: int = 60) -> list[tuple[float, float]]:
    """A cubic Bezier curve."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    out = []
    for i in range(steps + 1):
        t, u = i / steps, 1 - i / steps
        weights = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
        out.append(
            (
                sum(w * x for w, x in zip(weights, (ax, bx, cx, dx), strict=True)),
                sum(w * y for w, y in zip(weights, (ay, by, cy, dy), strict=True)),
            )
        )
    return out


def _drop() -> list[tuple[float, float]]:
    right = _curve([DROP_TOP, (20.6, 9.8), (23.9, 13.9), DROP_SHOULDER])
    left = [(BOX - x, y) for x, y in reversed(right)]
    return [*right, *left]


def draw(size: int, share: float, corner: float) -> Image.Image:
    """One icon of so many pixels."""
    large = size * FINER
    image = Image.new("RGBA", (large, large), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, large - 1, large - 1), corner * large, fill=BRAND)
    scale, edge = large / BOX * share, large * (1 - share) / 2

    def placed(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(edge + x * scale, edge + y * scale) for x, y in points]

    pen.polygon(placed(_drop()), fill=WATER)
    middle = DROP_SHOULDER[1]
    pen.ellipse(
        (*placed([(16 - RADIUS, middle - RADIUS)])[0], *placed([(16 + RADIUS, middle + RADIUS)])[0]), fill=WATER
    )
    pen.polygon(placed(list(BOLT)), fill=SPARK)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    for name, (size, share, corner) in ICONS.items():
        draw(size, share, corner).save(STATIC / name, optimize=True)
        print(STATIC / name)


if __name__ == "__main__":
    main()
