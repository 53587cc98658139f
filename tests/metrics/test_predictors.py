"""What the networks of the probe can learn, what they leave alone, and when they stop."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from interpret_inn.metrics import predictors
from interpret_inn.metrics.predictors import train_networks
from interpret_inn.metrics.probe_coordinates import fold_systems


def learnt(x, targets, *masks, classes=False, seed=0, system="standard"):
    folds = fold_systems(x, targets, masks)
    return train_networks(x, targets, classes=classes, folds=folds, system=system, seed=seed)


def test_they_neither_read_nor_change_the_global_random_state():
    x = np.random.default_rng(0).normal(size=(60, 3))
    answers = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        with torch.no_grad():
            networks = learnt(x, x[:, :1], seed=5)
        assert torch.equal(torch.get_rng_state(), before)
        answers.append(networks(x))
    np.testing.assert_array_equal(*answers)
    assert answers[0].shape == (3, 60, 1)
    assert (np.ptp(answers[0], 0) > 0).all(), "each has weights of its own"


def test_they_learn_what_no_linear_probe_can():
    generator = np.random.default_rng(2)
    x = generator.normal(size=(1500, 4))
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    networks = learnt(x[:1200], np.eye(2)[labels[:1200]], np.arange(1200) % 5 == 0, classes=True)
    assert ((networks(x[1200:]).argmax(2) == labels[1200:]).mean(1) > 0.93).all()


def test_they_stop_early_on_noise():
    generator = np.random.default_rng(3)
    x, noise = generator.normal(size=(400, 20)), generator.normal(size=(400, 1))
    networks = learnt(x, noise, np.arange(400) % 5 == 0)
    assert (networks(generator.normal(size=(400, 20))).std((1, 2)) < 0.6).all()  # kept near the mean answer


def test_they_train_without_validation_rows_and_with_dead_columns():
    line = np.linspace(-1.7, 1.7, 40)
    x = np.stack([line, np.full(40, 3.0)], 1)
    np.testing.assert_allclose(learnt(x, line[:, None])(x), np.stack(3 * [line[:, None]]), atol=0.15)
    nothing = learnt(np.ones((40, 2)), line[:, None])(x)
    assert (np.ptp(nothing, 1) == 0).all(), "columns that never vary tell nothing"


class Scales:
    """Networks of one weight each, so that a step's rows and the epoch's end can be followed."""

    def __init__(self, count: int) -> None:
        self.weights = torch.zeros(count, 1)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weights[..., None]

    def gradient(self, x: torch.Tensor, wanted: torch.Tensor, loss: "Recorded") -> torch.Tensor:
        return (x * loss.slope(self(x), wanted)).mean(1)


class Recorded:
    """A loss that notes the rows of each step and the weights after each epoch, and says what it is told of these."""

    def __init__(self, networks: Scales, told: Callable[[int, int], float]) -> None:
        self.networks, self.told = networks, told
        self.steps: list[torch.Tensor] = []
        self.weights: list[torch.Tensor] = []

    def slope(self, found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        self.steps.append(wanted)
        return 2 * (found - 1)

    def of(self, found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        self.weights.append(self.networks.weights.clone()[:, 0])
        epoch = len(self.weights)
        return torch.tensor([[self.told(place, epoch)] for place in range(len(found))]).expand(wanted.shape)


def trained(validation, told, *, count=3):
    networks = Scales(count)
    loss = Recorded(networks, told)
    rows = validation.shape[1]
    x = torch.ones(count, rows, 1)
    predictors._train(networks, x, torch.arange(rows), validation, loss, torch.Generator().manual_seed(0))
    return networks, loss


def apart(rows, held, count=3):
    """The last rows of these are held, by all networks alike."""
    return (torch.arange(rows + held) >= rows).expand(count, -1)


def test_each_network_keeps_its_best_weights_and_all_stop_six_epochs_after_the_last():
    best = (1, 4, 9)
    networks, loss = trained(
        apart(40, 8),
        lambda place, epoch: float(abs(epoch - best[place])) if epoch <= best[place] else 0.0,
    )
    assert len(loss.weights) == max(best) + 6, "a loss that stays as low is no improvement"
    for place, epoch in enumerate(best):
        assert networks.weights[place, 0] == loss.weights[epoch - 1][place]


def test_a_network_that_has_stopped_takes_nothing_later_on():
    networks, loss = trained(
        apart(40, 8), lambda place, epoch: -100.0 if (place, epoch) == (0, 9) else -float(epoch * (place > 0))
    )
    assert networks.weights[0, 0] == loss.weights[0][0]


def test_training_that_goes_on_improving_ends_in_the_end():
    networks, loss = trained(apart(20, 5), lambda _, epoch: -float(epoch))
    assert len(loss.weights) == predictors.EPOCHS
    assert torch.equal(networks.weights[:, 0], loss.weights[-1])


@pytest.mark.parametrize(("rows", "steps"), [(40, [16, 16, 8]), (400, [50] * 8), (2300, [256] * 8 + [252])])
def test_an_epoch_sees_every_row_once_in_steps_of_16_to_256(rows, steps):
    _, loss = trained(apart(rows, 4), lambda *_: 1.0)
    assert [step.shape for step in loss.steps] == [(3, size) for size in steps * (1 + predictors.PATIENCE)]
    for epoch in range(2):
        seen = torch.cat(loss.steps[epoch * len(steps) : (epoch + 1) * len(steps)], 1)
        assert (seen.sort(1)[0] == torch.arange(rows)).all()
        assert len(torch.unique(seen, dim=0)) == 3, "each in an order of its own"


def test_networks_with_different_rows_to_stop_by_never_train_on_them():
    validation = torch.zeros(3, 30, dtype=torch.bool)
    for place, held in enumerate((3, 5, 8)):
        validation[place, place : place + held] = True
    _, loss = trained(validation, lambda *_: 1.0)
    for place in range(3):
        seen = torch.cat([step[place] for step in loss.steps])
        assert not validation[place, seen].any()
        assert set(seen.tolist()) == set(torch.arange(30)[~validation[place]].tolist())
    assert sum(step.shape[1] for step in loss.steps) == 22 * (1 + predictors.PATIENCE)


def test_without_validation_rows_all_epochs_are_trained():
    _, loss = trained(apart(16, 0), lambda *_: 0.0)
    assert loss.weights == []
    assert len(loss.steps) == predictors.EPOCHS


def test_first_outputs_are_near_the_mean_answer():
    generator = torch.Generator().manual_seed(1)
    networks = predictors._Networks(30, 40, generator)
    spread = networks(torch.randn(3, 500, 30, generator=generator)).std((1, 2))
    assert ((spread > 0.2) & (spread < 0.4)).all()


@pytest.mark.parametrize("classes", [True, False])
def test_gradients_and_steps_are_those_of_autograd_and_of_adamw(classes):
    generator = torch.Generator().manual_seed(2)
    networks = predictors._Networks(5, 4, generator)
    x = torch.randn(3, 20, 5, generator=generator)
    wanted = (
        torch.randint(4, (3, 20), generator=generator)
        if classes
        else torch.randn(3, 20, 4, generator=generator)
    )
    loss = predictors._SURPRISE if classes else predictors._SQUARES
    beside = nn.Parameter(networks.weights.clone())
    literal = torch.optim.AdamW([beside], lr=predictors.RATE, weight_decay=predictors.DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(literal, 6)
    steps = predictors._AdamW(networks.weights)
    for step in range(6):
        total = literal_loss(beside, x, wanted, classes=classes)
        torch.testing.assert_close(loss.of(networks(x), wanted).mean(1).sum(), total.detach())
        literal.zero_grad()
        total.backward()
        gradient = networks.gradient(x, wanted, loss)
        torch.testing.assert_close(gradient, beside.grad, rtol=1e-4, atol=1e-6)
        # Adam divides by the size of a slope: of one that is nothing but rounding it would make a whole step
        steps.step(beside.grad, done=step / 6)
        literal.step()
        schedule.step()
        torch.testing.assert_close(networks.weights, beside.detach(), rtol=1e-5, atol=1e-6)


def literal_loss(weights, x, wanted, *, classes):
    """The sum over networks of the mean loss of their rows, by `nn.functional`."""
    total = torch.zeros(())
    for own, rows, answers in zip(weights, x, wanted, strict=True):
        first, shift, last, bias = own.split([5 * 128, 128, 128 * 4, 4])
        found = (rows @ first.view(5, 128) + shift).relu() @ last.view(128, 4) + bias
        how = nn.functional.cross_entropy if classes else nn.functional.mse_loss
        total = total + how(found, answers)
    return total
