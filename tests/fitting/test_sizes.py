"""Factor sizes against a literal re-implementation of IIN's estimate, and the caller's own."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from interpret_inn.errors import ConceptError
from interpret_inn.fitting.sizes import choose_sizes, concept_scores
from interpret_inn.types import SAME, Pairs


def literal_score(rows, first, second):
    """`s_F = Σᵢ cov(zᵃᵢ, zᵇᵢ) / Σᵢ var(zᵢ)`, dimension by dimension, as METHOD.md writes it."""
    covariance = total = 0.0
    for i in range(rows.shape[1]):
        mean = rows[:, i].mean()
        covariance += float(np.mean((rows[first, i] - mean) * (rows[second, i] - mean)))
        total += float(np.mean((rows[:, i] - mean) ** 2))
    return covariance / total


def literal_sizes(scores, width):
    """`⌊softmax(s)·D⌋` with the residual scored 1 and given what is left."""
    exponents = [math.exp(score) for score in (*scores, 1.0)]
    sizes = [math.floor(exponent / sum(exponents) * width) for exponent in exponents[:-1]]
    return [*sizes, width - sum(sizes)]


def pairs_of(n, rho, seed=0, samples=400):
    first, second = torch.randint(samples, (2, n), generator=Generator().manual_seed(seed))
    return Pairs(first, second, rho)


def sized(scores, *, width=64, **options):
    names = tuple(f"c{k}" for k in range(len(scores)))
    return choose_sizes(
        names, torch.tensor(scores), leading=width, total=options.pop("total", width), **options
    )


@pytest.fixture(scope="module")
def labelled():
    """400 rows that hold two labels, one of them three times as strongly, and pairs of equal labels."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4, (2, 400))
    centres = generator.normal(size=(2, 4, 12)) * np.array([3.0, 1.0])[:, None, None]
    rows = centres[0][labels[0]] + centres[1][labels[1]] + generator.normal(size=(400, 12)) + 5
    first = generator.integers(0, 400, (2, 3000))
    second = np.stack(
        [[generator.choice(np.flatnonzero(labels[k] == labels[k][i])) for i in first[k]] for k in range(2)]
    )
    rho = torch.zeros(6000, 3)
    rho[:3000, 0] = rho[3000:, 1] = SAME
    pairs = Pairs(torch.from_numpy(first.ravel()), torch.from_numpy(second.ravel()), rho)
    return rows, first, second, pairs


def test_scores_are_iins_estimate(labelled):
    rows, first, second, pairs = labelled
    expected = [literal_score(rows, first[k], second[k]) for k in range(2)]
    assert expected[0] > 2 * expected[1] > 0
    np.testing.assert_allclose(concept_scores(torch.from_numpy(rows), pairs).numpy(), expected, rtol=1e-6)


def test_scores_do_not_depend_on_units_or_origin(labelled):
    rows, _, _, pairs = labelled
    rows = torch.from_numpy(rows)
    torch.testing.assert_close(concept_scores(-7 * rows + 100, pairs), concept_scores(rows, pairs))


def test_graded_pairs_give_the_score_that_equal_ones_would():
    """A concept that holds a share s of the variance: pairs of correlation ρ have the covariance sρ."""
    generator = Generator().manual_seed(0)
    shared = torch.randn(20_000, 1, generator=generator)
    rest = torch.randn(2, 20_000, 3, generator=generator)
    partner = torch.randn(20_000, 1, generator=generator)
    rho = torch.rand(20_000, 1, generator=generator) * 1.9 - 0.95
    other = rho * shared + (1 - rho**2).sqrt() * partner
    rows = torch.cat((torch.cat((shared, rest[0]), 1), torch.cat((other, rest[1]), 1)))
    pairs = Pairs(
        torch.arange(20_000), torch.arange(20_000, 40_000), torch.cat((rho, torch.zeros_like(rho)), 1)
    )
    # one of four equal axes; 0.975 stands for "the same", so that ρ = 0.975 counts as 1
    assert float(concept_scores(rows, pairs)) == pytest.approx(0.25 * SAME, abs=0.02)


