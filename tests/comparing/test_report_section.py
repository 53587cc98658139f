"""A fit beside others in its report."""

from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.comparing import beside_galleries
from interpret_inn.types import Gallery


@pytest.fixture(scope="module")
def other(faces: Any, generator_at: Any, small: dict[str, Any]) -> inn.Interpreter:
    """Another fit of the same generator, with four factors."""
    latents = faces.inputs
    labels = {name: latents[:, axis].numpy() for axis, name in enumerate("abcd")}
    it = inn.Interpreter(generator_at())
    return it.fit("labels", data=latents, labels=labels, seed=3, **small | {"axes": 64})


@pytest.fixture(scope="module")
def galleries(faces: Any, other: inn.Interpreter) -> tuple[Gallery, ...]:
    bare = (faces.interpreter.backbone.model, torch.eye(12)[:5])
    return beside_galleries(faces.interpreter, {"<i>other</i>": other, "bare": bare}, None)


def test_the_table_has_this_fit_first(
    faces: Any, other: inn.Interpreter, galleries: tuple[Gallery, ...]
) -> None:
    table = galleries[0]
    assert (table.title, table.group) == ("Length of each code", "Beside other codes")
    assert table.rows == ("this fit", "bare", "<i>other</i>") or table.rows == (
        "this fit",
        "<i>other</i>",
        "bare",
    )
    assert table.columns == ("length [95 %]", "first in", "longer by [95 %]", "axes that act")
    bare = (faces.interpreter.backbone.model, torch.eye(12)[:5])
    selection = inn.select({"this fit": faces.interpreter, "<i>other</i>": other, "bare": bare})
    rows = dict(zip(table.rows, table.cells, strict=True))
    assert rows == {row[0]: row[1:] for row in selection.table[1:]}
    assert selection.best in table.caption
    assert selection.notes[0] in table.caption


def test_walks_are_those_of_the_longest_factors(
    faces: Any, other: inn.Interpreter, galleries: tuple[Gallery, ...]
) -> None:
    assert [gallery.group for gallery in galleries[1:]] == ["this fit", "<i>other</i>", "bare"]
    own, others, bare = galleries[1:]
    assert set(own.rows) == {"side", "tilt"}
    assert len(others.rows) == 3
    assert set(others.rows) < set("abcd")
    assert all(str(head).startswith("axis ") for head in bare.rows)
    start = other.sample_inputs(10)[:1]
    for gallery, it in ((own, faces.interpreter), (others, other)):
        by_factor = inn.lengths(it).by_factor
        assert list(gallery.rows) == sorted(it.factors.names[:-1], key=lambda name: -by_factor[name])[:3]
        images = it.traverse(start, str(gallery.rows[0]), 9)[:, 0]
        expected = (images.clamp(0, 1).movedim(1, -1) * 255).round().byte().numpy()
        found = np.stack([np.asarray(cell) for cell in gallery.cells[0]])
        np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)
    axis = int(str(bare.rows[0]).split()[1])
    latents = start.repeat(9, 1)
    latents[:, axis] = torch.linspace(-2.5, 2.5, 9)
    images = faces.interpreter.backbone.model(latents).detach()
    low, high = images.min(), images.max()  # of a callable no range is known
    shades = np.stack([np.asarray(cell) for cell in bare.cells[0]]).astype(int)
    assert (
        np.corrcoef(shades.ravel(), ((images - low) / (high - low)).movedim(1, -1).numpy().ravel())[0, 1]
        > 0.999
    )


def test_a_report_shows_it_escaped(faces: Any, other: inn.Interpreter) -> None:
    report = faces.interpreter.report(
        faces.inputs, beside={"<i>other</i>": other}, examples=3, resamples=2, localizer=None
    )
    page = report.to_html()
    assert "Beside other codes" in page
    assert "<i>other" not in page
    assert "&lt;i&gt;other" in page
    assert '<table class="cells texts">' in page
    assert any(gallery["group"] == "Beside other codes" for gallery in report.to_dict()["galleries"])


def test_autoencoders_start_from_what_is_explained(maps: Any) -> None:
    it, images = maps
    found = beside_galleries(it, {"again": it}, images[:4])
    assert "in 50 % of 2,000 draws of 4 starting points" in found[0].caption
    assert [len(gallery.cells) for gallery in found[1:]] == [1, 1]


def test_what_cannot_be_compared_is_refused_before_anything_is_explained(faces: Any, toy: Any) -> None:
    it, latents = faces
    for beside, text in (
        ({}, r"mapping from names, but 'this fit', to other candidates, found \[\]"),
        ({"this fit": it}, r"found \['this fit'\]"),
        ([it], r"found list"),
        ({"mine": 3}, r"fitted interpreters or pairs \(generate, axes\), found int for 'mine'"),
    ):
        with pytest.raises(inn.InputError, match=text):
            it.explain(latents, beside=beside)
    with pytest.raises(inn.BackboneError, match=r"Candidate 'this fit': Expected a model that makes images"):
        toy.interpreter.explain(toy.fresh[:4], beside={"again": toy.interpreter})
    assert beside_galleries(it, None, latents) == ()
