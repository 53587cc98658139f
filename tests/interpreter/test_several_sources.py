"""Several sources in one fit: their test splits are explained together, and their pictures shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.plugin import PluginWarning
from interpret_inn.testing import toy_images
from interpret_inn.translating.settings import requested_settings
from interpret_inn.types import Gallery

pytestmark = pytest.mark.usefixtures("hasty_probes")


def source(images: Any, values: Any, *, name: str, galleries: Any = None, **options: Any) -> Any:
    """A source of one concept, which may have something to show."""
    built: Any = inn.concept_source("labels", data=images, labels={name: values}, **options)
    if galleries is not None:
        built.illustrations = galleries if callable(galleries) else lambda: galleries
    return built


@pytest.fixture(scope="module")
def two() -> tuple[Any, Any]:
    """Pictures uint8 (200, 24, 24, 3), and others as tensors (80, 3, 24, 24), each with labels."""
    first, labels = toy_images(200, seed=5)
    second, others = toy_images(80, seed=6)
    tensors = torch.from_numpy(second).movedim(-1, 1).float() / 255
    return (first, labels["shape"]), (tensors, np.sin(others["hue"]))


def cells(title: str) -> list[Gallery]:
    return [Gallery(title, "What it looks like.", (("a", "b"),))]


@pytest.fixture(scope="module")
def fitted(toy: Any, small: dict[str, Any], two: Any) -> inn.Interpreter:
    (images, shape), (tensors, hue) = two
    groups = np.arange(80) // 2
    return inn.wrap(toy.model, "head:in").fit(
        source(images, shape, name="shape", galleries=cells("Shapes")),
        source(tensors, hue, name="hue", galleries=cells("Hues"), groups=groups),
        **small,
    )


@pytest.mark.slow
def test_without_inputs_the_test_splits_of_all_sources_are_explained(fitted: inn.Interpreter) -> None:
    explanation = fitted.explain(examples=56, resamples=1, localizer=None)
    assert fitted.fitted.split == (196, 28, 56)
    assert explanation.checks.samples == 56
    parts = fitted._data.pool.unique()  # type: ignore[union-attr]
    expected = sorted(str(i) for part in parts for i in part.split.test.tolist())
    assert sorted(example.name for example in explanation.examples) == expected
    assert all(example.picture is not None for example in explanation.examples)
    assert set(explanation.redraws) == {"shape", "hue", "residual"}


def test_arrays_and_tensors_are_each_read_as_they_are(fitted: inn.Interpreter, two: Any) -> None:
    """What is explained are the very pictures of both sources, by name."""
    explanation = fitted.explain(examples=56, resamples=1, localizer=None)
    (images, _), (tensors, _) = two
    arrays = {picture.tobytes() for picture in images}
    others = {
        (picture * 255).round().byte().movedim(0, -1).contiguous().numpy().tobytes() for picture in tensors
    }
    shown = [example.picture.tobytes() for example in explanation.examples if example.picture is not None]
    assert sum(one in arrays for one in shown) == 40
    assert sum(one in others for one in shown) == 16


def test_intervals_draw_the_groups_of_all_sources(fitted: inn.Interpreter) -> None:
    from interpret_inn.explaining.survey import survey

    found = survey(fitted.translator, fitted._test_inputs("explain"), resamples=1, examples=4)
    assert found.groups is not None
    assert len(found.groups) == len(found.order) == 56
    codes = fitted.encode(fitted._test_inputs("explain"))
    places = [int(name) for name in found.names]
    counts = np.unique(found.groups, return_counts=True)[1]
    assert sorted(counts.tolist()) == [1] * 40 + [2] * 8
    # every row of the survey belongs to the input that its name says
    assert found.codes.shape[0] == len(places) == len(codes)
    rows = {tuple(np.round(row, 4)) for row in codes[:, : found.codes.shape[1]].numpy().astype(float)}
    assert sum(tuple(np.round(row, 4)) in rows for row in found.codes.numpy().astype(float)) >= 54


def test_what_pairs_look_like_is_in_the_explanation_of_the_fit(
    fitted: inn.Interpreter, tmp_path: Any
) -> None:
    titles = [gallery.title for gallery in fitted.explain(examples=2, resamples=1, localizer=None).galleries]
    assert titles[:2] == ["Shapes", "Hues"]
    fitted.save(tmp_path / "saved")
    loaded = inn.load(tmp_path / "saved", fitted.backbone.model)
    again = loaded.explain(toy_images(10)[0], examples=2, resamples=1, localizer=None).galleries
    assert "Shapes" not in [gallery.title for gallery in again]  # the sources are not saved


@pytest.mark.parametrize(
    ("galleries", "text"),
    [
        (
            lambda: 1 / 0,
            r"illustrations\(\) of the concept source 'labels' failed and is passed over\. ZeroDivisionE",
        ),
        (["a picture"], r"passed over\. TypeError: expected Gallery records, found str"),
        (lambda: None, r"passed over\. TypeError"),
    ],
)
def test_a_source_that_cannot_show_its_pairs_is_passed_over(
    fitted: inn.Interpreter, monkeypatch: Any, galleries: Any, text: str
) -> None:
    assert fitted._data is not None
    shapes = fitted._data.pool.parts[0].source
    shows = galleries if callable(galleries) else lambda: galleries
    monkeypatch.setattr(shapes, "illustrations", shows)
    with pytest.warns(PluginWarning, match=text):
        explanation = fitted.explain(examples=2, resamples=1, localizer=None)
    assert [gallery.title for gallery in explanation.galleries][:1] == ["Hues"]


def test_the_first_source_that_wishes_for_a_setting_gets_it_and_most_blocks_count() -> None:
    def wishing(**settings: Any) -> Any:
        return SimpleNamespace(name="mine", settings=settings)

    assert requested_settings([wishing(steps=5), wishing(steps=9, pairs=7)]) == {"steps": 5, "pairs": 7}
    assert requested_settings([wishing(blocks=0), wishing(blocks=2)]) == {"blocks": 2}
    assert requested_settings([wishing(blocks=0), wishing()]) == {
        "blocks": 4
    }  # the default, which the other needs
