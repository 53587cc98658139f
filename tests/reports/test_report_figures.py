"""The small figures: where marks stand, what they say, and what they do with missing numbers."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from interpret_inn.explaining.records import Explanation, FactorMap, Traversal
from interpret_inn.reports import figures
from interpret_inn.reports.figures_plane import colour_classes, factor_map, legend, traversal_curves
from interpret_inn.reports.thumbnails import Quality, Thumbnails, encode
from interpret_inn.types import ProbeScores, Score

NAN = math.nan


def test_bar_has_its_length_and_interval() -> None:
    drawn = figures.bar(Score(0.5, 0.4, 0.6), "digit: 50%", top=1.0)
    assert 'width="50.00%"' in drawn
    assert 'x1="40.00%"' in drawn and 'x2="60.00%"' in drawn
    assert 'aria-label="digit: 50%"' in drawn


def test_bar_of_nothing_draws_no_bar() -> None:
    drawn = figures.bar(Score(NAN), "nothing", top=1.0)
    assert "rect" not in drawn and "whisker" not in drawn and "nan" not in drawn


def test_cell_has_its_probes_interval_and_marks() -> None:
    marks = [figures.Mark(0.1, "chance", "guessing 10%"), figures.Mark(0.9, "ceiling", "")]
    drawn = figures.cell(
        ProbeScores(Score(0.5, 0.4, 0.6), Score(0.7), Score(0.8)), "digit from colour: 50%", marks=marks
    )
    assert 'cx="50.00%"' in drawn and 'cx="70.00%"' in drawn and 'rect x="80.00%"' in drawn
    assert 'x1="40.00%"' in drawn and 'x2="60.00%"' in drawn
    assert 'x1="10.00%"' in drawn and 'x1="90.00%"' in drawn
    assert 'aria-label="digit from colour: 50%; guessing 10%"' in drawn


def test_cell_of_nothing_draws_no_probe_and_no_mark() -> None:
    drawn = figures.cell(
        ProbeScores(Score(NAN), Score(NAN)), "nothing", marks=[figures.Mark(NAN, "chance", "guessing")]
    )
    assert "circle" not in drawn and "whisker" not in drawn and "mark" not in drawn and "nan" not in drawn
    assert 'aria-label="nothing"' in drawn


def test_values_outside_the_scale_stay_inside_the_strip() -> None:
    assert figures.place(-1.2, 1.0) == "0.00%"
    assert figures.place(3.0, 1.0) == "100.00%"
    assert figures.place(NAN, 1.0) == figures.place(1.0, 0.0) == "0%"


def test_labels_are_escaped() -> None:
    assert "<b>" not in figures.position(50.0, "<b>")
    assert "&lt;b&gt;" in figures.shares([("<b>", 1.0, "f0")], "x")


def test_shares_fill_the_strip() -> None:
    drawn = figures.shares([("a", 1, "f0"), ("b", 3, "f1"), ("c", 0, "f2"), ("d", NAN, "f3")], "sizes")
    assert re.findall(r' width="([\d.]+)%" height="14" class', drawn) == ["25.000", "75.000"]


def test_dumbbell_without_numbers_is_empty() -> None:
    assert "circle" not in figures.dumbbell(Score(NAN), Score(0.1), "x", top=1.0)


def a_map(kind: str, colour: list[float], classes: tuple[str, ...] = ()) -> FactorMap:
    points = np.random.default_rng(0).normal(size=(len(colour), 2))
    return FactorMap(points, np.array(colour), kind, classes, "how")


def test_map_colours_by_kind() -> None:
    assert colour_classes(a_map("categorical", [0.0, 3.0, 12.0, NAN])) == ["k0", "k3", "k2", "none"]
    assert colour_classes(a_map("cyclic", [0.0, math.pi, -0.01])) == ["h0", "h6", "h11"]
    assert colour_classes(a_map("numeric", [float(i) for i in range(7)])) == [f"q{i}" for i in range(7)]
    assert colour_classes(a_map("unlabelled", [NAN, NAN])) == ["none", "none"]


def test_map_draws_every_point_and_names_classes() -> None:
    drawn = factor_map(a_map("categorical", [0.0, 1.0, 1.0, NAN], ("cat", "dog")), "map")
    assert drawn.count("h0") == 4
    assert ">cat</text>" in drawn and ">dog</text>" in drawn


def test_large_maps_are_thinned_and_many_classes_not_named() -> None:
    classes = tuple(f"class {i}" for i in range(50))
    drawn = factor_map(a_map("categorical", [float(i % 50) for i in range(5000)], classes), "map")
    assert drawn.count("h0") <= 1500
    assert "<text" not in drawn


def test_map_survives_missing_points() -> None:
    points = np.array([[0.0, 0.0], [NAN, 1.0], [1.0, 1.0]])
    drawn = factor_map(FactorMap(points, np.zeros(3), "numeric", (), ""), "map")
    assert drawn.count("h0") == 2 and "nan" not in drawn


def test_legends() -> None:
    assert [entry.text for entry in legend(a_map("numeric", [1.0, 5.0]))][::6] == ["1.00", "5.00"]
    assert [e.text for e in legend(a_map("cyclic", [1.0])) if e.text] == ["0°", "90°", "180°", "270°"]
    assert legend(a_map("categorical", [1.0])) == () == legend(a_map("unlabelled", [NAN]))


@pytest.mark.parametrize("ends", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 0.01, 1.0)])
def test_names_of_curves_never_overlap_nor_leave_the_figure(ends: tuple[float, ...]) -> None:
    traversal = Traversal(0, np.array([-1.0, 1.0]), ("a", "b", "c"), np.array([[0.5] * 3, ends]))
    drawn = traversal_curves(traversal, "traversal", shares=True)
    heights = sorted(float(y) for y in re.findall(r'y="([\d.-]+)" class="curve-name"', drawn))
    assert len(heights) == 3
    assert all(after - before > 13 for before, after in itertools.pairwise(heights))
    assert heights[0] > 0 and heights[-1] < 172


def test_walk_breaks_where_a_value_is_missing() -> None:
    traversal = Traversal(0, np.array([-1.0, 0.0, 1.0]), ("score",), np.array([[1.0], [NAN], [3.0]]))
    drawn = traversal_curves(traversal, "traversal", shares=False, here=0.5)
    path = re.search(r'd="(M[^"]*)"', drawn)
    assert path is not None and path.group(1).count("M") == 2
    assert 'class="here"' in drawn


def test_thumbnails_are_small_and_encoded_once(explanation: Explanation) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (300, 200, 3)).astype(np.uint8)
    thumbnail = Thumbnails(Quality(64, 50))
    first, second = thumbnail(picture, "a"), thumbnail(picture, "b <")
    assert re.findall('src="([^"]+)"', first) == re.findall('src="([^"]+)"', second)
    assert "&lt;" in second and len(first) < 8_000
    assert "crisp" not in first and 'width="200"' in first


def test_small_pictures_keep_every_pixel() -> None:
    import base64
    import io

    from PIL import Image

    picture = np.random.default_rng(0).integers(0, 255, (8, 8, 3)).astype(np.uint8)
    data = encode(picture, 128, 80).split(",")[1]
    assert np.array_equal(np.array(Image.open(io.BytesIO(base64.b64decode(data)))), picture)
    assert "crisp" in Thumbnails(Quality(128, 80))(picture, "tiny")


def test_thumbnails_can_be_left_out() -> None:
    thumbnail = Thumbnails(Quality(0, 0))
    assert "<img" not in thumbnail(np.zeros((4, 4, 3), np.uint8), "a digit")
    assert thumbnail.left_out == 1
