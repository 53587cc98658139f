"""Galleries on the page: heads, pictures, texts, groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from interpret_inn.explaining.records import Explanation
from interpret_inn.reports import Report
from interpret_inn.reports.report import page
from interpret_inn.reports.thumbnails import Quality, Thumbnails
from interpret_inn.reports.views_pictures import gallery_groups
from interpret_inn.types import Gallery


def picture(level: int, edge: int = 8) -> np.ndarray:
    return np.full((edge, edge, 3), level, np.uint8)


GALLERIES = (
    Gallery("Everything", "All <of> it.", ((picture(1), "a & b"),), columns=("x", "y")),
    Gallery("Swaps", "Rows and columns.", ((picture(2), picture(3)),), rows=(picture(4),), group="digit"),
    Gallery(
        "More swaps", "Rows and columns.", ((picture(5),), (picture(6),)), rows=("up", "down"), group="colour"
    ),
    Gallery("Pairs", "What a source shows.", ((picture(7),),), group="hue & blur"),
    Gallery("More of digit", "Again.", (("3",),), group="digit"),
    Gallery("Nothing", "There is nothing.", ()),
)


def shown(explanation: Explanation) -> Explanation:
    return dataclasses.replace(explanation, galleries=GALLERIES)


def test_galleries_stand_together_by_group(explanation: Explanation) -> None:
    css = {"digit": "f0", "colour": "f1"}
    groups = gallery_groups(shown(explanation), css, Thumbnails(Quality(64, 70)))
    assert [(g.name, g.css, [v.title for v in g.galleries]) for g in groups] == [
        ("", "", ["Everything"]),
        ("digit", "f0", ["Swaps", "More of digit"]),
        ("colour", "f1", ["More swaps"]),
        ("hue & blur", "", ["Pairs"]),
    ]
    captions = [view.caption for group in groups for view in group.galleries]
    assert captions == ["All <of> it.", "Rows and columns.", "Again.", "", "What a source shows."]


def test_the_page_has_cells_and_heads(explanation: Explanation) -> None:
    text = Report(shown(explanation)).to_html()
    assert 'href="#galleries"' in text
    assert "<h3>hue &amp; blur</h3>" in text
    assert "a &amp; b" in text
    assert "All &lt;of&gt; it." in text
    assert '<th scope="col"><span>y</span></th>' in text
    assert 'alt="down, column 1"' in text
    assert 'alt="row 1, x"' in text
    assert 'alt="Head of row 1"' in text
    assert "Nothing" not in text


def test_a_caption_stands_at_the_first_gallery_that_is_shown(explanation: Explanation) -> None:
    galleries = tuple(
        Gallery(title, caption, ((picture(1),),), group=group)
        for title, caption, group in (("a", "One.", "digit"), ("b", "Two.", "hue"), ("c", "Two.", "digit"))
    )
    groups = gallery_groups(
        dataclasses.replace(explanation, galleries=galleries), {}, Thumbnails(Quality(64, 70))
    )
    assert [(view.title, view.caption) for group in groups for view in group.galleries] == [
        ("a", "One."),
        ("c", "Two."),
        ("b", ""),
    ]


def test_rows_that_are_arrays_show_each_picture(explanation: Explanation) -> None:
    rows = np.stack([picture(40 * level) for level in range(6)]).reshape(2, 3, 8, 8, 3)
    gallery = Gallery("Arrays", "", tuple(rows))
    (group,) = gallery_groups(
        dataclasses.replace(explanation, galleries=(gallery,)), {}, Thumbnails(Quality(64, 70))
    )
    shown = [cell.picture for _, cells in group.galleries[0].rows for cell in cells]
    assert len({str(one).split("alt=")[0] for one in shown}) == 6


def test_without_galleries_there_is_no_section(explanation: Explanation) -> None:
    assert "In pictures" not in Report(explanation).to_html()


def test_the_json_file_keeps_titles(explanation: Explanation) -> None:
    found = Report(shown(explanation)).to_dict()["galleries"]
    assert found[1] == {"title": "Swaps", "caption": "Rows and columns.", "group": "digit"}
    assert len(found) == 6


@pytest.mark.slow
def test_many_pictures_keep_the_budget(changed: Callable[..., Explanation]) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    cells = tuple(tuple(np.kron(p, np.ones((16, 16, 1), np.uint8)) for p in noise) for _ in range(8))
    explanation = changed(galleries=(Gallery("Many", "Many pictures.", cells),))
    assert len(page(explanation, budget=400_000)) < 400_000
