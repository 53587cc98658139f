"""How many directions are called clear: none of noise in 19 of 20 draws, and all that are told."""

import numpy as np
import pytest
import torch
from torch import Generator

from interpret_inn.fitting.clear_directions import _by_chance, clear_directions
from interpret_inn.fitting.heads import functions_of, head
from interpret_inn.types import Concept


def white(count, width, seed):
    rows = torch.randn(count, width, generator=Generator().manual_seed(seed), dtype=torch.float64)
    rows = rows - rows.mean(0)
    return rows @ torch.linalg.inv(torch.linalg.cholesky(rows.T @ rows / count)).T


def of_classes(labels):
    return functions_of(
        Concept("c", "categorical", np.asarray(labels, np.int64), tuple(map(str, range(max(labels) + 1))))
    )


def clear(rows, functions, groups=None):
    return clear_directions(rows.T / len(rows), functions, np.arange(len(rows)) if groups is None else groups)


CASES = {
    "few classes of few axes": (300, 10, 10, 1),
    "many classes": (500, 30, 50, 1),
    "variants of few things": (400, 30, 10, 8),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_noise_has_no_clear_direction_in_19_of_20_draws(case):
    count, width, classes, variants = CASES[case]
    found = []
    for seed in range(60):
        things = np.random.default_rng(seed).integers(classes, size=count // variants)
        groups = np.arange(count) // variants
        # variants of one thing are alike in the layer, too
        rows = white(count // variants, width, seed).repeat_interleave(variants, 0)
        rows = rows + 0.3 * white(count, width, 1000 + seed)
        found.append(clear(rows, of_classes(things[groups]), groups))
    assert np.mean(np.array(found) > 0) <= 0.13  # 5 %, give or take two standard errors and a half


@pytest.mark.parametrize("count", [2, 5, 10])
def test_directions_that_are_told_are_clear(count):
    labels = np.arange(600) % count
    rows = white(600, 20, 0)
    corners = torch.from_numpy(np.random.default_rng(0).normal(size=(count, 20)))
    assert clear(rows + 1.5 * corners[labels], of_classes(labels)) == count - 1


def test_equal_directions_need_not_stand_out_one_by_one():
    """Forty weak directions: none lies above the largest that chance brings, all together do."""
    labels = np.arange(800) % 41
    rows = white(800, 60, 0)
    corners = (
        0.9
        * torch.linalg.qr(torch.randn(60, 41, generator=Generator().manual_seed(1), dtype=torch.float64)).Q.T
    )
    assert clear(rows + 6**0.5 * corners[labels], of_classes(labels)) > 30


def test_a_value_that_few_samples_have_is_no_certainty():
    """Fewer known values than axes: any noise is fitted exactly, and left out none is predicted."""
    rows = white(1000, 100, 0)
    values = np.full(1000, np.nan)
    values[:80] = np.random.default_rng(0).normal(size=80)
    found = head(rows, Concept("noise", "numeric", values), np.arange(1000), torch.ones(100).double())
    assert float(found.strengths[0]) < 0.2
    assert found.clear == 1


def test_a_concept_that_no_sample_has_is_one_direction_without_strength():
    rows = white(50, 6, 0)
    for concept in (
        Concept("c", "categorical", np.full(50, -1), ("a", "b")),
        Concept("n", "numeric", np.full((50, 2), np.nan)),
    ):
        found = head(rows, concept, np.arange(50), torch.ones(6).double())
        assert (found.clear, found.lines, found.strengths.tolist()) == (1, 1, [0])


def test_what_parts_have_in_common_is_one_degree_of_freedom():
    """Of 4 groups: what chance brings is as large as the parts' own squares add up to, times 4 / 3."""
    rows, groups = white(40, 3, 0), np.arange(40) % 4
    functions = of_classes((np.arange(40) // 4 % 2).tolist())
    maps = rows.T / len(rows)
    slopes = maps @ functions
    parts = torch.stack([maps[:, groups == g] @ functions[groups == g] - slopes / 4 for g in range(4)])
    expected = 4 / 3 * parts.square().sum()
    found = _by_chance(maps, functions, groups).square().sum((1, 2)).mean()
    assert float(found / expected) == pytest.approx(1, abs=0.15)
