"""Training samples among which concepts do not go together, and directions that are found from these."""

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.errors import PluginError
from interpret_inn.fitting.balanced import _kept, balanced
from interpret_inn.fitting.fit import fit
from interpret_inn.fitting.pool import Pool
from interpret_inn.translating.settings import FitSettings
from interpret_inn_labels import association

N, WIDTH = 3000, 8


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def labels_that_go_together(agree, count=N, seed=0):
    """Two classes of three; with this probability the second is the first."""
    random = np.random.default_rng(seed)
    first, other = random.integers(0, 3, (2, count))
    return {"form": first, "hue": np.where(random.random(count) < agree, first, other)}


def layer(labels, seed=0):
    """Rows (N, 8): two axes tell the form and two others the hue, each by itself."""
    random = np.random.default_rng(seed + 100)
    rows = random.normal(size=(len(labels["form"]), WIDTH))
    corners = 3 * np.array([[0, 0], [1, 0], [0, 1]])
    rows[:, :2] += corners[labels["form"]]
    rows[:, 2:4] += corners[labels["hue"]]
    turn = np.linalg.qr(np.random.default_rng(9).normal(size=(WIDTH, WIDTH)))[0]
    return torch.from_numpy(rows @ turn.T).float(), turn


def source_of(agree, **options):
    labels = labels_that_go_together(agree)
    rows, _ = layer(labels)
    return inn.concept_source("labels", data=rows, labels=labels, **options)


def test_among_the_samples_that_are_kept_concepts_do_not_go_together():
    source = source_of(0.8)
    pool = Pool([source], seed=0)
    train = pool.indices("train")
    kept = balanced(pool, train, seeded(0))
    assert association([concept.at(train.numpy()) for concept in source.concepts])["form"]["hue"] > 0.7
    assert association([concept.at(kept.numpy()) for concept in source.concepts])["form"]["hue"] < 0.1
    assert (kept.diff() > 0).all(), "each once, in order"
    weights = source.sample_weights(train)
    worth = float(weights.sum() ** 2 / weights.square().sum())
    assert 0.5 * worth < len(kept) < 1.25 * worth
    assert torch.equal(balanced(pool, train, seeded(0)), kept)
    assert not torch.equal(balanced(pool, train, seeded(1)), kept)


@pytest.mark.parametrize(("agree", "options"), [(0.0, {}), (0.8, {"balance": False})])
def test_all_samples_are_kept_where_weights_are_even(agree, options):
    pool = Pool([source_of(agree, **options)], seed=0)
    train = pool.indices("train")
    assert torch.equal(balanced(pool, train, seeded(0)), train)


def test_samples_are_kept_in_proportion_to_their_weight_but_for_the_heaviest():
    weights = torch.tensor([0.1] * 50 + [1.0] * 45 + [8.0] * 5, dtype=torch.float64)
    kept = _kept(weights)
    assert (kept[-5:] == 1).all()
    torch.testing.assert_close(kept[:50] / kept[50], torch.full((50,), 0.1, dtype=torch.float64))
    assert 0.1 < kept[50] < 1


@pytest.mark.parametrize(
    ("give", "said"),
    [
        (lambda among: torch.ones(3), r"2100 numbers or None, found \(3,\)"),
        (lambda among: [1.0, 2.0], r"2100 numbers or None, found \(2,\)"),
        (lambda among: -torch.ones(len(among)), "finite numbers of 0 or more, found others"),
        (lambda among: np.full(len(among), np.nan), "finite numbers of 0 or more, found others"),
        (lambda among: torch.zeros(len(among)), "some sample a weight above 0, found none"),
        (lambda among: "heavy", "2100 numbers or None, found str"),
        (lambda among: ["1"] * len(among), "2100 numbers or None, found list"),
        (lambda among: torch.ones(len(among), dtype=torch.complex64), "numbers or None, found Tensor"),
        (lambda among: np.ones(len(among), complex), "2100 numbers or None, found ndarray"),
        (lambda among: [[1.0], [1.0, 2.0]], "2100 numbers or None, found list"),
    ],
)
def test_weights_that_are_none_are_refused(give, said):
    source = source_of(0.0)
    source.sample_weights = give
    pool = Pool([source], seed=0)
    with pytest.raises(
        PluginError, match=f"'labels' cannot be used. Expected sample_weights.among. to .*{said}"
    ):
        balanced(pool, pool.indices("train"), seeded(0))


@pytest.mark.parametrize("form", [np.asarray, list, lambda given: given.float(), lambda given: 1e200 * given])
def test_weights_of_any_form_and_size_draw_the_same(form):
    source = source_of(0.0)
    pool = Pool([source], seed=0)
    train = pool.indices("train")
    source.sample_weights = lambda among: 1.0 + 7 * (among % 4 == 0).double()
    expected = balanced(pool, train, seeded(0))
    assert len(expected) < len(train)
    source.sample_weights = lambda among: form(1.0 + 7 * (among % 4 == 0).double())
    assert torch.equal(balanced(pool, train, seeded(0)), expected)


def fitted(source):
    backbone = Backbone(torch.nn.Sequential(torch.nn.Identity()).eval(), "0", preprocess="identity")
    return fit(backbone, [source], seed=0, settings=FitSettings(), sizes=None, cache=None, checkpoint=None)[0]


def test_factors_tell_their_own_concept_alone_though_the_data_mix_them():
    """On samples whose concepts are independent, the hue's factor tells next to nothing of the form."""
    fresh = labels_that_go_together(0.0, seed=5)
    rows, _ = layer(fresh, seed=5)
    told = {}
    for balance in (True, False):
        found = fitted(source_of(0.9, balance=balance))
        codes = found.network(rows)[0].double()
        (note,) = [note for note in found.notes if "go together in the data. Their" in note] or [""]
        assert balance == note.startswith("Concepts go together in the data. Their directions come from ")
        told[balance] = {
            (factor, concept): between(codes[:, found.factors[factor].slice], fresh[concept])
            for factor in fresh
            for concept in fresh
        }
    for own, other in (("form", "hue"), ("hue", "form")):
        assert told[True][own, own] > 0.7, "at most .75 can be between these classes"
        assert told[True][own, other] < 0.03 < told[False][own, other]


def between(codes, labels):
    """Share of the codes' variance that lies between classes, of the axis that has most."""
    means = torch.stack([codes[torch.from_numpy(labels == each)].mean(0) for each in range(3)])
    return float((means[labels].var(0) / codes.var(0)).max())


def test_all_samples_are_taken_if_too_few_would_be_left():
    labels = {name: values[:100] for name, values in labels_that_go_together(0.9).items()}
    rows, _ = layer(labels)
    found = fitted(inn.concept_source("labels", data=rows, labels=labels))
    (note,) = [note for note in found.notes if "directions come from" in note]
    assert note.startswith("Concepts go together in the data, and so they may in their factors: only ")
    assert "fewer than 3 for each of 8 axes, so directions come from all" in note
