"""Effects measured on pairs of inputs, of models whose answer to a change of colour is known."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from interpret_inn.effects.measured import effect_of_pairs
from interpret_inn.errors import ConceptError, InputError
from interpret_inn.types import Concept

from .tiny import Recolours, Redness, images, pairs, recoloured, tiny


def moved(before, after, marked, **options):
    """Pairs of images that differ in colour alone; marked ones decide the same whatever their colour is."""
    first = images(before, marked)
    return pairs(first, recoloured(first, after), before, after, **options)


def test_the_flip_rate_is_the_share_of_pairs_that_are_decided_otherwise():
    first = images([0, 1] * 50, np.arange(100) < 30)
    effect = effect_of_pairs(tiny(), pairs(first, recoloured(first, [1, 0] * 50)))
    assert (effect.concept, effect.basis, effect.kind, effect.inputs) == (
        "colour",
        "measured",
        "classes",
        100,
    )
    assert effect.flip_rate.value == pytest.approx(0.7)
    assert 0.55 < effect.flip_rate.low < 0.7 < effect.flip_rate.high < 0.85
    assert dict(effect.at) == {"data": effect.flip_rate}
    assert effect.values == {} and effect.null == {} and math.isnan(effect.p)
    assert effect.class_std.value == pytest.approx(
        0.35
    )  # half the step from class 0 to class 1, in 70 of 100
    assert effect.kl.value > 0 and 0 < effect.change.value < 1


def test_colours_are_compared_with_both_ends_of_the_model_by_hand():
    before, after = [0, 1, 2, 1], [1, 2, 0, 0]
    given = moved(before, after, [False] * 4)
    backbone = tiny()
    effect = effect_of_pairs(backbone, given)
    logits = [
        backbone.model(torch.from_numpy(side.take(range(4))).movedim(-1, 1) / 255).double().detach()
        for side in (given.first, given.second)
    ]
    p, q = (one.softmax(1) for one in logits)
    assert effect.kl.value == pytest.approx(float((p * (p / q).log()).sum(1).mean()))
    chosen = p.argmax(1)[:, None]
    assert effect.change.value == pytest.approx(float((p - q).gather(1, chosen).abs().mean()))


def test_pairs_of_one_value_or_of_an_unknown_one_are_left_out_and_said():
    before, after = np.array([0] * 40), np.array([1] * 20 + [0] * 15 + [-1] * 5)
    effect = effect_of_pairs(tiny(), moved(before, after, np.zeros(40)))
    assert effect.inputs == 20 and effect.flip_rate.value == 1
    assert "15 of 40 pairs were left out, as both have the same colour." in effect.notes
    assert "5 of 40 pairs were left out, as a value of colour is missing." in effect.notes
    with pytest.raises(
        ConceptError, match="at least 2 pairs of inputs that differ in 'colour', found 0 among 40"
    ):
        effect_of_pairs(tiny(), moved(before, before, np.zeros(40)))


def test_values_count_as_often_as_they_are_in_the_data():
    # red to green flips never (all are marked), red to blue always; the pairs are half and half
    before, after = np.zeros(80, int), np.repeat([1, 2], 40)
    data = [0] * 60 + [1] * 30 + [2] * 10
    effect = effect_of_pairs(tiny(), moved(before, after, np.repeat([True, False], 40), data=data))
    assert effect.flip_rate.value == pytest.approx(0.25)  # 10 blue of 40 that are not red
    assert effect.at["data"] == effect.flip_rate
    assert effect.at["even"].value == pytest.approx(0.5)
    assert set(effect.values) == {"red"} and list(effect.values["red"]) == ["green", "blue"]
    assert (effect.values["red"]["green"].value, effect.values["red"]["blue"].value) == (0, 1)
    assert effect.values["red"]["green"].high > 0  # forty pairs do not prove that none would flip
    assert any(
        note.startswith("4 of 6 changes from one colour to another are in no pair") for note in effect.notes
    )
    alike = effect_of_pairs(tiny(), moved(before, after, np.repeat([True, False], 40), data=[0, 1, 2] * 9))
    assert list(alike.at) == ["data"]  # all other values are equally often in the data
    assert alike.flip_rate.value == pytest.approx(0.5)


def test_the_value_to_begin_with_counts_as_often_as_in_the_data():
    # from red nothing flips, from green all
    before, after = np.repeat([0, 1], 30), np.repeat([1, 0], 30)
    effect = effect_of_pairs(tiny(), moved(before, after, before == 0, data=[0] * 90 + [1] * 10 + [2] * 0))
    # with two values, as many samples go from one as from the other in p(u) p(v) / (1 - p(u)) = p(u)
    assert effect.flip_rate.value == pytest.approx(0.1, abs=0.01)


def test_values_of_a_concept_without_any_are_weighted_as_they_are_given():
    effect = effect_of_pairs(tiny(), moved([0] * 30 + [1] * 10, [1] * 30 + [2] * 10, np.arange(40) < 30))
    assert effect.flip_rate.value == pytest.approx(0.25)
    assert effect.values["green"]["blue"].value == 1
    assert any("not known: all pairs count alike" in note for note in effect.notes)


def test_both_ways_from_pairs_of_which_neither_end_is_first():
    before, after = np.array([0] * 30), np.array([1] * 30)
    effect = effect_of_pairs(
        tiny(), moved(before, after, np.arange(30) < 6, both_ways=True, data=[0, 1] * 20)
    )
    assert effect.inputs == 30
    assert effect.flip_rate.value == pytest.approx(0.8)
    assert {a: list(row) for a, row in effect.values.items()} == {"red": ["green"], "green": ["red"]}
    assert effect.by_class["class 1"].value == 1  # green ones that are not marked
    once = effect_of_pairs(tiny(), moved(before, after, np.arange(30) < 6, data=[0, 1] * 20))
    assert once.flip_rate.low == pytest.approx(
        effect.flip_rate.low, abs=0.03
    )  # and not as if there were 60 pairs


def test_classes_are_named_and_those_of_few_cases_have_no_figure():
    backbone = tiny()
    backbone.class_names = ["rosso", "verde", "blu"]
    before = np.array([0] * 20 + [1] * 20 + [2] * 3)
    effect = effect_of_pairs(backbone, moved(before, (before + 1) % 3, np.zeros(43)))
    assert list(effect.by_class) == ["rosso", "verde"]
    assert effect.by_class["verde"].value == 1


def test_groups_are_drawn_together_and_equal_first_images_are_a_group():
    marked = np.repeat(np.arange(10) < 5, 8)
    groups = np.repeat(np.arange(10), 8)
    alone = effect_of_pairs(tiny(), moved([0] * 80, [1] * 80, marked))
    together = effect_of_pairs(tiny(), moved([0] * 80, [1] * 80, marked, groups=groups))
    width = [e.flip_rate.high - e.flip_rate.low for e in (alone, together)]
    assert width[1] > 2 * width[0]
    ten = images([0] * 10, np.arange(10) < 5).repeat(8, 0)
    copies = effect_of_pairs(tiny(), pairs(ten, recoloured(ten, 1)))
    assert copies.flip_rate.high - copies.flip_rate.low == pytest.approx(width[1], abs=0.05)


def test_one_group_has_no_interval_and_the_sentence_says_so():
    effect = effect_of_pairs(tiny(), moved([0] * 8, [1] * 8, np.zeros(8), groups=np.zeros(8, int)))
    assert effect.flip_rate.value == 1 and math.isnan(effect.flip_rate.low)
    assert "in about 100% of cases (too few inputs for an interval)" in effect.sentence


def test_a_counterpart_that_is_the_same_input_is_said():
    first = images([0] * 20, np.zeros(20))
    second = recoloured(first, [1] * 15 + [0] * 5)
    effect = effect_of_pairs(tiny(), pairs(first, second))
    assert "In 5 of 20 pairs both inputs are the same." in effect.notes


def test_images_change_by_their_distance_in_units_of_their_range():
    first = images([0] * 10, np.zeros(10))
    effect = effect_of_pairs(tiny(Recolours(), "first"), pairs(first, recoloured(first, 1)))
    assert effect.kind == "image" and math.isnan(effect.flip_rate.value) and effect.by_class == {}
    outputs = [
        torch.from_numpy(one).movedim(-1, 1) / 255 * torch.tensor([1, 0.5, 0.25])[:, None, None]
        for one in (first, recoloured(first, 1))
    ]
    both = torch.stack(outputs)
    expected = (outputs[0] - outputs[1]).flatten(1).square().mean(1).sqrt().mean() / (both.max() - both.min())
    assert effect.change.value == pytest.approx(float(expected), rel=1e-5)
    assert "the output image would change by about" in effect.sentence
    known = tiny(Recolours(), "first")
    known.value_range = (0.0, 2.0)
    half = effect_of_pairs(known, pairs(first, recoloured(first, 1)))
    assert half.change.value == pytest.approx(float(expected * (both.max() - both.min()) / 2), rel=1e-5)
    score = effect_of_pairs(
        tiny(Recolours(), "first"),
        pairs(first, recoloured(first, 1)),
        target=lambda out: out[:, 1].mean((1, 2)),
    )
    assert score.change.value == pytest.approx(float((both[1] - both[0])[:, 1].mean()), rel=1e-4)


def test_numbers_and_targets():
    first = images([0] * 12, np.zeros(12))
    given = pairs(first, recoloured(first, 2))
    redness = effect_of_pairs(tiny(Redness(), "first"), given)
    expected = (first[..., 0].mean((1, 2)) - recoloured(first, 2)[..., 0].mean((1, 2))).mean() / 255
    assert redness.kind == "scalar" and redness.change.value == pytest.approx(expected, rel=1e-5)
    assert "the output would change by about" in redness.sentence
    of_class = effect_of_pairs(tiny(), given, target=1)
    assert (
        of_class.flip_rate.value == 1 and of_class.change.value < effect_of_pairs(tiny(), given).change.value
    )
    with pytest.raises(InputError, match="a target from 0 to 2, found 7"):
        effect_of_pairs(tiny(), given, target=7)


def numbers(values):
    return Concept("amount", "numeric", np.asarray(values, float))


def test_numbers_are_cut_into_ranges_between_quantiles_of_the_data():
    before = np.linspace(0.1, 1, 40)
    after = before[::-1].copy()
    first = images([0] * 40, np.zeros(40))
    second = recoloured(first, np.where(before < after, 1, 0))  # flips where the number grows
    given = pairs(first, second, before, after, data=np.linspace(0, 1, 101), kind=numbers)
    effect = effect_of_pairs(tiny(), given)
    assert effect.flip_rate.value == 0.5 and list(effect.at) == ["data"]
    names = ("0 to 0.25", "0.25 to 0.5", "0.5 to 0.75", "0.75 to 1")
    assert tuple(effect.values) == names
    assert effect.values[names[0]][names[3]].value == 1
    assert effect.values[names[3]][names[0]].value == 0


def test_angles_and_rows_of_numbers():
    first = images([0] * 8, np.zeros(8))
    second = recoloured(first, 1)

    def turns(values):
        return Concept("turn", "cyclic", np.asarray(values, float))

    some = np.linspace(0.1, 6, 8)
    effect = effect_of_pairs(
        tiny(), pairs(first, second, some, some + 7, data=np.linspace(0, 2 * np.pi, 41)[:-1], kind=turns)
    )
    assert set(effect.values) <= {"0° to 88°", "88° to 176°", "176° to 263°", "263° to 351°"}
    rows = np.stack([some, some], 1)
    effect = effect_of_pairs(tiny(), pairs(first, second, rows, rows + 1, data=rows, kind=numbers))
    assert effect.values == {} and effect.flip_rate.value == 1


class Draws(torch.nn.Module):
    """Draws noise in every forward."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(192, 2)

    def forward(self, pictures):
        return self.head(pictures.flatten(1)) * 0 + torch.randn(len(pictures), 2)


