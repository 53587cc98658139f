"""Residuals of samples left out against ridge regressions that leave them out."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from interpret_inn.flows.left_out import blocks_of, left_out


def refits(features, values, groups, penalty):
    """Residuals by scikit-learn, of each group by a fit to the others."""
    found = np.empty_like(values)
    for group in np.unique(groups):
        kept = groups != group
        ridge = Ridge(alpha=penalty, fit_intercept=False).fit(features[kept], values[kept])
        found[~kept] = values[~kept] - ridge.predict(features[~kept])
    return found


@pytest.mark.parametrize("width", [3, 12], ids=["groups larger than features", "and smaller"])
def test_groups_of_any_size_are_left_out_whole(width):
    random = np.random.default_rng(0)
    groups = random.permutation(np.repeat(np.arange(9), [1, 1, 1, 2, 2, 5, 5, 8, 8]))
    features, values = random.normal(size=(33, width)), random.normal(size=(33, 2))
    axes, strengths, _ = np.linalg.svd(features.T @ features)
    turned = torch.from_numpy(features @ axes)
    weights = torch.from_numpy(1 / (strengths + 0.7))
    target = torch.from_numpy(values)
    wrong = target - turned @ (weights[:, None] * (turned.T @ target))
    found = left_out(wrong, turned, weights, blocks_of(torch.from_numpy(groups)))
    np.testing.assert_allclose(found, refits(features, values, groups, 0.7), atol=1e-9)


def test_blocks_hold_each_row_once_and_groups_whole():
    groups = torch.tensor([5, 2, 5, 9, 2, 5])
    blocks = blocks_of(groups)
    assert [block.shape for block in blocks] == [(1, 1), (1, 2), (1, 3)]
    assert [sorted(block.flatten().tolist()) for block in blocks] == [[3], [1, 4], [0, 2, 5]]


def test_many_groups_are_solved_in_parts(monkeypatch):
    """The limit of memory changes nothing but rounding."""
    random = np.random.default_rng(1)
    features, wrong = (torch.from_numpy(random.normal(size=(40, width))) for width in (5, 2))
    weights, blocks = torch.full((5,), 0.01, dtype=torch.float64), blocks_of(torch.arange(20).repeat(2))
    whole = left_out(wrong, features, weights, blocks)
    monkeypatch.setattr("interpret_inn.flows.left_out._NUMBERS", 30)
    torch.testing.assert_close(left_out(wrong, features, weights, blocks), whole)
