"""Charts: well-formed, every value inside, and refused where there is nothing to draw."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.svg import HEIGHT, WIDTH, Dot, chart

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.floats(0, 1e9)


def dots(*values: tuple[float, float]) -> list[Dot]:
    return [Dot(x, y, y, y) for x, y in values]


def circles(drawn: str) -> list[tuple[float, float]]:
    return [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in ET.fromstring(drawn).iter(f"{SVG}circle")]


@given(values=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=20))
def test_every_value_is_inside(values: list[tuple[float, float]]) -> None:
    found = circles(chart("t", "x", "y", {"a": dots(*values)}))
    assert len(found) == len(values)
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in found)


@given(values=st.lists(st.tuples(st.floats(1e-3, 1e9), st.floats(1e-3, 1e9)), min_size=1, max_size=20))
def test_every_value_is_inside_by_powers_of_ten(values: list[tuple[float, float]]) -> None:
    found = circles(chart("t", "x", "y", {"a": dots(*values)}, log_x=True, log_y=True))
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in found)


def test_more_is_higher_and_further_right() -> None:
    (x1, y1), (x2, y2) = circles(chart("t", "x", "y", {"a": dots((1, 10), (2, 20))}))
    assert x2 > x1 and y2 < y1


def test_names_are_escaped_and_each_line_has_its_colour() -> None:
    drawn = chart("a < b & c", "x", "y", {"p<50": dots((1, 1)), "p99": dots((1, 2))})
    root = ET.fromstring(drawn)
    texts = {one.text for one in root.iter(f"{SVG}text")}
    assert {"a < b & c", "p<50", "p99"} <= texts
    assert len({one.attrib["stroke"] for one in root.iter(f"{SVG}polyline")}) == 2


def test_a_spread_is_a_stroke() -> None:
    assert chart("t", "x", "y", {"a": [Dot(1, 5, 2, 9)]}).count("<line") == 1 + chart(
        "t", "x", "y", {"a": [Dot(1, 9, 9, 9)]}
    ).count("<line")


@pytest.mark.parametrize("lines", [{}, {"a": []}])
def test_nothing_cannot_be_drawn(lines: dict[str, list[Dot]]) -> None:
    with pytest.raises(ValueError):
        chart("t", "x", "y", lines)


def test_nothing_at_or_below_0_goes_on_a_logarithmic_axis() -> None:
    with pytest.raises(ValueError):
        chart("t", "x", "y", {"a": dots((0, 1))}, log_x=True)
    with pytest.raises(ValueError):
        chart("t", "x", "y", {"a": dots((1, 0))}, log_y=True)
