"""Effects by labels alone, against truths that are known."""

import math

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.effects.estimate_records import effect_of_estimate
from interpret_inn.effects.estimated import estimate
from interpret_inn.effects.labelled_layer import Labelled, complete
from interpret_inn.types import Concept

N = 500


def problem(seed=0, *, weight=2.0, tied=0.0, samples=N):
    """Codes of a class, a colour and noise; a head goes by the class, and by colour as far as `weight` says."""
    random = np.random.default_rng(seed)
    classes = random.integers(2, size=samples)
    colours = np.where(random.random(samples) < tied, classes, random.integers(2, size=samples))
    noise = random.normal(size=(samples, 6))
    layer = noise.copy()
    layer[:, 0] += 3.0 * classes
    layer[:, 1] += 3.0 * colours
    turn = np.linalg.qr(random.normal(size=(6, 6)))[0]
    head = np.zeros((6, 2))
    head[0, 1], head[1, 1] = 1.0, weight
    head = turn.T @ head

    def tail(rows):
        outputs = torch.from_numpy(rows @ head)
        return outputs - torch.tensor([0.0, 1.5 + 1.5 * weight])

    other = layer.copy()
    other[:, 1] += 3.0 * (1 - 2 * colours)
    before, after = (tail(rows @ turn).argmax(1) for rows in (layer, other))
    own = Concept("colour", "categorical", colours, ("red", "blue"))
    data = Labelled(
        layer @ turn, own, (Concept("class", "categorical", classes, ("a", "b")),), np.arange(samples)
    )
    return data, tail, float((before != after).double().mean())


def effect(data, tail, **options):
    settings = {"draws": 20, "permutations": 3, "signs": 199} | options
    found = estimate(data, tail, **settings)
    return effect_of_estimate("colour", found, inputs=len(data.layer), level=0.05)


@pytest.mark.parametrize(("weight", "tied"), [(2.0, 0.0), (0.5, 0.0), (2.0, 0.8)])
def test_the_figure_is_the_true_rate(weight, tied):
    data, tail, truth = problem(weight=weight, tied=tied)
    found = effect(data, tail)
    assert found.basis == "estimated"
    assert found.flip_rate.value == pytest.approx(truth, abs=0.05)
    assert found.flip_rate.low <= truth <= found.flip_rate.high
    assert found.shown and found.p <= 0.05
    assert found.null["flip_rate"] < 0.05
    assert set(found.values) == {"red", "blue"}
    assert found.by_class


def test_what_the_head_does_not_read_has_no_effect_though_the_layer_holds_it():
    data, tail, truth = problem(weight=0.0)
    found = effect(data, tail)
    assert truth == 0
    assert found.flip_rate.low == 0 and found.flip_rate.value < 0.01
    assert not found.shown


def test_shuffled_values_have_none():
    shown = 0
    for seed in range(6):
        data, tail, _ = problem(seed)
        shuffled = data.concept.at(np.random.default_rng(seed).permutation(N))
        shown += effect(data._replace(concept=shuffled), tail, draws=1, permutations=1).shown
    assert shown <= 1


def test_a_number_takes_values_of_other_ranges():
    data, tail, truth = problem()
    random = np.random.default_rng(0)
    numbers = np.asarray(data.concept.values) + 0.1 * random.random(N)
    found = effect(data._replace(concept=Concept("colour", "numeric", numbers)), tail)
    assert len(found.values) == 4
    # of three other ranges, two are of the other colour
    assert found.flip_rate.value == pytest.approx(truth * 2 / 3, abs=0.07)


def test_unknown_values_of_another_concept_are_no_value():
    """Colour goes with the class, and the head by the class alone; of some samples the class is not known."""
    data, tail, _ = problem(weight=0.0, tied=0.7)
    some = data.others[0].without(np.arange(N) % 4 == 0)
    kept = complete(data._replace(others=(some,)))
    assert len(kept.layer) == N * 3 // 4
    assert effect(kept, tail).flip_rate.value < 0.05, "counted as a class of its own, unknown values made .14"
    most = data._replace(others=(data.others[0].without(np.arange(N) % 4 > 0),))
    assert complete(most) is most, "too few would be left"


def test_the_spread_of_two_values_is_that_of_the_prediction():
    data, tail, truth = problem()
    share = np.asarray(data.concept.values).mean()
    assert effect(data, tail).class_std.value == pytest.approx(truth * (share * (1 - share)) ** 0.5, abs=0.05)


def test_outputs_that_are_no_classes_have_a_change():
    data, tail, _ = problem()
    found = effect(data, lambda rows: tail(rows)[:, 1])
    assert found.kind == "scalar" and math.isnan(found.flip_rate.value)
    assert found.change.value == pytest.approx(6.0, rel=0.1)


def test_a_layer_behind_a_relu_stays_there():
    data, tail, _ = problem()
    lowest = []

    def watched(rows):
        lowest.append(rows.min())
        return tail(rows)

    effect(data._replace(layer=np.maximum(data.layer, 0)), watched, draws=2)
    assert min(lowest) == 0


def test_the_same_seed_gives_the_same_figures():
    data, tail, _ = problem(samples=120)
    assert effect(data, tail, draws=3) == effect(data, tail, draws=3)


def test_a_fit_says_what_labels_tell_and_keeps_it(tmp_path, toy):
    """End to end: in the explanation, in the JSON, in the headline, and after loading."""
    explanation = toy.interpreter.explain(localizer=None)
    assert set(explanation.effects) == {"shape", "hue"}
    assert explanation.effects["shape"].basis == "estimated"
    report = toy.interpreter.report(localizer=None)
    assert report.to_dict()["effects"]["shape"]["basis"] == "estimated"
    toy.interpreter.save(tmp_path / "fit")
    again = inn.load(tmp_path / "fit", toy.model).explain(toy.fresh, localizer=None)
    assert again.effects == explanation.effects


@pytest.mark.slow
def test_intervals_hold_the_truth_in_simulation():
    held = 0
    for seed in range(60):
        data, tail, truth = problem(seed, weight=0.7, samples=250)
        found = effect(data, tail, draws=30)
        held += found.flip_rate.low <= truth <= found.flip_rate.high
    assert held >= 54
