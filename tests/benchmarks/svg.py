"""Line charts as SVG, by hand: what a browser and a repository's page show without a library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
HEIGHT: Final = 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 190, 44, 48
"""Margins; the names of the lines stand to the right."""
_COLOURS: Final = ("#0b62a8", "#c4511b", "#2a7f3f", "#7b4ba3", "#8a6d00", "#4a4a4a")
_INK, _GRID = "#333333", "#e3e3e3"
_NAME_HEIGHT: Final = 18
_TICKS: Final = 6


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its spread, which is the value itself where there is none."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Axis:
    """Values to places along `length` pixels; `log`: by powers of ten."""

    low: float
    high: float
    length: float
    log: bool

    def place(self, value: float) -> float:
        low, high, value = (self._scaled(one) for one in (self.low, self.high, value))
        return (value - low) / (high - low or 1) * self.length

    def ticks(self) -> list[float]:
        if not self.log:
            step = _step((self.high - self.low) / _TICKS)
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            return [number * step for number in range(first, last + 1)]
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        heads = (1, 2, 5) if len(decades) <= 3 else (1,)
        found = [head * 10.0**decade for decade in decades for head in heads]
        return [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.log else value


def chart(title: str, x: str, y: str, lines: Mapping[str, Sequence[Dot]], log_x: bool = False, log_y: bool = False) -> str:
    """One chart. Raises ValueError where no line has a value, or a logarithmic axis has one that is not above 0."""
    across, up = _axes(lines, log_x, log_y)
    body = [_text(_LEFT, 24, title, size=15, weight="bold"), *_grid(across, up, x, y)]
    for colour, (name, dots), row in zip(_cycle(len(lines)), lines.items(), range(len(lines)), strict=True):
        body += _line(across, up, dots, colour)
        body += _named(name, colour, row)
    return _document(body)


def _axes(lines: Mapping[str, Sequence[Dot]], log_x: bool, log_y: bool) -> tuple[Axis, Axis]:
    dots = [dot for found in lines.values() for dot in found]
    if not dots:
        raise ValueError("nothing to draw")
    xs, ys = [dot.x for dot in dots], [value for dot in dots for value in (dot.low, dot.high, dot.y)]
    if (log_x and min(xs) <= 0) or (log_y and min(ys) <= 0):
        raise ValueError("a logarithmic axis begins above 0")
    across = Axis(min(xs), max(xs), WIDTH - _LEFT - _RIGHT, log_x)
    low, high = (_round_log(ys)) if log_y else (0.0, _top(max(ys)))
    return across, Axis(low, high, HEIGHT - _TOP - _BOTTOM, log_y)


def _top(value: float) -> float:
    """The tick above."""
    step = _step(value / _TICKS)
    return math.ceil(value / step) * step


def _step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least `rough`; 1 for nothing."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(head * power for head in (1, 2, 5, 10) if head * power >= rough * 0.999)


def _round_log(values: Sequence[float]) -> tuple[float, float]:
    return 10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values)) + 1e-9)


def _cycle(count: int) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]


def _grid(across: Axis, up: Axis, x: str, y: str) -> list[str]:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    found = [_text(_LEFT, 39, y, fill="#666666"), _text((_LEFT + right) / 2, HEIGHT - 10, x, anchor="middle", fill="#666666")]
    for value in up.ticks():
        place = bottom - up.place(value)
        found.append(_stroke(_LEFT, place, right, place, _GRID))
        found.append(_text(_LEFT - 8, place + 4, _number(value), anchor="end"))
    for value in across.ticks():
        place = _LEFT + across.place(value)
        found.append(_stroke(place, bottom, place, bottom + 5, _INK))
        found.append(_text(place, bottom + 20, _number(value), anchor="middle"))
    return [*found, _stroke(_LEFT, bottom, right, bottom, _INK)]


def _line(across: Axis, up: Axis, dots: Sequence[Dot], colour: str) -> list[str]:
    places = [
        (_LEFT + across.place(dot.x), *(HEIGHT - _BOTTOM - up.place(one) for one in (dot.y, dot.low, dot.high))) for dot in dots
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in places)
    found = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    found += [_stroke(x, low, x, high, colour) for x, _, low, high in places if low != high]
    if len(places) <= 20:
        found += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y, *_ in places]
    return found


def _named(name: str, colour: str, row: int) -> list[str]:
    x, y = WIDTH - _RIGHT + 14, _TOP + 8 + row * _NAME_HEIGHT
    return [f'<rect x="{x}" y="{y - 4}" width="14" height="4" fill="{colour}"/>', _text(x + 20, y + 2, name)]


def _number(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.6g}"


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, size: int = 12, anchor: str = "start", weight: str = "normal", fill: str = _INK) -> str:
    style = f'font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _document(body: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    return "\n".join([f'{head} font-family="system-ui, sans-serif">', ground, *body, "</svg>"]) + "\n"
