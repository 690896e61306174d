"""What the drawings are made of: boxes, arrows, tiles with a garment, and words, as SVG elements.

Real is blue with a solid line, generated is vermilion with a dashed one, as everywhere in the book.
Each colour stands in an element's own `style`, where custom.css finds it and replaces it in the
dark mode.
"""

import base64
import io
import math
import re

from PIL import Image

from ganlib import viz

# In small letters, as custom.css has them.
INK, PAPER, MUTED = viz.INK.lower(), viz.PAPER.lower(), viz.REFERENCE.lower()
REAL, FAKE = viz.REAL.lower(), viz.FAKE.lower()
GENERATOR, DISCRIMINATOR = viz.GENERATOR.lower(), viz.DISCRIMINATOR.lower()
_AS_TEXT = {FAKE: "#a34200"}  # a contrast of 4.5, which letters need and lines do not

WIDTH = 520  # CSS pixels: on a phone, 350 of them, a letter of 16 is still 11 high
_HEAD = 9  # an arrow's head
_FONT = "font-family: 'DejaVu Sans', sans-serif"

# Outlines on a grid of 28, like the images that they stand for.
GARMENTS = {
    "shirt": "M9 5L11.5 4C12.5 6 15.5 6 16.5 4L19 5L25 10.5L22 14L20 12.5V24H8V12.5L6 14L3 10.5Z",
    "pullover": "M9 5L11.5 4H16.5L19 5L25 22L21.5 23.5L19 15V24H9V15L6.5 23.5L3 22Z",
    "trousers": "M9 3H19L21 25H16L14 11L12 25H7Z",
    "dress": "M10.5 3H12.5C13 5.5 15 5.5 15.5 3H17.5V10L22 25H6L10.5 10Z",
    "boot": "M8 4H14.5V13C16.5 16.5 23 15.5 24.5 19.5V23.5H8Z",
    "bag": "M4 11H9C9 2.5 19 2.5 19 11H24V24H4ZM11.5 11H16.5C16.5 5.5 11.5 5.5 11.5 11Z",
}


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _spans(words: str) -> str:
    """Returns words with *letters* in italics and an index after each underscore, as in L_D."""
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    words = re.sub(r"\*([^*]+)\*", r'<tspan style="font-style: italic">\1</tspan>', words)
    lower = (
        r'<tspan dy="0.25em" style="font-size: 75%">\1</tspan><tspan dy="-0.19em">&#8203;</tspan>'
    )
    return re.sub(r"_(\w)", lower, words)


