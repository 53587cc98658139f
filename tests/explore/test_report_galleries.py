"""The galleries that every report has."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn import edits
from interpret_inn.types import Gallery

pytestmark = pytest.mark.usefixtures("hasty_probes")


def by_title(explanation: Any) -> dict[str, Gallery]:
    return {gallery.title: gallery for gallery in explanation.galleries}


@pytest.fixture(scope="module")
def of_faces(faces: Any) -> dict[str, Gallery]:
    return by_title(faces.interpreter.explain(faces.inputs, examples=16, resamples=2, localizer=None))


def test_models_of_images_show_everything(of_faces: dict[str, Gallery]) -> None:
    assert list(of_faces)[:3] == ["One input, every factor", "Straight from one input to another", "Samples"]
    for name in ("side", "tilt", "residual"):
        grid = of_faces[f"{name} of the rows in the columns"]
        assert (len(grid.cells), len(grid.cells[0]), len(grid.rows), len(grid.columns)) == (8, 8, 8, 8)
        assert grid.group == name
    classes = of_faces["side set to the mean of each class"]
    assert classes.columns == ("left", "right")
    assert "tilt set to the mean of each class" not in of_faces
    assert sum(title.endswith("at random") for title in of_faces) == 1
    for gallery in of_faces.values():
        cells = [cell for row in gallery.cells for cell in row]
        assert all(isinstance(cell, np.ndarray) and cell.shape == (10, 10, 3) for cell in cells)
        assert gallery.caption


def test_grids_show_swaps_of_the_examples(faces: Any) -> None:
    it, latents = faces
    shown = latents[:6]
    explanation = it.explain(shown, examples=6, resamples=2, localizer=None)
    grid = by_title(explanation)["tilt of the rows in the columns"]
    assert (len(grid.rows), len(grid.columns)) == (3, 3)
    order = [int(example.name) for example in explanation.examples]
    recipient, donor = shown[order[1]][None], shown[order[3]][None]
    image = it.run(recipient, edits.swap("tilt", donor))[0]
    expected = (image.clamp(0, 1).permute(1, 2, 0) * 255).round().byte().numpy()
    np.testing.assert_allclose(grid.cells[0][1].astype(int), expected.astype(int), atol=1)


@pytest.mark.slow
def test_classifiers_show_names_of_classes(toy: Any) -> None:
    galleries = by_title(toy.interpreter.explain(toy.fresh, examples=6, resamples=2, localizer=None))
    grid = galleries["shape of the rows in the columns"]
    assert {cell for row in grid.cells for cell in row} <= {"class 0", "class 1", "class 2"}
    assert all(isinstance(head, np.ndarray) for head in (*grid.rows, *grid.columns))
    traversal = galleries["shape set to the mean of each class"]
    assert len(traversal.columns) == 3
    assert "Samples" not in galleries
    assert "hue set to the mean of each class" not in galleries


@pytest.mark.slow
def test_dear_classifiers_and_single_inputs_show_none(toy: Any, small: dict[str, Any]) -> None:
    inner = inn.wrap(toy.model, "features.0")
    inner.fit("labels", data=toy.images, labels={"shape": toy.labels["shape"]}, **small)
    assert inner.explain(toy.fresh[:8], examples=4, resamples=2, localizer=None).galleries == ()
    assert toy.interpreter.explain(toy.fresh[:1], resamples=2, localizer=None).galleries == ()


@pytest.mark.slow
def test_every_layout_shows_what_it_can(maps: Any) -> None:
    it, images = maps
    explanation = it.explain(images, examples=5, resamples=2, localizer=None)
    galleries = by_title(explanation)
    assert ("Samples" in galleries) == (it.fitted.layout.name == "flat")
    assert {"bright of the rows in the columns", "Straight from one input to another"} <= set(galleries)
    assert "In pictures" in it.report(images, examples=5, resamples=2).to_html()


def test_the_json_has_titles_and_no_pictures(faces: Any) -> None:
    content = faces.interpreter.report(faces.inputs, examples=4, resamples=2, localizer=None).to_dict()
    assert set(content["galleries"][0]) == {"title", "caption", "group"}


def test_explaining_leaves_the_model_alone(generator_at: Callable[..., Any], faces: Any) -> None:
    model = faces.interpreter.backbone.model
    before = torch.get_rng_state()
    faces.interpreter.explain(faces.inputs, examples=4, resamples=2, localizer=None)
    assert torch.equal(before, torch.get_rng_state())
    assert all(parameter.grad is None for parameter in model.parameters())
