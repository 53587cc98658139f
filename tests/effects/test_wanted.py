"""Which images would settle an effect: those of the test split, each with another value."""

from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.effects.wanted import wanted_counterparts
from interpret_inn.errors import ConceptError, FitError
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import FitData

from .tiny import COLOURS, recoloured


def data_of(labels: dict[str, Any], count: int = 120, groups: Any = None, **options: Any) -> FitData:
    images = np.arange(count, dtype=np.float32)[:, None].repeat(3, 1)
    source = inn.concept_source("labels", data=images, labels=labels, groups=groups, **options)
    return FitData(Pool([source], seed=0), ())


COLOUR = np.random.default_rng(0).integers(0, 3, 120)


def places(found: Any) -> np.ndarray:
    """Which samples they are: each holds its own number."""
    return np.asarray(found.images.take(range(len(found))))[:, 0].astype(int)


def test_images_of_the_test_split_come_first_each_with_another_value() -> None:
    data = data_of({"colour": np.array(COLOURS)[COLOUR]})
    found = wanted_counterparts(data, "colour", count=40)
    assert len(found) == 40
    at = places(found)
    assert len(set(at)) == 40
    assert set(data.pool.indices("test").tolist()) <= set(at.tolist())
    assert list(found.before) == [COLOURS[COLOUR[place]] for place in at]
    assert all(before != after for before, after in zip(found.before, found.after, strict=True))
    assert list(found.names) == [str(place) for place in at]
    few = wanted_counterparts(data, "colour", count=10)
    assert set(places(few)) <= set(data.pool.indices("test").tolist())
    assert str(few).count(" to ") == 10
    assert "10 images with another colour" in str(few)


def test_another_draw_names_others_and_the_same_draw_the_same() -> None:
    data = data_of({"colour": COLOUR}, kinds={"colour": "categorical"})
    first, again, other = (wanted_counterparts(data, "colour", count=12, seed=seed) for seed in (0, 0, 1))
    assert list(first.names) == list(again.names)
    assert list(first.after) == list(again.after)
    assert list(first.names) != list(other.names)


def test_other_values_come_as_often_as_in_the_data() -> None:
    rare = np.where(np.arange(600) % 20 == 0, 2, np.arange(600) % 2)
    found = wanted_counterparts(data_of({"colour": rare}, 600), "colour", count=600)
    assert np.mean([value == 2 for value in found.after]) < 0.15


def test_numbers_get_a_value_of_another_range() -> None:
    size = np.linspace(0, 1, 120)
    found = wanted_counterparts(data_of({"size": size}, kinds={"size": "numeric"}), "size", count=30)
    before, after = np.array(found.before), np.array(found.after)
    assert np.isin(after, size).all()
    assert (np.floor(before * 4) != np.floor(after * 4)).mean() > 0.9


def test_one_image_of_each_group() -> None:
    groups = np.arange(120) // 4
    found = wanted_counterparts(data_of({"colour": COLOUR}, groups=groups), "colour", count=50)
    assert len(found) == 30
    assert len(set(groups[places(found)])) == 30


@pytest.mark.parametrize(
    ("name", "labels", "count", "said"),
    [
        ("color", {"colour": COLOUR}, 50, "no concept 'color'.*colour"),
        ("colour", {"colour": COLOUR}, 1, "at least 2 images"),
    ],
)
def test_what_cannot_be_wanted(name: str, labels: Any, count: int, said: str) -> None:
    with pytest.raises(ConceptError, match=said):
        wanted_counterparts(data_of(labels), name, count=count)


def test_concepts_without_values_need_pairs() -> None:
    images = torch.rand(60, 3)
    source = inn.concept_source("pairs", data=images, indices={"style": np.arange(60).reshape(30, 2)})
    with pytest.raises(ConceptError, match="pairs of images that differ"):
        wanted_counterparts(FitData(Pool([source], seed=0), ()), "style")


@pytest.mark.usefixtures("hasty_probes")
def test_they_can_be_rendered_and_given_back(coloured: Any, tmp_path: Any) -> None:
    interpreter = coloured.interpreter
    wanted = interpreter.wanted("colour", count=24)
    images = np.stack([np.asarray(one) for one in wanted.images.take(range(24))])
    others = recoloured(images, np.array([COLOURS.index(value) for value in wanted.after]))
    explanation = interpreter.explain(
        counterfactuals=wanted.counterfactuals(others), examples=1, resamples=1, localizer=None
    )
    effect = explanation.effects["colour"]
    assert effect.basis in ("calibrated", "measured")
    assert effect.inputs == 24
    interpreter.save(tmp_path / "fit")
    loaded = inn.load(tmp_path / "fit", interpreter.backbone.model)
    with pytest.raises(FitError, match="no images can be named"):
        loaded.wanted("colour")