def test_a_model_with_noise_of_its_own_gets_the_same_for_both_ends():
    first = images([0] * 30, np.zeros(30))
    effect = effect_of_pairs(tiny(Draws()), pairs(first, recoloured(first, 1)))
    assert effect.flip_rate.value == 0
    assert effect.sentence.startswith("No effect of colour on the decision was shown (0% to ")


def test_the_model_is_given_back_as_found():
    backbone = tiny()
    backbone.model.train()
    backbone.model.seen = []
    before = backbone.fingerprint()
    state = torch.random.get_rng_state()
    effect_of_pairs(backbone, moved([0] * 4, [1] * 4, np.zeros(4)))
    assert backbone.model.training and backbone.fingerprint() == before
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not backbone.model._forward_hooks and not backbone.model.head._forward_pre_hooks


def covered(count, rate, seed, *, groups=1):
    """Whether the interval holds the true rate, of groups of pairs that are decided otherwise at that rate."""
    rng = np.random.default_rng(seed)
    marked = np.repeat(rng.random(count) > rate, groups)
    first = images(np.zeros(len(marked), int), marked, seed)
    given = pairs(first, recoloured(first, 1), groups=np.repeat(np.arange(count), groups))
    score = effect_of_pairs(tiny(), given, seed=seed).flip_rate
    return score.low <= rate <= score.high