def test_pairs_that_share_all_but_one_concept_score_it_by_what_they_differ_in():
    """Two concepts of one and two axes of variance 4 and 1, beside a rest: 4/10, 2/10 and 4/10 of the variance."""
    generator = Generator().manual_seed(0)
    scales = torch.tensor([2.0, 1, 1, 2])
    rho = torch.full((40_000, 3), SAME)
    rho[:20_000, 0] = rho[20_000:, 1] = 0.0
    same = rho[:, [0, 1, 1, 2]]
    first = torch.randn(40_000, 4, generator=generator)
    second = same * first + (1 - same**2).sqrt() * torch.randn(40_000, 4, generator=generator)
    rows = torch.cat((first, second)) * scales
    pairs = Pairs(torch.arange(40_000), torch.arange(40_000, 80_000), rho)
    noise = 1 - SAME  # what is the same differs by so much
    expected = [0.4 + 0.6 * noise, 0.2 + 0.8 * noise]
    assert concept_scores(rows, pairs).tolist() == pytest.approx(expected, abs=0.02)
    opposite = rho.clone()
    opposite[:20_000, 0] = -SAME
    second[:20_000, 0] = -first[:20_000, 0]
    rows = torch.cat((first, second)) * scales
    found = concept_scores(rows, Pairs(pairs.first, pairs.second, opposite))
    assert float(found[0]) == pytest.approx(0.4 + 0.3 * noise, abs=0.02)


def test_scores_of_graded_pairs_that_share_the_rest_equal_a_literal_version():
    generator = Generator().manual_seed(3)
    rows = torch.randn(60, 4, generator=generator, dtype=torch.float64)
    rest = torch.rand(30, 1, generator=generator) * 0.6 + 0.3
    pairs = Pairs(
        torch.arange(30),
        torch.arange(30, 60),
        torch.cat((torch.rand(30, 1, generator=generator) * 0.3, rest), 1),
    )
    variance = float(rows.var(0, correction=0).sum())
    above = below = 0.0
    for i in range(30):
        own, shared = (float(value) for value in pairs.rho[i])
        apart = 1 - own / shared
        moved = float((rows[i] - rows[i + 30]).square().sum()) / (2 * variance)
        above, below = above + apart * moved, below + apart**2
    assert float(concept_scores(rows, pairs)) == pytest.approx(above / below)


def test_a_concept_that_no_pair_shares_scores_zero():
    rows = torch.randn(400, 5, generator=Generator().manual_seed(0))
    rho = torch.zeros(100, 3)
    rho[:, 0] = SAME
    scores = concept_scores(rows, pairs_of(100, rho))
    assert float(scores[1]) == 0
    assert bool(scores.isfinite().all())


def test_nothing_shared_scores_zero_also_where_nothing_differs():
    assert concept_scores(torch.ones(4, 3), pairs_of(5, torch.zeros(5, 3), samples=4)).tolist() == [0, 0]


def test_one_pair_of_a_small_correlation_is_enough():
    """Rows −1 and 1 around their mean 0: their covariance is minus the variance, over ρ in units of `SAME`."""
    pairs = Pairs(torch.tensor([0]), torch.tensor([1]), torch.tensor([[0.5, 0.0]]))
    assert float(concept_scores(torch.tensor([[-1.0], [1.0]]), pairs)) == pytest.approx(-SAME / 0.5)


