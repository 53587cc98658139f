"""The kernel probe: against scikit-learn, on curved concepts, and on labels that mean nothing."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import euclidean_distances

from interpret_inn.metrics import probe_kernel
from interpret_inn.metrics.probe_coordinates import Systems, fold_systems
from interpret_inn.metrics.probe_kernel import train_kernel
from interpret_inn.metrics.probes import chance, probe_scores


def world(rows=150, width=5, seed=0):
    generator = np.random.default_rng(seed)
    x = 3 + generator.normal(size=(rows, width)) * np.arange(1, width + 1)
    targets = np.stack([np.sin(x[:, 0]), x[:, 1] ** 2], 1) + 0.1 * generator.normal(size=(rows, 2))
    return x, (targets - targets.mean(0)) / targets.std(0)


def by_sklearn(u, targets, read, multiple, penalty):
    distances = euclidean_distances(u)[np.triu_indices(len(u), 1)]
    width = multiple * np.median(distances)
    model = KernelRidge(alpha=len(u) * penalty, kernel="rbf", gamma=1 / (2 * width**2))
    return model.fit(u, targets - targets.mean(0)).predict(read) + targets.mean(0)


def test_it_is_scikit_learns_with_the_usual_choice_if_no_rows_choose():
    x, targets = world()
    read, name = train_kernel(x, targets, folds=(), names=("standard", "natural"), seed=0)
    coordinates = Systems(x, targets)["standard"]
    fresh = world(seed=1)[0]
    wanted = by_sklearn(coordinates.of(x), targets, coordinates.of(fresh), 1.0, 1e-2)
    np.testing.assert_allclose(read(fresh), wanted, atol=1e-8)
    assert name == "standard"


def test_folds_choose_what_errs_least():
    x, targets = world()
    masks = [np.arange(len(x)) % 4 == place for place in range(2)]
    folds = fold_systems(x, targets, masks)
    names = ("natural", "standard")

    def error(name, multiple, penalty):
        found = 0.0
        for fold in folds:
            u, wanted = fold.systems[name].of(x), targets[fold.chosen]
            own = ~fold.chosen
            found += (
                (by_sklearn(u[own], targets[own], u[fold.chosen], multiple, penalty) - wanted) ** 2
            ).sum()
        return found

    penalties, widths = probe_kernel._PENALTIES, probe_kernel._WIDTHS
    name = min(names, key=lambda each: min(error(each, widths[0], penalty) for penalty in penalties))
    grid = [(multiple, penalty) for multiple in widths for penalty in penalties]
    multiple, penalty = min(grid, key=lambda each: error(name, *each))
    read, found = train_kernel(x, targets, folds=folds, names=names, seed=0)
    coordinates = Systems(x, targets)[name]
    fresh = world(seed=1)[0]
    wanted = by_sklearn(coordinates.of(x), targets, coordinates.of(fresh), multiple, penalty)
    np.testing.assert_allclose(read(fresh), wanted, atol=1e-6)
    assert found == name


def test_of_many_rows_some_are_centres(monkeypatch):
    x, targets = world(600)
    fresh = world(200, seed=1)[0]
    options = {"folds": (), "names": ("standard",), "seed": 0}
    whole = train_kernel(x, targets, **options)[0](fresh)
    monkeypatch.setattr(probe_kernel, "CENTRES", 599)
    np.testing.assert_allclose(train_kernel(x, targets, **options)[0](fresh), whole, atol=0.02)
    monkeypatch.setattr(probe_kernel, "CENTRES", 150)
    few = train_kernel(x, targets, **options)[0](fresh)
    assert ((few - whole) ** 2).mean() < 0.1 * whole.var()
    np.testing.assert_array_equal(train_kernel(x, targets, **options)[0](fresh), few)


def test_rows_that_are_all_alike_tell_the_mean():
    x, targets = np.ones((40, 3)), world(40)[1]
    read, _ = train_kernel(x, targets, folds=(), names=("natural",), seed=0)
    np.testing.assert_allclose(read(np.zeros((2, 3))), 0, atol=1e-9)


@pytest.mark.parametrize("concept", ["ring", "square"])
def test_what_is_curved_is_read_by_a_kernel_and_not_by_a_line(concept):
    generator = np.random.default_rng(3)
    x = generator.normal(size=(600, 6))
    radius = (x[:, :2] ** 2).sum(1)
    values, kind = (
        ((radius > 1.4).astype(int), "categorical") if concept == "ring" else (x[:, 0] ** 2, "numeric")
    )
    found = probe_scores(x[:400], values[:400], x[400:], values[400:], kind=kind)
    guess = chance(values[400:], kind=kind)
    assert found.kernel.low > guess + 0.2
    assert found.linear.value < guess + 0.12
    assert found.kernel.low < found.kernel.value < found.kernel.high


@pytest.mark.parametrize("kind", ["categorical", "numeric"])
def test_labels_that_mean_nothing_are_not_learnt(kind):
    generator = np.random.default_rng(6)
    surer, values = 0, []
    for seed in range(20):
        x = generator.normal(size=(240, 8))
        y = generator.integers(0, 4, 240) if kind == "categorical" else generator.normal(size=240)
        found = probe_scores(x[:120], y[:120], x[120:], y[120:], kind=kind, seed=seed).kernel
        surer += found.low > chance(y[120:], kind=kind)
        if kind == "numeric":
            values.append(found.value)
    assert surer <= 1
    assert kind == "categorical" or np.mean(values) > -0.1