def test_intervals_hold_the_truth():
    assert sum(covered(60, 0.3, seed) for seed in range(8)) >= 6


@pytest.mark.slow
@pytest.mark.parametrize(("count", "rate", "groups"), [(40, 0.3, 1), (25, 0.5, 3), (60, 0.05, 1)])
def test_intervals_hold_the_truth_as_often_as_they_say(count, rate, groups):
    held = sum(covered(count, rate, seed, groups=groups) for seed in range(200))
    assert binomtest(held, 200, 0.95, alternative="less").pvalue > 0.01


@pytest.mark.slow
def test_weighted_intervals_hold_the_truth_as_often_as_they_say():
    """A quarter of the weight lies on half of the pairs, which are decided otherwise three times as often."""
    held, rates, after = 0, np.repeat([0.25, 0.75], 40), np.repeat([1, 2], 40)
    for seed in range(200):
        marked = np.random.default_rng(seed).random(80) > rates
        given = moved(np.zeros(80, int), after, marked, data=[0] * 60 + [1] * 30 + [2] * 10)
        score = effect_of_pairs(tiny(), given, seed=seed).flip_rate
        held += score.low <= 0.75 * 0.25 + 0.25 * 0.75 <= score.high
    assert binomtest(held, 200, 0.95, alternative="less").pvalue > 0.01
