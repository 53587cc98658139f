"""Directions of several concepts: orthogonal, where they were planted, and fair to concepts of few directions."""

import numpy as np
import pytest
import torch
from torch import Generator

import interpret_inn as inn
from interpret_inn.data import samples
from interpret_inn.fitting.directions import find_directions
from interpret_inn.fitting.pool import Pool
from interpret_inn.types import SAME, Concept, Pairs
from interpret_inn.types.concepts import _orthonormal

N, WIDTH = 800, 12


def seeded(seed):
    return Generator().manual_seed(seed)


def turn(width=WIDTH):
    return torch.linalg.qr(torch.randn(width, width, generator=seeded(9), dtype=torch.float64)).Q


def directions_in(white, pool, *, given):
    """By all training samples, and axes that are all alike."""
    alike = torch.ones(white.shape[1], dtype=torch.float64)
    return find_directions(white, pool, pool.indices("train"), alike, given=given, seed=0)


def found_in(truth, labels, *, given=None, kinds=None):
    """Directions in rows (N, d) whose training split is exactly white, and the planted axes as columns."""
    source = inn.concept_source("labels", data=truth.float(), labels=labels, kinds=kinds or {})
    pool = Pool([source], seed=0)
    train = truth[pool.indices("train")].double()
    values, vectors = torch.linalg.eigh(torch.cov(train.T, correction=0))
    whitener = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    hidden = turn(truth.shape[1])
    white = (truth.double() - train.mean(0)) @ whitener @ hidden.T
    return directions_in(white, pool, given=given or {}), hidden


def spans(found, sizes):
    ends = np.cumsum(sizes)
    return [found.axes[:, end - size : end] for end, size in zip(ends, sizes, strict=True)]


def cosines(axes, planted):
    """Of the angles between subspaces, the smallest."""
    return float(torch.linalg.svdvals(axes.T @ planted).min())


@pytest.fixture(scope="module")
def truth():
    return torch.randn(N, WIDTH, generator=seeded(0))


def test_axes_are_orthogonal_and_span_what_was_planted(truth):
    angle = torch.atan2(truth[:, 3], truth[:, 4]).double() % (2 * torch.pi)
    labels = {
        "size": truth[:, 0].double().numpy(),
        "angle": angle.numpy(),
        "side": (truth[:, 6] > 0).long().numpy(),
    }
    found, hidden = found_in(truth, labels, kinds={"angle": "cyclic"})
    assert found.sizes == (1, 2, 1, 8)
    torch.testing.assert_close(found.axes.T @ found.axes, torch.eye(WIDTH).double())
    for axes, planted in zip(spans(found, found.sizes), ([0], [3, 4], [6]), strict=False):
        assert cosines(axes, hidden[:, planted]) > 0.97
    assert float((spans(found, found.sizes)[-1].T @ hidden[:, [0, 3, 4, 6]]).abs().max()) < 0.2


def test_strengths_are_those_of_the_axes(truth):
    noise = torch.randn(N, generator=seeded(1))
    labels = {"clear": truth[:, 0].double().numpy(), "dull": (truth[:, 1] + noise).double().numpy()}
    found, _ = found_in(truth, labels)
    assert found.strengths.shape == (2,)
    assert found.strengths.tolist() == pytest.approx([0.98, 0.5], abs=0.06)


def simplex(count):
    """As many points as far apart from each other as can be, (count, count − 1), of variance 1 along each axis."""
    return torch.from_numpy(_orthonormal(np.eye(count))).float()


def test_a_concept_of_many_directions_does_not_take_that_of_a_number():
    """Nine directions of ten classes outweigh the one of a number only by how many they are."""
    generator = seeded(2)
    labels = torch.arange(N) % 10
    truth = 0.5 * torch.randn(N, WIDTH, generator=generator)
    truth[:, :9] += simplex(10)[labels]
    number = truth[:, 0] + 0.8 * torch.randn(N, generator=generator)
    concepts = {"class": labels.numpy(), "number": number.double().numpy()}
    found, hidden = found_in(truth, concepts)
    assert found.sizes == (9, 1, 2)
    assert float(found.strengths[:9].median()) > 0.7
    assert 0.3 < float(found.strengths[9]) < 0.7
    classes, alone, _ = spans(found, found.sizes)
    assert cosines(alone, hidden[:, [0]]) > 0.9
    assert torch.linalg.svdvals(classes.T @ hidden[:, 1:9]).min() > 0.9


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_sizes_that_are_given_hold(truth, size):
    labels = {"size": truth[:, 0].double().numpy(), "side": (truth[:, 6] > 0).long().numpy()}
    found, hidden = found_in(truth, labels, given={"side": size})
    assert found.sizes == (1, size, WIDTH - 1 - size)
    assert len(found.strengths) == 1 + size
    torch.testing.assert_close(found.axes.T @ found.axes, torch.eye(WIDTH).double())
    own = spans(found, found.sizes)
    assert cosines(own[0], hidden[:, [0]]) > 0.97
    assert float(torch.linalg.svdvals(own[1].T @ hidden[:, [6]]).max()) > 0.97