class Pen:
    """Draws on a sheet as wide as the book's drawings are.

    Args:
        height: of the sheet in CSS pixels; its width is `WIDTH`.
    """

    def __init__(self, height: float):
        self.height = height
        self._elements: list[str] = []

    def path(self, outline: str, style: str, transform: str = "") -> None:
        """Draws an outline, given as in SVG, in a style, given as in CSS."""
        moved = f' transform="{transform}"' if transform else ""
        self._elements.append(f'<path d="{outline}" style="{style}"{moved}/>')

    def text(self, x, y, words, colour=INK, size=16, anchor="middle") -> None:
        """Writes lines of words; ``y`` is the baseline of the first."""
        colour = _AS_TEXT.get(colour, colour)
        style = f"font-size: {size}px; {_FONT}; text-anchor: {anchor}; fill: {colour}"
        for line, part in enumerate(words.split("\n")):
            place = f'x="{_number(x)}" y="{_number(y + 1.25 * size * line)}"'
            self._elements.append(f'<text {place} style="{style}">{_spans(part)}</text>')

    def rectangle(self, place, colour, dashed=False, tint=0.12, corner=4) -> None:
        """Draws a rectangle at ``place``: left, top, width, height."""
        x, y, width, height = map(_number, place)
        style = f"fill: {colour}; fill-opacity: {tint}; stroke: {colour}; stroke-width: 1.6"
        style += "; stroke-dasharray: 4 3" if dashed else ""
        where = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="{corner}"'
        self._elements.append(f'<rect {where} style="{style}"/>')

    def box(self, place, words, colour, dashed=False) -> None:
        """Draws a rectangle with words in its middle."""
        self.rectangle(place, colour, dashed)
        x, y, width, height = place
        first = y + height / 2 + 5.5 - 10 * words.count("\n")
        self.text(x + width / 2, first, words, colour)

    def line(self, points, colour=INK, dashed=False, width=1.6) -> None:
        """Draws straight pieces through points (x, y)."""
        style = f"fill: none; stroke: {colour}; stroke-width: {width}"
        style += "; stroke-dasharray: 5 4" if dashed else ""
        self.path("M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points), style)

    def arrow(self, points, colour=INK, dashed=False, width=1.6) -> None:
        """Draws a line whose last point carries a head."""
        (x0, y0), (x, y) = points[-2:]
        length = math.hypot(x - x0, y - y0)
        dx, dy = (x - x0) / length * _HEAD, (y - y0) / length * _HEAD
        self.line([*points[:-1], (x - 0.8 * dx, y - 0.8 * dy)], colour, dashed, width)
        corners = [(x, y), (x - dx + dy / 2, y - dy - dx / 2), (x - dx - dy / 2, y - dy + dx / 2)]
        outline = "M" + "L".join(f"{_number(a)} {_number(b)}" for a, b in corners) + "Z"
        self.path(outline, f"fill: {colour}")

    def barrier(self, x, y, colour=INK) -> None:
        """Draws the double stroke at which something from the right or left ends."""
        for shift in (-2.5, 2.5):
            self.line([(x + shift, y - 9), (x + shift, y + 9)], colour, width=2.4)

    def tile(self, x, y, side, garment, real: bool | None) -> None:
        """Draws an image: a garment in a frame, solid and blue if real, dashed if generated."""
        colour = {True: REAL, False: FAKE, None: INK}[real]
        self.rectangle((x, y, side, side), colour, dashed=real is False, tint=0.06, corner=2)
        scale = f"translate({_number(x)} {_number(y)}) scale({_number(side / 28)})"
        self.path(GARMENTS[garment], f"fill: {colour}; fill-rule: evenodd", scale)

    def image(self, x, y, side, pixels, real: bool | None = None) -> None:
        """Shows uint8 pixels (height, width, channels) as crisp squares, framed as a tile is."""
        buffer = io.BytesIO()
        picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        picture.save(buffer, "PNG", optimize=True)
        place = " ".join(f'{k}="{_number(v)}"' for k, v in zip("xy", (x, y), strict=True))
        source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        size = f'width="{_number(side)}" height="{_number(side)}"'
        crisp = 'style="image-rendering: pixelated"'
        self._elements.append(f'<image {place} {size} {crisp} href="{source}"/>')
        if real is not None:
            style = f"fill: none; stroke: {REAL if real else FAKE}; stroke-width: 2"
            style += "" if real else "; stroke-dasharray: 4 3"
            self._elements.append(f'<rect {place} {size} style="{style}"/>')

    def ring(self, place) -> None:
        """Draws a strong frame around a place: left, top, width, height."""
        x, y, width, height = map(_number, place)
        where = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="6"'
        style = f"fill: none; stroke: {GENERATOR}; stroke-width: 3"
        self._elements.append(f'<rect {where} style="{style}"/>')

    def noise(self, x, y, side, seed=1) -> None:
        """Draws a square of greys without order."""
        cell, state = side / 6, seed
        for row in range(6):
            for column in range(6):
                state = (1103515245 * state + 12345) % 2**31
                shade = _number(0.1 + 0.008 * ((state >> 16) % 100))
                where = f'x="{_number(x + cell * column)}" y="{_number(y + cell * row)}"'
                size = f'width="{_number(cell)}" height="{_number(cell)}"'
                style = f"fill: {MUTED}; fill-opacity: {shade}"
                self._elements.append(f'<rect {where} {size} style="{style}"/>')

    def svg(self) -> str:
        """Returns the drawing as one SVG element, on paper that the book's pages take away."""
        size = f'width="{WIDTH}" height="{_number(self.height)}"'
        box = f'viewBox="0 0 {WIDTH} {_number(self.height)}"'
        root = f'<svg class="ganlib-figure" {size} {box} xmlns="http://www.w3.org/2000/svg">'
        sheet = f"M0 0H{WIDTH}V{_number(self.height)}H0Z"
        paper = f'<g class="paper"><path d="{sheet}" style="fill: {PAPER}"/></g>'
        return "\n".join([root, paper, *self._elements, "</svg>"]) + "\n"
