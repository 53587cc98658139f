"""The leakage matrix on codes whose truth is known, and the verdicts drawn from it."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from interpret_inn.explaining import probed_splits as module
from interpret_inn.explaining.leakage import read_factors, summaries
from interpret_inn.explaining.probed_splits import EncodedSplit, ProbedSplits, principal
from interpret_inn.explaining.verdicts import verdicts
from interpret_inn.types import Concept, Factors

pytestmark = pytest.mark.usefixtures("hasty_probes")

FACTORS = Factors.from_sizes({"shape": 2, "size": 2, "hue": 2, "free": 1}, total=9)


@pytest.fixture(scope="module")
def world():
    """900 samples with codes that carry each concept in its own factor, and z that mixes all."""
    generator = np.random.default_rng(0)
    shape, size = generator.integers(0, 3, 900), generator.normal(size=900)
    hue = generator.uniform(-math.pi, math.pi, 900)
    codes = generator.normal(size=(900, 9))
    codes[:, 0] = 2 * shape + 0.3 * codes[:, 0]
    codes[:, 2] = size + 0.1 * codes[:, 2]
    codes[:, 4], codes[:, 5] = np.cos(hue), np.sin(hue)
    codes[:, 8] += 0.7 * size  # the residual leaks a third of it
    concepts = [
        Concept("shape", "categorical", shape, ("disc", "square", "star")),
        Concept("size", "numeric", size),
        Concept("hue", "cyclic", hue),
        Concept("free", "unlabelled"),
    ]
    z = codes @ np.linalg.qr(generator.normal(size=(9, 9)))[0]
    return codes, z, concepts, generator.permutation(900)


def split(world, index, **changes):
    """Some samples of the world; the unfitted flow mixes everything, as `z` does."""
    codes, z, concepts, _ = world
    known = [concept.at(index) for concept in changes.pop("concepts", concepts)]
    return EncodedSplit(codes[index], z[index], z[index], known)._replace(**changes)


def computed(world, *, concepts=None, groups=None, factors=FACTORS, seed=0, train=None, test=None, **options):
    train = world[3][:600] if train is None else train
    test = world[3][600:] if test is None else test
    concepts = world[2] if concepts is None else concepts
    both = [
        split(world, index, concepts=concepts, groups=None if groups is None else groups[index])
        for index in (train, test)
    ]
    both[0] = both[0]._replace(codes=torch.tensor(both[0].codes))  # tensors and arrays alike
    return read_factors(ProbedSplits(*both, seed=seed, **options), factors).leakage


@pytest.fixture(scope="module")
def whole(world):
    """The matrix of all of it."""
    return computed(world)


def test_every_concept_is_found_in_its_own_factor_and_leaks_are_found(whole):
    found = whole
    assert found.concepts == ("shape", "size", "hue")
    assert found.factors == ("shape", "size", "hue", "free", "residual")
    assert found.kind == {"shape": "accuracy", "size": "r2", "hue": "r2"}
    for concept, expected in {"shape": 0.99, "size": 0.98, "hue": 0.99}.items():
        assert found.scores[concept][concept].linear.value > expected
        assert found.representation[concept].linear.value > expected - 0.02
        for factor in set(FACTORS.names) - {concept}:
            leak = found.scores[concept][factor].linear
            if (concept, factor) == ("size", "residual"):
                assert leak.value == pytest.approx(0.33, abs=0.1)
                assert leak.low > found.chance[concept]
            else:
                assert leak.low <= found.chance[concept] + 0.01
    assert found.chance["size"] == 0
    assert 0.33 < found.chance["shape"] < 0.42
    assert set(found.unfitted) == {"shape", "size", "hue"}
    assert set(found.association["shape"]) == {"size", "hue"}
    assert found.association["size"]["shape"] < 0.05


def test_concepts_are_carried_and_gained_and_what_leaks_is_named(whole):
    judged = verdicts(whole)
    assert [verdict.carried.holds for verdict in judged.values()] == [True, True, True]
    assert [verdict.confined.holds for verdict in judged.values()] == [True, False, True]
    assert judged["size"].confined.sentence.startswith(
        "size can be read from other factors: the residual still tells"
    )
    assert "free" not in judged


def test_summaries_say_how_large_factors_are():
    by_name = {line.name: line for line in summaries(FACTORS, raw_scores={"shape": 0.4})}
    assert by_name["shape"].raw_score == 0.4
    assert math.isnan(by_name["size"].raw_score)
    assert (by_name["shape"].size, by_name["shape"].share) == (2, pytest.approx(2 / 9))


def test_samples_with_values_of_both_concepts_are_counted(whole):
    assert whole.samples["shape"] == {"shape": 300, "size": 300, "hue": 300}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shape", "size"])
def test_shuffled_labels_are_not_carried(world, name):
    carried = 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        shuffled = [
            dataclasses.replace(concept, values=generator.permutation(concept.values))
            for concept in world[2] if concept.name == name
        ]  # fmt: skip
        factors = Factors.from_sizes({name: 3}, total=9)
        found = computed(world, concepts=shuffled, factors=factors, rows=200, seed=seed)
        carried += verdicts(found)[name].carried.holds is True
    assert carried <= 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_matrix_and_rows_are_capped(world, monkeypatch):
    seen = []
    real = module.probe_readings
    monkeypatch.setattr(
        module,
        "probe_readings",
        lambda train, *rest, **options: seen.append(len(train)) or real(train, *rest, **options),
    )
    first = computed(world, concepts=world[2][1:2], rows=120)
    assert set(seen) == {120}
    assert first == computed(world, concepts=world[2][1:2], rows=120)
    assert first != computed(world, concepts=world[2][1:2], rows=120, seed=1)


@pytest.mark.slow
def test_groups_widen_intervals(world, whole):
    _, _, concepts, order = world
    together = computed(world, concepts=concepts[1:2], groups=np.arange(900) // 90)
    for found in (whole, together):
        assert found.scores["size"]["residual"].linear.value == pytest.approx(0.33, abs=0.1)
    codes = world[0]
    repeated = np.repeat(order[600:660], 5)
    train = split(world, order[:600], concepts=concepts[1:2])
    test = split(world, repeated, concepts=concepts[1:2])
    test = test._replace(representation=codes[repeated], unfitted=codes[repeated])
    widths = []
    for labels in (None, np.arange(900)):
        both = [
            one._replace(groups=None if labels is None else labels[index])
            for one, index in ((train, order[:600]), (test, repeated))
        ]
        found = read_factors(ProbedSplits(*both), FACTORS).leakage
        score = found.scores["size"]["residual"].linear
        widths.append(score.high - score.low)
    assert widths[1] > 1.7 * widths[0]  # five copies of each image are one image


@pytest.mark.slow
def test_positions_are_read_by_their_mean(world):
    codes = torch.tensor(world[0])
    offsets = torch.randn(900, 4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    positions = codes[:, None] + offsets - offsets.mean(1, keepdim=True)
    both = [
        split(world, index, concepts=world[2][1:2], codes=positions[index])
        for index in (world[3][:600], world[3][600:])
    ]
    found = read_factors(ProbedSplits(*both), FACTORS).leakage
    expected = computed(world, concepts=world[2][1:2])
    assert found.scores["size"]["size"].linear.value == pytest.approx(
        expected.scores["size"]["size"].linear.value
    )


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "width"), [(60, 700), (700, 600), (1100, 8300)])
def test_wide_representations_are_read_from_their_leading_axes(rows, width):
    generator = np.random.default_rng(1)
    hidden = 10 * generator.normal(size=(rows, 3))
    mixing = generator.normal(size=(3, width)) / math.sqrt(width)
    wide = hidden @ mixing + 0.01 * generator.normal(size=(rows, width)) / math.sqrt(width)
    train, test = principal(wide[: rows // 2 * 2], wide[-20:])
    assert train.shape[1] == min(rows - 1, 512 if width <= 8192 else 256)
    leading = train.var(0).argsort()[-3:]
    solution = np.linalg.lstsq(train[:, leading], hidden[: rows // 2 * 2], rcond=None)[0]
    np.testing.assert_allclose(test[:, leading] @ solution, hidden[-20:], atol=1.5)
    narrow = np.zeros((4, 512))
    assert principal(narrow, narrow)[0] is narrow


def test_axes_of_the_widest_are_orthonormal_and_come_from_some_of_the_rows(monkeypatch):
    monkeypatch.setattr(module, "WIDEST", 8)
    monkeypatch.setattr(module, "_SQUARE", 20)
    sizes = np.arange(1.0, 41)
    train, test = principal(np.diag(sizes), np.eye(40))  # each row is the only one with its column
    axes = train / sizes[:, None]
    np.testing.assert_allclose(test, axes)
    np.testing.assert_allclose(axes.T @ axes, np.eye(4), atol=1e-9)
    assert (np.abs(axes).sum(1) > 1e-9).sum() == 16  # four for each axis
    assert principal(np.diag(sizes)[:, :20], np.eye(40)[:, :20])[0].shape == (40, 8)
    assert principal(np.diag(sizes)[:19, :20], np.eye(40)[:, :20])[0].shape == (19, 8)


def test_a_concept_without_values_on_the_training_split_is_not_scored(world):
    values = world[2][1].values.copy()
    values[world[3][:600]] = np.nan
    found = computed(world, concepts=[Concept("size", "numeric", values)])
    assert math.isnan(found.scores["size"]["size"].linear.value)
    assert math.isnan(found.unfitted["size"].value)
    carried = verdicts(found)["size"].carried
    assert carried.holds is None and "too few samples have a value" in carried.sentence


def test_leading_axes_do_not_hang_on_the_units_of_the_columns():
    wide = np.random.default_rng(0).normal(size=(20, 600))
    assert {principal(scale * wide, scale * wide)[0].shape for scale in (1e-6, 1.0, 1e6)} == {(20, 19)}
