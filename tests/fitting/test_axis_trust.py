"""How far axes are trusted: against a literal leave-one-out ridge regression, and on known truth."""

import numpy as np
import pytest
import torch

from interpret_inn.fitting import axis_trust as module
from interpret_inn.fitting.axis_trust import agreement, trusted


def axis_trust(rows, functions, variances, groups):
    """The weights (d,) of white axes, which the slopes of white rows show."""
    groups = np.arange(len(rows)) if groups is None else groups
    found = trusted(rows, functions, variances, groups).maps
    return (found * rows.T).sum(1)


def white_rows(count, variances, seed=0):
    """Rows that are exactly white, and the same in the layer's own units."""
    rows = torch.randn(
        count, len(variances), dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    rows = rows - rows.mean(0)
    values, vectors = torch.linalg.eigh(rows.T @ rows / count)
    rows = rows @ vectors @ torch.diag(values.rsqrt()) @ vectors.T
    return rows, rows * variances.sqrt()


def regressed(x, y, ridge, fresh):
    """Predictions of a ridge regression with a mean that is not penalised."""
    apart = x - x.mean(0)
    slopes = torch.linalg.solve(apart.T @ apart + ridge, apart.T @ (y - y.mean(0)))
    return y.mean(0) + (fresh - x.mean(0)) @ slopes


def functions_of(truth):
    found = truth - truth.mean(0)
    return found / found.square().mean(0).sqrt()


@pytest.mark.parametrize("grouped", [False, True])
def test_the_penalty_is_the_one_that_a_literal_regression_chooses(grouped):
    variances = torch.logspace(1, -3, 12, dtype=torch.float64)
    rows, layer = white_rows(40, variances)
    noise = torch.randn(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    functions = functions_of(layer[:, :2] + noise)
    groups = np.arange(40) // 2 if grouped else np.arange(40)
    found = axis_trust(rows, functions, variances, groups)
    told = []
    for penalty in module._PENALTIES:
        ridge = penalty * variances.mean() * torch.eye(12).double()
        predicted = torch.empty_like(functions)
        for group in np.unique(groups):
            left = torch.from_numpy(groups == group)
            x, y = layer[~left], functions[~left]
            # the ridge of all samples, and their number
            predicted[left] = regressed(x, y, 40 * ridge, layer[left])
        told.append(
            float(
                np.mean([np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(predicted.T, functions.T, strict=True)])
            )
        )
    penalty = module._PENALTIES[int(np.argmax(told))]
    torch.testing.assert_close(found, variances / (variances + penalty * variances.mean()))


@pytest.mark.parametrize("count", [40, 9], ids=["more samples than axes", "fewer"])
def test_rows_that_are_not_white_have_the_same_regression(count):
    """Those whose value is known are a part of the rows that were made white, and may be fewer than the axes."""
    variances = torch.logspace(1, -3, 12, dtype=torch.float64)
    rows, layer = white_rows(60, variances)
    rows, layer = rows[:count] - rows[:count].mean(0), layer[:count] - layer[:count].mean(0)
    functions = functions_of(layer[:, :1])
    found = trusted(rows, functions, variances, np.arange(count))
    nearest = []
    for penalty in module._PENALTIES if count > 12 else module._PENALTIES[1:]:
        ridge = count * penalty * variances.mean() * torch.eye(12).double()
        slopes = torch.linalg.solve(layer.T @ layer + ridge, layer.T @ functions)
        left = []
        for place in range(count):
            kept = torch.arange(count) != place
            x, y = layer[kept], functions[kept]
            left.append(regressed(x, y, ridge, layer[place]))
        same = torch.allclose(torch.stack(left), found.predicted, atol=1e-6)
        moved = torch.nn.functional.cosine_similarity(
            variances.sqrt() * slopes[:, 0], (found.maps @ functions)[:, 0], dim=0
        )
        nearest.append(same and float(moved) > 1 - 1e-9)
    assert sum(nearest) == 1


def test_what_correlates_negatively_agrees_by_nothing():
    values = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert agreement(-values, values).tolist() == [0, 0]
    torch.testing.assert_close(agreement(3 * values + 1, values), torch.ones(2).double())


def test_of_few_samples_small_axes_are_trusted_less_and_the_direction_is_truer():
    variances = torch.logspace(1, -3, 30, dtype=torch.float64)
    nearer = []
    for seed in range(5):
        rows, _ = white_rows(60, variances, seed)
        noise = torch.randn(60, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + 9))
        functions = functions_of(rows[:, :1] + rows[:, 2:3] + noise)
        trust = axis_trust(rows, functions, variances, None)
        moment = (rows.T @ functions)[:, 0]
        truth = torch.zeros(30, dtype=torch.float64)
        truth[[0, 2]] = 0.5**0.5
        plain, trusted = (abs(float(w @ truth) / float(w.norm())) for w in (moment, trust * moment))
        nearer.append(trusted - plain)
        assert (trust[:-1] >= trust[1:]).all()
    assert min(nearer) > 0


def test_a_concept_that_lies_in_a_small_axis_keeps_it():
    variances = torch.logspace(1, -3, 10, dtype=torch.float64)
    rows, _ = white_rows(500, variances)
    trust = axis_trust(rows, functions_of(rows[:, 9:]), variances, None)
    torch.testing.assert_close(trust, torch.ones(10).double())


def test_variants_of_one_thing_are_left_out_together():
    """Ten copies of each row would each be predicted by the nine others, and nothing would look like noise."""
    variances = torch.logspace(1, -3, 30, dtype=torch.float64)
    rows, _ = white_rows(60, variances)
    noise = torch.randn(60, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    functions = functions_of(rows[:, :1] + noise)
    once = axis_trust(rows, functions, variances, None)
    copied, values = rows.repeat_interleave(10, 0), functions.repeat_interleave(10, 0)
    torch.testing.assert_close(axis_trust(copied, values, variances, np.arange(600) // 10), once)
    assert float(axis_trust(copied, values, variances, None).mean()) > float(once.mean())
