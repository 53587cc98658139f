"""The small network's gradients against autograd, its optimiser against torch's, and what it can learn."""

import numpy as np
import pytest
import torch

from interpret_inn.metrics import networks


@pytest.mark.parametrize("softmax", [True, False])
def test_loss_and_gradients_equal_autograd(softmax):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(20, 5)).astype(np.float32)
    wanted = generator.normal(size=(20, 3)).astype(np.float32)
    if softmax:
        wanted = np.eye(3, dtype=np.float32)[wanted.argmax(1)]
    weights = networks._first_weights(5, 3, generator)
    loss, gradients = networks.loss_and_gradients(weights, x, wanted, softmax=softmax)

    tensors = [torch.tensor(weight, requires_grad=True) for weight in weights]
    first, first_bias, second, second_bias = tensors
    outputs = torch.relu(torch.tensor(x) @ first + first_bias) @ second + second_bias
    if softmax:
        expected = torch.nn.functional.cross_entropy(outputs, torch.tensor(wanted))
    else:
        expected = ((outputs - torch.tensor(wanted)) ** 2).sum(1).mean() / 2
    expected.backward()
    assert loss == pytest.approx(float(expected.detach()), rel=1e-5)
    for found, tensor in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_the_optimiser_equals_torchs_adamw():
    generator = np.random.default_rng(1)
    weights = networks._first_weights(4, 2, generator)
    tensors = [torch.tensor(weight, requires_grad=True) for weight in weights]
    optimiser = torch.optim.AdamW(
        [
            {"params": tensors[::2], "weight_decay": networks.DECAY},
            {"params": tensors[1::2], "weight_decay": 0.0},
        ],
        lr=0.01,
    )
    means, squares = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(1, 6):
        gradients = [generator.normal(size=w.shape).astype(np.float32) for w in weights]
        weights = networks._adam(weights, gradients, means, squares, step=step, rate=0.01)
        for tensor, gradient in zip(tensors, gradients, strict=True):
            tensor.grad = torch.tensor(gradient)
        optimiser.step()
    for found, tensor in zip(weights, tensors, strict=True):
        np.testing.assert_allclose(found, tensor.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_it_learns_what_no_linear_read_out_can():
    generator = np.random.default_rng(2)
    x = generator.normal(size=(1500, 4))
    labels = (x[:, 0] * x[:, 1] > 0).astype(float)[:, None]
    held_out = np.arange(1200) % 5 == 0
    network = networks.train_network(
        x[:1200], labels[:1200], classes=np.array([0, 1]), held_out=held_out, seed=0
    )
    assert (network(x[1200:]).argmax(1) == labels[1200:, 0]).mean() > 0.93


def test_it_stops_early_on_noise():
    generator = np.random.default_rng(3)
    x, noise = generator.normal(size=(400, 20)), generator.normal(size=(400, 1))
    network = networks.train_network(x, noise, classes=None, held_out=np.arange(400) % 5 == 0, seed=0)
    assert network(generator.normal(size=(400, 20))).std() < 0.6  # kept near the mean answer


def test_it_trains_without_held_out_rows_and_with_dead_columns():
    x = np.stack([np.linspace(-1, 1, 40), np.full(40, 3.0)], 1)
    network = networks.train_network(x, 5 + 2 * x[:, :1], classes=None, held_out=np.zeros(40, bool), seed=0)
    np.testing.assert_allclose(network(x), 5 + 2 * x[:, :1], atol=0.3)
