"""What the small network of the probe can learn, what it leaves alone, when it stops; and how penalties are chosen."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from torch import nn

from interpret_inn.metrics import predictors
from interpret_inn.metrics.predictors import train_network


def test_it_neither_reads_nor_changes_the_global_random_state():
    x = np.random.default_rng(0).normal(size=(60, 3))
    nothing = np.zeros(60, bool)
    answers = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        with torch.no_grad():
            network = train_network(x, x[:, :1], classes=None, validation=nothing, seed=5)
        assert torch.equal(torch.get_rng_state(), before)
        answers.append(network(x))
    np.testing.assert_array_equal(*answers)


def test_it_learns_what_no_linear_read_out_can():
    generator = np.random.default_rng(2)
    x = generator.normal(size=(1500, 4))
    labels = (x[:, 0] * x[:, 1] > 0).astype(float)[:, None]
    validation = np.arange(1200) % 5 == 0
    network = train_network(x[:1200], labels[:1200], classes=np.array([0, 1]), validation=validation, seed=0)
    assert (network(x[1200:]).argmax(1) == labels[1200:, 0]).mean() > 0.93


def test_it_stops_early_on_noise():
    generator = np.random.default_rng(3)
    x, noise = generator.normal(size=(400, 20)), generator.normal(size=(400, 1))
    network = train_network(x, noise, classes=None, validation=np.arange(400) % 5 == 0, seed=0)
    assert network(generator.normal(size=(400, 20))).std() < 0.6  # kept near the mean answer


def test_it_trains_without_validation_rows_and_with_dead_columns():
    x = np.stack([np.linspace(-1, 1, 40), np.full(40, 3.0)], 1)
    network = train_network(x, 5 + 2 * x[:, :1], classes=None, validation=np.zeros(40, bool), seed=0)
    np.testing.assert_allclose(network(x), 5 + 2 * x[:, :1], atol=0.3)


class Recorded:
    """Mean squared error that notes how many rows it is asked about, and gives what it is told on validation rows."""

    def __init__(self, network: nn.Sequential, told: Callable[[int], float]) -> None:
        self.network, self.told = network, told
        self.steps: list[int] = []
        self.weights: list[torch.Tensor] = []

    def __call__(self, found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            self.steps.append(len(found))
            return nn.functional.mse_loss(found, wanted)
        self.weights.append(self.network[0].weight.detach().clone())
        return torch.tensor(self.told(len(self.weights)))


def trained(rows, validation, told):
    generator = torch.Generator().manual_seed(0)
    network, x = predictors._fresh(3, 1, generator), torch.randn(rows + validation, 3, generator=generator)
    loss = Recorded(network, told)
    apart = torch.arange(rows + validation) >= rows
    predictors._train(network, x, x[:, :1], apart, loss, generator)
    return network, loss


@pytest.mark.parametrize("best", [1, 4])
def test_training_ends_six_epochs_after_the_best_whose_weights_are_kept(best):
    network, loss = trained(40, 8, lambda epoch: float(abs(epoch - best)) if epoch <= best else 0.0)
    assert len(loss.weights) == best + 6, "a loss that stays as low is no improvement"
    assert torch.equal(network[0].weight, loss.weights[best - 1])


def test_training_that_goes_on_improving_ends_in_the_end():
    network, loss = trained(20, 5, lambda epoch: -float(epoch))
    assert len(loss.weights) == predictors.EPOCHS
    assert torch.equal(network[0].weight, loss.weights[-1])


@pytest.mark.parametrize(("rows", "steps"), [(40, [16, 16, 8]), (400, [50] * 8), (2300, [256] * 8 + [252])])
def test_an_epoch_sees_every_row_once_in_steps_of_16_to_256(rows, steps):
    _, loss = trained(rows, 4, lambda _: 1.0)
    assert loss.steps == steps * (1 + predictors.PATIENCE)


def test_without_validation_rows_all_epochs_are_trained():
    _, loss = trained(16, 0, lambda _: 0.0)
    assert loss.weights == []
    assert loss.steps == [16] * predictors.EPOCHS


def test_first_outputs_are_near_the_mean_answer():
    generator = torch.Generator().manual_seed(1)
    outputs = predictors._fresh(30, 40, generator)(torch.randn(500, 30, generator=generator))
    assert 0.2 < float(outputs.detach().std()) < 0.4


def ridge_by_sklearn(x, targets, penalty):
    model = Ridge(alpha=penalty * len(x)).fit(x, targets)
    return model.coef_, model.intercept_


def test_ridge_takes_the_penalty_that_errs_least_in_units_of_each_target():
    generator = np.random.default_rng(4)
    x = generator.normal(size=(60, 25))
    targets = np.stack([x[:, 0] + 2 * generator.normal(size=60), 1e4 * (x @ generator.normal(size=25))], 1)
    chosen = np.arange(60) % 4 == 0
    errors = []
    for penalty in np.logspace(-4, 2, 13):
        weights, biases = ridge_by_sklearn(x[~chosen], targets[~chosen], penalty)
        squared = (x[chosen] @ weights.T + biases - targets[chosen]) ** 2
        errors.append((squared.mean(0) / targets.var(0)).sum())
    best = np.logspace(-4, 2, 13)[int(np.argmin(errors))]
    for rows, penalty in ((chosen, best), (np.zeros(60, bool), 0.1)):  # without such rows the middle one
        for found, wanted in zip(
            predictors.ridge(x, targets, rows), ridge_by_sklearn(x, targets, penalty), strict=True
        ):
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def logistic_by_sklearn(x, labels, inverse):
    return LogisticRegression(C=inverse, max_iter=150, tol=1e-3).fit(x, labels)


def test_logistic_regression_takes_the_penalty_that_is_least_surprised():
    generator = np.random.default_rng(5)
    x = generator.normal(size=(90, 40))
    labels = (x[:, :3] + generator.normal(size=(90, 3))).argmax(1)
    chosen = np.arange(90) % 4 == 0
    losses = {
        inverse: log_loss(
            labels[chosen], logistic_by_sklearn(x[~chosen], labels[~chosen], inverse).predict_proba(x[chosen])
        )
        for inverse in (0.003, 0.03, 0.3, 3.0)
    }
    best = min(losses, key=lambda inverse: losses[inverse])
    assert best != 0.3
    none, lacking = np.zeros(90, bool), labels == 2  # the other rows lack a class
    for rows, inverse in ((chosen, best), (none, 0.3), (lacking, 0.3)):
        weight, bias = predictors.logistic(x, labels, 3, rows)
        wanted = logistic_by_sklearn(x, labels, inverse)
        np.testing.assert_allclose(weight, wanted.coef_, atol=1e-9)
        np.testing.assert_allclose(bias, wanted.intercept_, atol=1e-9)


def test_one_class_needs_no_weights():
    weight, bias = predictors.logistic(np.ones((3, 4)), np.zeros(3, int), 1, np.zeros(3, bool))
    assert weight.shape == (1, 4)
    assert not weight.any()
    assert bias.tolist() == [0]