def test_pairs_of_both_kinds_score_each_concept_by_its_own():
    """One source's pairs share the first concept; the other's share all but the second."""
    rows = torch.randn(400, 5, generator=Generator().manual_seed(0))
    same = pairs_of(100, torch.tensor([SAME, 0, 0]).repeat(100, 1), seed=1)
    but = pairs_of(100, torch.tensor([SAME, 0, SAME]).repeat(100, 1), seed=2)
    both = Pairs(*(torch.cat(columns) for columns in zip(same, but, strict=True)))
    found = concept_scores(rows, both)
    assert float(found[0]) == pytest.approx(float(concept_scores(rows, same)[0]))
    assert float(found[1]) == pytest.approx(float(concept_scores(rows, but)[1]))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1 + math.log(22.5 / 30), 1 + math.log(11.5 / 30)], [22, 11, 31]),  # IIN, coloured MNIST, classifier
        ([1 + math.log(13.5 / 33), 1 + math.log(17.5 / 33)], [13, 17, 34]),  # autoencoder
        ([0.0, 0.0], [13, 13, 38]),  # nothing in common, and yet: reported by the raw scores
        ([1.0], [32, 32]),
    ],
)
def test_sizes_are_the_published_ones(scores, expected):
    found = sized(scores)
    assert list(found.factors.sizes) == expected == literal_sizes(scores, 64)
    assert found.raw_scores == {
        **{f"c{k}": pytest.approx(score) for k, score in enumerate(scores)},
        "residual": 1.0,
    }


@settings(deadline=None)
@given(scores=st.lists(st.floats(-1, 2), min_size=1, max_size=20), width=st.integers(2, 300))
def test_every_factor_gets_an_axis_and_the_residual_one(scores, width):
    if len(scores) >= width:
        return
    sizes = sized(scores, width=width).factors.sizes
    assert sum(sizes) == width
    assert min(sizes) >= 1
    literal = literal_sizes(scores, width)
    if min(literal) >= 1:
        # single precision may round a product to the other side of a whole number
        assert all(abs(a - b) <= 1 for a, b in zip(sizes[:-1], literal[:-1], strict=True))


@pytest.mark.parametrize(
    ("scores", "sizes"), [([50.0], (3, 1)), ([50.0, 50.0], (1, 2, 1)), ([-9.0, 50.0], (1, 2, 1))]
)
def test_scores_that_would_take_all_axes_leave_one_to_the_residual(scores, sizes):
    assert sized(scores, width=4).factors.sizes == sizes


def test_axes_outside_the_blocks_go_to_the_residual():
    found = sized([1.0], width=10, total=100)
    assert found.factors.sizes == (5, 95)


def test_given_sizes_are_kept_and_the_rest_is_estimated():
    found = sized([0.9, 0.1], given={"c1": 30})
    assert found.factors["c1"].size == 30
    assert found.factors["c0"].size == literal_sizes([0.9], 34)[0]
    assert math.isnan(found.raw_scores["c1"])
    assert found.raw_scores["c0"] == pytest.approx(0.9)
    assert sized([0.9], given={"c0": np.int64(3)}).factors["c0"].size == 3


@pytest.mark.parametrize(
    ("scores", "width", "given", "text"),
    [
        (
            [0.5] * 4,
            4,
            None,
            "Expected fewer concepts than axes, found 4 concepts and 4 axes. Choose a wider",
        ),
        ([0.5], 8, {"c": 2}, "A size was given for 'c', which is no concept. Did you mean 'c0'?"),
        ([0.5], 8, {"c0": 8}, "leave at least 1 of 8 axes to the residual, found {'c0': 8}. Give smaller"),
        ([0.5, 0.5], 8, {"c0": 7}, "leave at least 1 of 8 axes to the residual, found {'c0': 7, 'c1': 1}"),
        ([0.5], 8, {"c0": 0}, "Expected a whole number of axes, at least 1, for 'c0', found 0."),
        ([0.5], 8, {"c0": 2.5}, "Expected a whole number of axes, at least 1, for 'c0', found 2.5."),
        ([0.5], 8, {"c0": True}, "Expected a whole number of axes, at least 1, for 'c0', found True."),
    ],
)
def test_sizes_that_cannot_be_are_refused(scores, width, given, text):
    with pytest.raises(ConceptError) as caught:
        sized(scores, width=width, given=given)
    assert text in str(caught.value)
