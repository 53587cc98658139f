"""Effects that pairs set the scale of, where single samples react in their own way."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.effects.calibrated import FORM, Calibration, Reactions, calibrate
from interpret_inn.effects.estimate_records import effect_of_calibration
from interpret_inn.effects.labelled_layer import Labelled
from interpret_inn.types import Concept

N = 800


def concept(values: Any) -> Concept:
    return Concept("colour", "categorical", np.asarray(values), ("red", "blue"))


def problem(reaction: float, *, mean: float = 0.5, seed: int = 0) -> tuple[Labelled, Any, Any, float]:
    """A layer whose samples move by `mean` on average and by `reaction` besides, each in its own way.

    Returns:
        The samples, the layers behind, a function that gives the pairs of some samples, and the true rate.
    """
    random = np.random.default_rng(seed)
    classes, colours = random.integers(2, size=N), random.integers(2, size=N)
    plain = random.normal(size=(N, 5))
    plain[:, 0] += 2.0 * classes
    other = plain + reaction * random.normal(size=(N, 5))
    other[:, 0] += mean
    ends = np.stack([plain, other])
    layer, counterpart = ends[colours, np.arange(N)], ends[1 - colours, np.arange(N)]

    def tail(rows: np.ndarray) -> torch.Tensor:
        outputs = torch.from_numpy(rows[:, :1] - 1.2)
        return torch.cat([outputs, -outputs], 1)

    def pairs(chosen: np.ndarray) -> Reactions:
        ends = (concept(colours[chosen]), concept(1 - colours[chosen]))
        return Reactions(layer[chosen], counterpart[chosen], *ends, np.arange(len(chosen)))

    flips = tail(layer).argmax(1) != tail(counterpart).argmax(1)
    other_concept = Concept("class", "categorical", classes, ("a", "b"))
    data = Labelled(layer, concept(colours), (other_concept,), np.arange(N))
    return data, tail, pairs, float(flips.double().mean())


def found(data: Labelled, tail: Any, reactions: Reactions, draws: int = 2) -> Calibration:
    calibration = calibrate(data, tail, reactions, draws=draws)
    assert calibration is not None
    return calibration


def rate(calibration: Calibration) -> float:
    return calibration.drawn.found[FORM]["flip",] + calibration.more


@pytest.mark.parametrize("reaction", [0.0, 0.4, 0.9])
def test_thirty_pairs_tell_how_far_samples_react(reaction: float) -> None:
    data, tail, pairs, truth = problem(reaction)
    assert rate(found(data, tail, pairs(np.arange(30)))) == pytest.approx(truth, abs=0.03)


def test_without_a_change_nothing_is_found() -> None:
    data, tail, pairs, truth = problem(0.0, mean=0.0)
    assert truth == 0
    assert rate(found(data, tail, pairs(np.arange(30)))) < 0.005


def test_pairs_may_go_either_way() -> None:
    data, tail, pairs, _ = problem(0.4)
    given = pairs(np.arange(60))
    turned = Reactions(given.second, given.first, given.after, given.before, given.groups)
    keys = (("flip",), ("kl",), ("change",))
    one, other = (found(data, tail, each).drawn.found[FORM] for each in (given, turned))
    assert [one[key] for key in keys] == pytest.approx([other[key] for key in keys])


def test_more_pairs_leave_less_doubt() -> None:
    data, tail, pairs, truth = problem(0.6)
    few, many = (found(data, tail, pairs(np.arange(count)), 20) for count in (20, 180))
    assert many.doubt < few.doubt
    for one, count in ((few, 20), (many, 180)):
        score = effect_of_calibration("colour", one, inputs=count).flip_rate
        assert score.low <= truth <= score.high


def test_variants_of_one_pair_count_once() -> None:
    data, tail, pairs, _ = problem(0.6)
    copies = pairs(np.arange(20)).at(np.repeat(np.arange(20), 6))
    apart = copies._replace(groups=np.arange(120))
    together, one_by_one = (found(data, tail, each, 40) for each in (copies, apart))
    assert together.doubt > one_by_one.doubt
    flips = (together.drawn.deviation(FORM, ("flip",)), one_by_one.drawn.deviation(FORM, ("flip",)))
    assert flips[0] > flips[1]


def test_pairs_that_do_otherwise_deny_the_estimate() -> None:
    """Samples near the border do not move at all, and the others far: a model of all alike is wrong."""
    data, tail, pairs, _ = problem(1.5)
    given = pairs(np.arange(100))
    stays = given.first[:, 0] < 2.7
    second = np.where(stays[:, None], given.first, given.second)
    assert calibrate(data, tail, given._replace(second=second), draws=1) is None


@pytest.mark.slow
def test_intervals_hold_the_truth() -> None:
    held, made = 0, 0
    for seed in range(60):
        data, tail, pairs, truth = problem(0.2 + 0.01 * seed, seed=seed)
        calibration = calibrate(data, tail, pairs(np.arange(40)), draws=20)
        if calibration is None:  # by chance, as one in twenty
            continue
        score = effect_of_calibration("colour", calibration, inputs=40).flip_rate
        held, made = held + (score.low <= truth <= score.high), made + 1
    assert made >= 50
    assert held >= 0.93 * made


@pytest.mark.usefixtures("hasty_probes")
def test_few_pairs_are_calibrated_and_many_measured(coloured: Any) -> None:
    from .test_counterfactuals import explained, sides
    from .tiny import COLOURS

    first, second, before, after = sides(coloured)
    names = [[COLOURS[index] for index in one] for one in (before, after)]
    effect = explained(coloured, {"colour": (first, second, *names)}).effects["colour"]
    assert effect.basis == "calibrated"
    assert effect.inputs == 40
    assert "These pairs alone show" in " ".join(effect.notes)
    assert "labels the rest" in effect.sentence
    assert effect.flip_rate.low <= 1 - coloured.marked.mean() <= effect.flip_rate.high
    again = [np.concatenate([one] * 6) for one in (first, second, *names)]
    assert explained(coloured, {"colour": tuple(again)}).effects["colour"].basis == "measured"


def test_what_pairs_deny_is_not_calibrated() -> None:
    from interpret_inn.effects.from_pairs import _better
    from interpret_inn.effects.records import Effect
    from interpret_inn.types import Score

    nothing = Score(float("nan"))
    measured = Effect("colour", "measured", "classes", Score(0.5, 0.3, 0.7), nothing, nothing, nothing)
    close = dataclasses.replace(measured, flip_rate=Score(0.45, 0.4, 0.5))
    assert _better(close, measured)
    assert not _better(dataclasses.replace(measured, flip_rate=Score(0.2, 0.15, 0.25)), measured)
    assert not _better(dataclasses.replace(measured, flip_rate=Score(0.5, 0.2, 0.8)), measured)


def test_a_concept_that_others_determine_is_not_calibrated() -> None:
    data, tail, pairs, _ = problem(0.4)
    same = Concept("class", "categorical", np.asarray(data.concept.values), ("a", "b"))
    assert calibrate(data._replace(others=(same,)), tail, pairs(np.arange(40)), draws=1) is None


def test_shares_and_their_intervals_end_at_one() -> None:
    from interpret_inn.effects.draws import Drawn

    key = ("flip",)
    drawn = Drawn({FORM: {key: 0.995}}, {FORM: {key: np.array([0.99, 1.0])}}, "classes")
    from interpret_inn.effects.estimate_records import _around

    score = _around(Calibration(drawn, 0.06, 0.01, 0.03), key, share=True)
    assert 0.9 < score.low < score.value == score.high == 1.0


def test_pairs_that_differ_from_the_model_leave_more_doubt() -> None:
    data, tail, pairs, _ = problem(0.8)
    given = pairs(np.arange(120))
    half = np.where((np.arange(120) % 4 == 0)[:, None], given.first, given.second)  # a quarter does not move
    plain, other = (calibrate(data, tail, one, draws=1) for one in (given, given._replace(second=half)))
    assert plain is not None
    assert other is None or other.typical > plain.typical


def test_classes_without_samples_and_copies_of_a_first_image_count_for_nothing() -> None:
    from interpret_inn.effects.from_pairs import _of_known_values

    _, _, pairs, _ = problem(0.4)
    given = pairs(np.arange(10))
    values = np.asarray(given.after.values).copy()
    values[:3] = 7
    odd = given._replace(after=concept(values))
    assert len(_of_known_values(odd, concept([0, 1])).first) == 7


def test_many_classes_take_seconds() -> None:
    """The spread of shifts is one product, whatever the number of classes; ways of one sample add nothing."""
    from interpret_inn.effects.alternatives import alternatives
    from interpret_inn.effects.calibrated import _spread_of_shifts
    from interpret_inn.effects.labelled_layer import LabelledLayer

    random = np.random.default_rng(0)
    classes, other = random.integers(3, size=300), random.integers(2, size=300)
    rows = random.normal(size=(300, 4)) + 3 * classes[:, None] * np.array([1, 0, 0, 0]) * (1 + other[:, None])
    own = Concept("c", "categorical", classes, ("a", "b", "c"))
    data = Labelled(rows, own, (Concept("o", "categorical", other, ("x", "y")),), np.arange(300))
    taken = alternatives(own, seed=0)
    assert taken is not None
    layer = LabelledLayer(data, lambda given: torch.from_numpy(given), taken, None)
    shift, weights = layer.fitted(), np.ones(300)
    found = _spread_of_shifts(layer, shift, weights)
    literal, ways, total = np.zeros_like(found), set(), 0
    for moved, cells in zip(layer.shifts(shift), taken.others, strict=True):
        del moved
        ways |= {(int(a), int(b)) for a, b in zip(taken.cells, cells, strict=True)}
    for before, after in ways:
        some = [
            moved[place] @ layer.noise.whiten
            for moved, cells in zip(layer.shifts(shift), taken.others, strict=True)
            for place in np.flatnonzero((taken.cells == before) & (cells == after))
        ]
        apart = np.array(some) - np.mean(some, 0)
        literal, total = literal + apart.T @ apart, total + len(some)
    np.testing.assert_allclose(found, literal / (total - len(ways)), atol=1e-10)
