"""Effects measured by rendering: which values are rendered, by what weight they count, and what goes wrong."""

import numpy as np
import pytest
import torch

from interpret_inn.data import samples
from interpret_inn.effects.inputs import Rendering
from interpret_inn.effects.measured import effect_of_renderings
from interpret_inn.errors import ConceptError, InputError, PluginError
from interpret_inn.types import Concept

from .tiny import COLOURS, Tiny, colours, images, recoloured, tiny


def by_name(pictures, value):
    return recoloured(pictures, COLOURS.index(value))


def rendered(data, own=None, *, count=60, marked=None, render=by_name, concept=None, **options):
    """The effect of colour on red images, each rendered with the colours of the data."""
    shown = images(np.zeros(count, int), np.zeros(count) if marked is None else marked)
    concept = colours(data) if concept is None else concept
    return effect_of_renderings(tiny(), Rendering(concept, render), samples(shown), own, **options)


def only_blue_flips(pictures, value):
    """Green is not rendered at all."""
    return by_name(pictures, value) if value == "blue" else pictures


def test_each_input_goes_to_the_values_that_it_has_not():
    told = []

    def render(pictures, value):
        told.append((value, len(pictures)))
        return by_name(pictures, value)

    effect = rendered([0, 1, 2] * 5, colours([0] * 60), render=render, marked=np.arange(60) < 15)
    assert set(told) == {("green", 60), ("blue", 60)}  # and not red, which they are
    assert effect.inputs == 60 and effect.flip_rate.value == pytest.approx(0.75)
    assert list(effect.values) == ["red"] and list(effect.values["red"]) == ["green", "blue"]
    assert effect.flip_rate.low > 0.6 and effect.flip_rate.high < 0.87  # of 60 inputs, and not of 120 cases


def test_other_values_count_as_often_as_they_are_in_the_data():
    effect = rendered([0] * 60 + [1] * 30 + [2] * 10, colours([0] * 60), render=only_blue_flips)
    assert effect.flip_rate.value == pytest.approx(0.25)
    assert effect.at["even"].value == pytest.approx(0.5)
    assert effect.values["red"]["green"].value == 0 and effect.values["red"]["blue"].value == 1


def test_inputs_of_unknown_value_are_compared_between_renderings():
    data = [0] * 50 + [1] * 30 + [2] * 20
    effect = rendered(
        data, render=lambda pictures, value: by_name(pictures, "red" if value == "green" else value)
    )
    # red and green are the same here: only moves to and from blue flip
    expected = 0.5 * 0.2 / 0.5 + 0.3 * 0.2 / 0.7 + 0.2
    assert effect.flip_rate.value == pytest.approx(expected)
    assert effect.at["even"].value == pytest.approx(0.5 / 2 + 0.3 / 2 + 0.2)
    assert any("own colour is not known" in note for note in effect.notes)
    assert set(effect.values) == set(COLOURS)
    missing = rendered(data, colours([-1] * 60))
    assert any("own colour is not known" in note for note in missing.notes)


def test_inputs_whose_value_is_missing_are_left_out_where_others_have_one():
    effect = rendered([0, 1, 2] * 5, colours([0] * 20 + [-1] * 40))
    assert effect.inputs == 20 and effect.flip_rate.value == 1


def test_numbers_are_spread_over_the_data_and_few_numbers_are_all_rendered():
    told = []

    def render(pictures, value):
        told.append(value)
        return by_name(pictures, "blue" if value > 7 else "red")

    many = Concept("amount", "numeric", np.linspace(0, 10, 500))
    own = Concept("amount", "numeric", np.full(60, 0.5))
    effect = rendered(None, own, concept=many, render=render)
    assert len(set(told)) == 16 and all(isinstance(value, float) for value in told)
    assert effect.flip_rate.value == pytest.approx(5 / 16)  # 0.3 of the data lie above 7
    assert list(effect.at) == ["data"] and "spread evenly" in effect.notes[0]
    assert list(effect.values) == ["0 to 2.5"] and effect.values["0 to 2.5"]["7.5 to 10"].value == 1
    told.clear()
    few = Concept("amount", "numeric", np.array([1.0, 1, 1, 8]))
    effect = rendered(None, Concept("amount", "numeric", np.full(60, 1.0)), concept=few, render=render)
    assert set(told) == {8.0} and effect.flip_rate.value == 1
    assert effect.notes[0].startswith("Inputs were rendered with 2 values of amount")


