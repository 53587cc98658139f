"""How linear probes choose their coordinates and penalties, against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss

from interpret_inn.metrics import probe_linear
from interpret_inn.metrics.probe_coordinates import SYSTEMS, fold_systems
from interpret_inn.metrics.probe_linear import _PENALTIES, choose, fit_linear, logistic

ALONE = SYSTEMS[:1]
"""Only standardised columns to choose from."""


def standardised(x, rows):
    return (x - x[rows].mean(0)) / x[rows].std(0)


def test_ridge_takes_the_penalty_that_errs_least():
    generator = np.random.default_rng(4)
    x = 5 + generator.normal(size=(60, 25)) @ generator.normal(size=(25, 25))
    targets = np.stack([x[:, 0] + 8 * generator.normal(size=60), x @ generator.normal(size=25)], 1)
    targets = (targets - targets.mean(0)) / targets.std(0)
    masks = [np.arange(60) % 4 == place for place in range(3)]
    errors = []
    for penalty in _PENALTIES:
        found = 0.0
        for chosen in masks:
            told = standardised(x, ~chosen)
            model = Ridge(alpha=penalty * 45).fit(told[~chosen], targets[~chosen])
            found += ((model.predict(told[chosen]) - targets[chosen]) ** 2).sum()
        errors.append(found)
    best = _PENALTIES[int(np.argmin(errors))]
    assert _PENALTIES[0] < best < _PENALTIES[-1]
    everything = np.ones(60, bool)
    for folds, penalty in ((fold_systems(x, targets, masks), best), ((), 0.1)):  # the usual one without folds
        assert choose(x, targets, folds, ALONE) == ("standard", penalty)
        weight, bias, name = fit_linear(x, targets, folds, classes=False, systems=ALONE)
        told = standardised(x, everything)
        wanted = Ridge(alpha=penalty * 60).fit(told, targets).predict(told)
        np.testing.assert_allclose(x @ weight.T + bias, wanted, atol=1e-8)
        assert name == "standard"


def test_logistic_regression_takes_the_penalty_that_is_least_surprised(monkeypatch):
    monkeypatch.setattr(probe_linear, "_TOLERANCE", 1e-8)
    monkeypatch.setattr(probe_linear, "_ITERATIONS", 5000)
    generator = np.random.default_rng(5)
    x = 7 + 3 * generator.normal(size=(90, 40))
    labels = (x[:, :3] + 3 * generator.normal(size=(90, 3))).argmax(1)
    masks = [np.arange(90) % 4 == place for place in range(2)]
    losses = {}
    for inverse in probe_linear._INVERSE_PENALTIES:
        losses[inverse] = 0.0
        for chosen in masks:
            told = standardised(x, ~chosen)
            model = LogisticRegression(C=inverse, max_iter=5000, tol=1e-8).fit(told[~chosen], labels[~chosen])
            found = model.predict_proba(told[chosen])
            losses[inverse] += log_loss(labels[chosen], found, normalize=False)
    best = min(losses, key=lambda inverse: losses[inverse])
    assert best != 0.3
    onehot = np.eye(3)[labels]
    folds = fold_systems(x, onehot, masks)
    lacking = fold_systems(x, onehot, [labels == 2])  # the other rows lack a class
    told = standardised(x, np.ones(90, bool))
    for some, inverse in ((folds, best), ((), 0.3), (lacking, 0.3)):
        weight, bias = logistic(x, onehot, some, "standard")
        wanted = LogisticRegression(C=inverse, max_iter=5000, tol=1e-8).fit(told, labels).predict_proba(told)
        scores = np.exp(x @ weight.T + bias)
        np.testing.assert_allclose(scores / scores.sum(1, keepdims=True), wanted, atol=1e-5)


def test_one_class_needs_no_weights():
    weight, bias = logistic(np.ones((3, 4)), np.ones((3, 1)), (), "standard")
    assert weight.shape == (1, 4)
    assert not weight.any()
    assert bias.tolist() == [0]


def test_where_nothing_varies_the_most_frequent_class_is_told():
    onehot = np.eye(2)[[0, 1, 1, 0, 1, 1]]
    weight, bias, _ = fit_linear(np.full((6, 3), 2.0), onehot, (), classes=True)
    assert not weight.any()
    assert bias.argmax() == 1


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_coordinates_that_suit_the_code_are_chosen(name):
    """Where few directions tell the value, each system is the best for one kind of code."""
    generator = np.random.default_rng(6)
    x = generator.normal(size=(150, 400))
    mixed = np.linalg.qr(generator.normal(size=(400, 400)))[0]
    value = x[:, :3].sum(1)
    if name == "leading":  # three directions vary most by far, and tell
        x = (x * np.r_[np.full(3, 10.0), np.ones(397)]) @ mixed
    elif name == "natural":  # the more a direction varies, the more it tells
        x = x * np.logspace(0, -2, 400)
        value, x = x @ (generator.normal(size=400) * np.logspace(0, 0.7, 400)), x @ mixed
    elif name == "standard":  # all columns tell, in units of their own
        value = x.sum(1)
        x = x * np.logspace(0, 3, 400)
    targets = (value / value.std() + 0.3 * generator.normal(size=150))[:, None]
    folds = fold_systems(x, targets, [np.arange(150) % 5 == place for place in range(5)])
    assert choose(x, targets, folds)[0] == name
