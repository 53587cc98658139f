"""What the small network of the probe can learn, and what it leaves alone."""

import numpy as np
import torch

from interpret_inn.metrics.predictors import train_network


def test_it_neither_reads_nor_changes_the_global_random_state():
    x = np.random.default_rng(0).normal(size=(60, 3))
    nothing = np.zeros(60, bool)
    answers = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        with torch.no_grad():
            network = train_network(x, x[:, :1], classes=None, held_out=nothing, seed=5)
        assert torch.equal(torch.get_rng_state(), before)
        answers.append(network(x))
    np.testing.assert_array_equal(*answers)


def test_it_learns_what_no_linear_read_out_can():
    generator = np.random.default_rng(2)
    x = generator.normal(size=(1500, 4))
    labels = (x[:, 0] * x[:, 1] > 0).astype(float)[:, None]
    held_out = np.arange(1200) % 5 == 0
    network = train_network(x[:1200], labels[:1200], classes=np.array([0, 1]), held_out=held_out, seed=0)
    assert (network(x[1200:]).argmax(1) == labels[1200:, 0]).mean() > 0.93


def test_it_stops_early_on_noise():
    generator = np.random.default_rng(3)
    x, noise = generator.normal(size=(400, 20)), generator.normal(size=(400, 1))
    network = train_network(x, noise, classes=None, held_out=np.arange(400) % 5 == 0, seed=0)
    assert network(generator.normal(size=(400, 20))).std() < 0.6  # kept near the mean answer


def test_it_trains_without_held_out_rows_and_with_dead_columns():
    x = np.stack([np.linspace(-1, 1, 40), np.full(40, 3.0)], 1)
    network = train_network(x, 5 + 2 * x[:, :1], classes=None, held_out=np.zeros(40, bool), seed=0)
    np.testing.assert_allclose(network(x), 5 + 2 * x[:, :1], atol=0.3)
