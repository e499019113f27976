"""Frames, labels and bar charts on a picture, of a size in proportion to it, readable on any ground."""

import math
import unicodedata
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels."""

DARK, LIGHT = (16, 16, 18), (245, 245, 245)
"""Of text, and of what lies behind it."""

_SHADE, _TRACK = (*DARK, 185), (255, 255, 255, 60)
"""Behind a chart, through which the picture is seen; and behind its bars."""

_CHART_WIDTH, _CHART_HEIGHT = 0.6, 0.25
"""Shares of a picture that a chart takes at most; a wider one has no bars."""

_LONGEST = 60
"""Letters of a name that are looked at."""

LEAST_TEXT = 10
"""Height of text in pixels, at least: smaller is not readable."""


class Pen:
    """Draws on a picture, which it changes.

    Attributes:
        size: (width, height) of the picture.
        text: height of text in pixels.

    Args:
        picture: RGB `PIL.Image.Image`.
    """

    def __init__(self, picture: Image.Image) -> None:
        self.size: tuple[int, int] = picture.size
        self.text: int = max(LEAST_TEXT, round(min(picture.size) / 36))
        self._line = max(1, round(min(picture.size) / 360))
        self._pen = ImageDraw.Draw(picture, "RGBA")
        self._font = ImageFont.load_default(self.text)

    def frame(self, box: Rectangle, colour: Colour) -> None:
        """Draw a thin rectangle with dark edges."""
        line = self._line
        x1, y1, x2, y2 = (round(value) for value in box)
        x2, y2 = max(x1, x2 - 1), max(y1, y2 - 1)
        for grown, tint, width in ((line, (*DARK, 130), 3 * line), (0, colour, line)):
            corners = [x1 - grown, y1 - grown, x2 + grown, y2 + grown]
            self._pen.rectangle(corners, outline=tint, width=width)

    def label(self, text: str, colour: Colour, left: float, bottom: float, top: float = 0.0) -> Rectangle:
        """Write text on a filled ground.

        Args:
            text: one line.
            colour: of the ground; text on it is black or white.
            left, bottom: where it is, pushed into the picture.
            top: where it shall not be above.

        Returns:
            what it covers.
        """
        pad = self.text // 4
        width, height = math.ceil(self._width(text)) + 2 * pad, self.text + 2 * pad
        x, y = self.inside(left, max(bottom - height, top), width, height)
        self._pen.rectangle([x, y, x + width - 1, y + height - 1], fill=colour, outline=(*DARK, 130))
        self._write(text, x + pad, y + height / 2, _on(colour), "lm")
        return x, y, x + width, y + height

    def most_rows(self) -> int:
        """Of a bar chart."""
        return max(1, int((_CHART_HEIGHT * self.size[1] - self.text // 2) / self._row()))

    def chart_size(self, rows: Sequence[tuple[str, float]]) -> tuple[int, int]:
        """(width, height) in pixels of a bar chart with these rows."""
        name, bar, number = self._columns(rows)
        pad = self.text // 2
        return math.ceil(name + bar + number + 4 * pad), len(rows) * self._row() + pad

    def chart(self, rows: Sequence[tuple[str, float]], colour: Colour, left: float, top: float) -> None:
        """Draw a bar chart; in a small picture, without the bars.

        Args:
            rows: of a name and a share in [0, 1].
            colour: of the bars and the edge.
            left, top: its corner.
        """
        (width, height), (name, bar, _) = self.chart_size(rows), self._columns(rows)
        pad = self.text // 2
        corners = [left, top, left + width - 1, top + height - 1]
        self._pen.rounded_rectangle(corners, radius=pad, fill=_SHADE, outline=colour, width=self._line)
        for number, (text, share) in enumerate(rows):
            middle = top + pad / 2 + (number + 0.5) * self._row()
            x, half = left + 2 * pad + name, self.text * 0.3
            self._write(self._short(text), left + pad, middle, LIGHT, "lm")
            self._write(_per_cent(share), left + width - pad, middle, LIGHT, "rm")
            if bar > 0:
                self._pen.rectangle([x, middle - half, x + bar - 1, middle + half], fill=_TRACK)
            if round(bar * share) > 0:
                self._pen.rectangle([x, middle - half, x + round(bar * share) - 1, middle + half], fill=colour)

    def inside(self, left: float, top: float, width: float, height: float) -> tuple[int, int]:
        """The corner nearest to one, of a rectangle of some size inside the picture."""
        return (
            round(max(0, min(left, self.size[0] - width))),
            round(max(0, min(top, self.size[1] - height))),
        )

    def _columns(self, rows: Sequence[tuple[str, float]]) -> tuple[float, float, float]:
        """Widths of names, bars and numbers; that of bars takes back the gap before them where there are none."""
        names, numbers = max(self._width(self._short(name)) for name, _ in rows), self._width("100 %")
        bar, pad = 4 * self.text, self.text // 2
        fits = names + bar + numbers + 4 * pad <= _CHART_WIDTH * self.size[0]
        return names, bar if fits else -pad, numbers

    def _row(self) -> int:
        return round(1.4 * self.text)

    def _short(self, name: str) -> str:
        """A name that takes at most a third of the picture, without the accents that the font lacks."""
        name = "".join(c for c in unicodedata.normalize("NFKD", name[:_LONGEST]) if not unicodedata.combining(c))
        short = name
        while len(short) > 1 and self._width(short) > self.size[0] / 3:
            short = name[: len(short.rstrip("…")) - 1].rstrip() + "…"
        return short

    def _width(self, text: str) -> float:
        return self._font.getlength(text)

    def _write(self, text: str, x: float, y: float, colour: Colour, anchor: str) -> None:
        self._pen.text((x, y), text, fill=colour, font=self._font, anchor=anchor)


def _on(ground: Colour) -> Colour:
    """Black or white, whichever is readable on a ground."""
    red, green, blue = ground
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else LIGHT


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %"
