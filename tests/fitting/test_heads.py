"""Canonical directions against oracles: CCA, the covariance between classes, and what chance brings."""

import math

import numpy as np
import pytest
import torch
from sklearn.cross_decomposition import CCA
from torch import Generator

from interpret_inn.fitting.heads import functions_of
from interpret_inn.fitting.heads import head as trusted_head
from interpret_inn.types import Concept
from interpret_inn.types.concepts import _orthonormal

N, WIDTH = 600, 8


def seeded(seed):
    return Generator().manual_seed(seed)


def head(white, concept, groups=None):
    """Of axes of one variance, which are all trusted alike."""
    groups = np.arange(len(white)) if groups is None else groups
    return trusted_head(white, concept, groups, torch.ones(white.shape[1]).double())


def whitened(rows):
    """Rows (N, d), float64, made exactly white."""
    return torch.from_numpy(_orthonormal(rows.double().numpy()))


@pytest.fixture(scope="module")
def white():
    return whitened(torch.randn(N, WIDTH, generator=seeded(0)))


def numbers(white, columns=1, *, noise=0.5):
    told = white[:, :columns] + noise * torch.randn(len(white), columns, generator=seeded(1))
    return Concept("number", "numeric", (told[:, 0] if columns == 1 else told).double().numpy())


def classes(white, count=4):
    """Classes that the first two axes tell, with mistakes."""
    seen = white[:, :2] + 0.3 * torch.randn(len(white), 2, generator=seeded(2))
    labels = ((torch.atan2(seen[:, 0], seen[:, 1]) / math.pi + 1) / 2 * count).long().clamp_max(count - 1)
    return Concept("class", "categorical", labels.numpy(), tuple(str(c) for c in range(count)))


def angles(white):
    seen = white[:, :2] + 0.3 * torch.randn(len(white), 2, generator=seeded(3))
    return Concept("angle", "cyclic", torch.atan2(seen[:, 0], seen[:, 1]).numpy() % (2 * math.pi))


def chosen(kind, white):
    return {
        "number": numbers,
        "numbers": lambda rows: numbers(rows, 3),
        "classes": classes,
        "angles": angles,
    }[kind](white)


def without_chance(squared):
    chance = WIDTH / N
    return np.clip((np.asarray(squared) - chance) / (1 - chance), 0, 1)


@pytest.mark.parametrize("kind", ["number", "numbers", "angles"])
def test_strengths_are_squared_canonical_correlations(kind, white):
    concept = chosen(kind, white)
    functions = functions_of(concept).numpy()
    count = functions.shape[1]
    left, right = CCA(count, scale=False, max_iter=2000, tol=1e-10).fit_transform(white.numpy(), functions)
    squared = [np.corrcoef(left[:, k], right[:, k])[0, 1] ** 2 for k in range(count)]
    found = head(white, concept)
    np.testing.assert_allclose(found.strengths, without_chance(squared), atol=0.03)
    for k in range(count):
        assert abs(np.corrcoef(white.numpy() @ found.directions[:, k].numpy(), left[:, k])[0, 1]) > 0.9999


def test_strengths_of_classes_are_the_variance_between_them(white):
    concept = classes(white)
    between = sum(
        (concept.values == c).mean()
        * np.outer(*2 * [white[torch.from_numpy(concept.values == c)].mean(0).numpy()])
        for c in range(4)
    )
    values, vectors = np.linalg.eigh(between)
    found = head(white, concept)
    assert found.directions.shape == (WIDTH, 3)
    np.testing.assert_allclose(found.strengths, without_chance(values[::-1][:3]), atol=0.03)
    for k in range(2):
        assert abs(found.directions[:, k].numpy() @ vectors[:, -1 - k]) > 1 - 1e-9


@pytest.mark.parametrize("kind", ["number", "numbers", "classes", "angles"])
def test_directions_are_orthonormal_and_the_strongest_first(kind, white):
    found = head(white, chosen(kind, white))
    count = found.directions.shape[1]
    torch.testing.assert_close(found.directions.T @ found.directions, torch.eye(count).double())
    assert bool((found.strengths.diff() <= 0.02).all())
    assert bool(((found.strengths >= 0) & (found.strengths <= 1)).all())