def test_rows_of_numbers_angles_and_classes_without_names():
    told = []

    def render(pictures, value):
        told.append(value)
        return by_name(pictures, "green")

    rows = Concept("place", "numeric", np.random.default_rng(0).normal(size=(50, 2)))
    effect = rendered(None, concept=rows, render=render)
    assert told[0].shape == (2,) and effect.values == {} and effect.flip_rate.value == 0
    told.clear()
    rendered(None, concept=Concept("turn", "cyclic", np.linspace(0, 6, 40)), render=render)
    assert all(0 <= value <= 6 for value in told)
    told.clear()
    rendered(None, concept=Concept("colour", "categorical", np.array([0, 1, 1])), render=render)
    assert set(told) == {0, 1}


def test_many_classes_are_not_all_rendered():
    told = set()

    def render(pictures, value):
        told.add(value)
        return pictures

    many = Concept("kind", "categorical", np.arange(200) % 100, tuple(f"k{i}" for i in range(100)))
    effect = rendered(
        None, Concept("kind", "categorical", np.zeros(60, int), many.classes), concept=many, render=render
    )
    assert len(told) <= 16 and list(effect.at) == ["data"]


def test_batches_are_given_in_the_form_of_the_inputs_and_may_be_written_into():
    for given in (np.zeros((5, 8, 8, 3), np.uint8) + 9, torch.zeros(5, 3, 8, 8) + 0.1):
        seen = []

        def render(pictures, value, seen=seen):
            seen.append(type(pictures))
            pictures[:] = 0
            return pictures

        shown = given.copy() if isinstance(given, np.ndarray) else given.clone()
        effect_of_renderings(tiny(), Rendering(colours([0, 1]), render), samples(shown), colours([0] * 5))
        assert seen == [type(given)] and (shown == given).all()


def test_a_function_that_fails_is_named_and_the_model_stays_as_it_was():
    model = Tiny().train()
    backbone = tiny(model)
    state = {name: value.clone() for name, value in model.state_dict().items()}

    def fails(pictures, value):
        raise ZeroDivisionError(f"no {value} paint")

    shown = samples(images([0] * 4, [0] * 4))
    with pytest.raises(
        PluginError,
        match=r"counterfactuals of 'colour' failed on 4 images and the value 'green': Zero.*no green",
    ):
        effect_of_renderings(backbone, Rendering(colours([0, 1]), fails), shown, colours([0] * 4))
    assert model.training and all(
        torch.equal(state[name], value) for name, value in model.state_dict().items()
    )
    assert not model._forward_hooks and not model.head._forward_pre_hooks
    for wrong, message in (
        (
            lambda pictures, value: pictures[:3],
            "Expected 4 images from the counterfactuals of 'colour', .* found 3",
        ),
        (lambda pictures, value: None, "counterfactuals of 'colour' failed on 4 images"),
    ):
        with pytest.raises((ConceptError, PluginError), match=message):
            effect_of_renderings(backbone, Rendering(colours([0, 1]), wrong), shown, colours([0] * 4))
    with pytest.raises(InputError):
        effect_of_renderings(
            backbone,
            Rendering(colours([0, 1]), lambda pictures, value: np.full(pictures.shape, np.nan)),
            shown,
        )


def test_data_of_one_value_cannot_be_rendered_otherwise():
    with pytest.raises(ConceptError, match="at least 2 values of 'colour' to render, found one"):
        rendered([0] * 20)


def test_groups_of_inputs_are_drawn_together():
    marked = np.repeat(np.arange(10) < 5, 6)
    shown = images(np.zeros(60, int), marked)
    widths = []
    for groups in (None, np.repeat(np.arange(10), 6)):
        some = samples(shown, groups=groups)
        score = effect_of_renderings(
            tiny(), Rendering(colours([0, 1]), by_name), some, colours([0] * 60)
        ).flip_rate
        widths.append(score.high - score.low)
    assert widths[1] > 1.8 * widths[0]