def test_a_size_below_the_clear_directions_keeps_the_strongest(truth):
    labels = {"point": torch.stack((truth[:, 0], truth[:, 1] + truth[:, 2]), 1).double().numpy()}
    labels["point"][:, 1] += 2 * torch.randn(N, generator=seeded(3)).numpy()
    found, hidden = found_in(truth, labels, given={"point": 1})
    assert found.sizes == (1, WIDTH - 1)
    assert cosines(spans(found, found.sizes)[0], hidden[:, [0]]) > 0.95


def test_with_too_little_room_the_largest_concept_gives_way():
    generator = seeded(4)
    labels = torch.arange(N) % 6
    truth = 0.3 * torch.randn(N, 6, generator=generator)
    truth[:, :5] += simplex(6)[labels]
    concepts = {
        "class": labels.numpy(),
        "angle": torch.atan2(truth[:, 0], truth[:, 1]).double().numpy() % 6.28,
    }
    found, _ = found_in(truth, concepts, kinds={"angle": "cyclic"})
    assert found.sizes == (3, 2, 1)
    torch.testing.assert_close(found.axes.T @ found.axes, torch.eye(6).double())


def test_labels_that_nothing_tells_get_an_axis_each(truth):
    generator = seeded(5)
    labels = {
        "class": torch.randint(3, (N,), generator=generator).numpy(),
        "number": torch.randn(N, generator=generator).double().numpy(),
    }
    found, _ = found_in(truth, labels)
    assert found.sizes[1] == 1
    assert 1 <= found.sizes[0] <= 2
    assert float(found.strengths.max()) < 0.05


class Pairing:
    """An unlabelled concept: partners share the first two axes of rows, which come by twos that one split holds."""

    name = "pairing"

    def __init__(self, rows):
        groups = np.arange(N) % (N // 2)
        self.samples, self.concepts = samples(rows, groups=groups), (Concept("shared", "unlabelled"),)

    def sample_pairs(self, n, generator, among):
        chosen = among[torch.randint(len(among), (n,), generator=generator)]
        return Pairs(chosen, (chosen + N // 2) % N, torch.tensor([[SAME, 0.0]]).repeat(n, 1))


def test_a_concept_without_values_lies_where_its_pairs_go_together():
    generator = seeded(6)
    truth = torch.randn(N, 6, generator=generator)
    truth[N // 2 :, :2] = truth[: N // 2, :2]
    pool = Pool([Pairing(truth)], seed=0)
    values, vectors = torch.linalg.eigh(torch.cov(truth.double().T, correction=0))
    white = (truth.double() - truth.mean(0)) @ vectors @ torch.diag(values.rsqrt()) @ vectors.T
    found = directions_in(white, pool, given={"shared": 2})
    assert found.sizes == (2, 4)
    assert cosines(found.axes[:, :2], torch.eye(6).double()[:, :2]) > 0.9


def test_the_same_seed_finds_the_same(truth):
    labels = {"size": truth[:, 0].double().numpy(), "side": (truth[:, 6] > 0).long().numpy()}
    one, other = (found_in(truth, labels)[0] for _ in range(2))
    assert torch.equal(one.axes, other.axes)


def test_axes_are_those_of_the_stated_sum() -> None:
    """At its maximum no rotation between two concepts gains: Vⱼᵀ (Cₖ − Cⱼ) Vₖ = 0, with C as the formula says."""
    from interpret_inn.fitting.directions import _heads

    rows = torch.randn(2000, 8, generator=seeded(4), dtype=torch.float64)
    classes = (rows[:, :3] > 0).long() @ torch.tensor([4, 2, 1])
    number = rows[:, 0] + rows[:, 5]
    labels = {"class": classes.numpy(), "number": number.numpy()}
    pool = Pool([inn.concept_source("labels", data=rows.float(), labels=labels)], seed=0)
    train = pool.indices("train")
    values, vectors = torch.linalg.eigh(torch.cov(rows[train].T, correction=0))
    white = (rows - rows[train].mean(0)) @ vectors @ torch.diag(values.rsqrt())
    found = directions_in(white, pool, given={"class": 3, "number": 1})
    heads = _heads(white, pool, train, torch.ones(8, dtype=torch.float64), 0)
    first, second = (
        (head.directions * head.strengths / len(head.strengths) ** 0.5) @ head.directions.T
        for head in (one.first(size) for one, size in zip(heads, (3, 1), strict=True))
    )
    own, other = spans(found, found.sizes)[:2]
    turned = own.T @ (second - first) @ other
    assert abs(first).max() > 0.1
    assert turned.abs().max() < 1e-3