@pytest.mark.parametrize(("kind", "count"), [("number", 1), ("numbers", 3), ("classes", 2), ("angles", 2)])
def test_clear_directions_are_those_that_tell_it(kind, count, white):
    found = head(white, chosen(kind, white))
    assert found.clear == count
    told = torch.linalg.svdvals(found.directions[:count, :count])
    assert float(told.min()) > 0.95


@pytest.mark.parametrize("count", [2, 5, 10])
def test_random_labels_give_few_directions_of_strength_near_zero(count):
    clear, strongest = [], []
    for seed in range(10):
        rows = whitened(torch.randn(N, WIDTH, generator=seeded(seed)))
        labels = torch.randint(count, (N,), generator=seeded(100 + seed)).numpy()
        found = head(rows, Concept("c", "categorical", labels, tuple("0123456789"[:count])))
        clear.append(found.clear)
        strongest.append(float(found.strengths[0]))
        assert found.clear >= 1
    assert np.mean(clear) <= max(1, 0.4 * (count - 1))
    assert max(strongest) < 0.08


def test_what_chance_brings_is_deducted():
    """Over many draws of random numbers the correlation itself is d/N, and what is left of it is 0 on average."""
    raw = []
    for seed in range(200):
        rows = whitened(torch.randn(60, 6, generator=seeded(seed)))
        values = torch.randn(60, generator=seeded(1000 + seed)).double().numpy()
        functions = functions_of(Concept("n", "numeric", values))
        raw.append(float((rows.T @ functions / 60).square().sum()))
    assert np.mean(raw) == pytest.approx(6 / 59, rel=0.1)


@pytest.mark.parametrize("kind", ["number", "numbers", "classes", "angles"])
def test_missing_values_are_left_out(kind, white):
    concept = chosen(kind, white)
    hidden = np.arange(N) % 3 == 0
    found, expected = head(white, concept.without(hidden)), head(white[~hidden], concept.at(~hidden))
    assert torch.equal(found.directions, expected.directions)
    assert torch.equal(found.strengths, expected.strengths)


def test_a_constant_gives_one_direction_without_strength(white):
    for concept in (
        Concept("c", "categorical", np.zeros(N, np.int64), ("a", "b")),
        Concept("n", "numeric", np.full(N, 2.5)),
        Concept("a", "cyclic", np.full(N, 1.0)),
    ):
        found = head(white, concept)
        assert found.clear == 1
        assert found.directions.shape == (WIDTH, 1)
        assert float(found.directions.square().sum()) == pytest.approx(1)
        assert found.strengths.tolist() == [0]


def test_the_first_directions_alone(white):
    found = head(white, numbers(white, 3))
    part = found.first(2)
    assert torch.equal(part.directions, found.directions[:, :2])
    assert torch.equal(part.strengths, found.strengths[:2])
    assert (part.clear, found.first(9).clear) == (2, 3)


@pytest.mark.parametrize("kind", ["number", "numbers", "angles"])
def test_functions_are_orthonormal(kind, white):
    functions = functions_of(chosen(kind, white))
    expected = {"number": 1, "numbers": 3, "angles": 2}[kind]
    assert functions.shape == (N, expected)
    torch.testing.assert_close(functions.mean(0), torch.zeros(expected).double())
    torch.testing.assert_close(functions.T @ functions / N, torch.eye(expected).double())


def test_functions_of_classes_project_on_all_contrasts(white):
    functions = functions_of(classes(white))
    projection = functions.T @ functions / N
    torch.testing.assert_close(projection @ projection, projection)
    assert float(projection.trace()) == pytest.approx(3)


def test_functions_of_a_number_only_ask_for_its_order(white):
    concept = numbers(white)
    other = Concept("number", "numeric", np.exp(3 * concept.values))
    torch.testing.assert_close(functions_of(concept), functions_of(other))
