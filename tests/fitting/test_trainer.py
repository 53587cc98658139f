"""The trainer lowers its loss, draws as it is told, and keeps the best weights."""

import dataclasses
import time

import pytest
import torch
from torch import Generator

from interpret_inn.errors import ConceptError
from interpret_inn.translating.settings import FitSettings

from .trainers import SMALL, weights


def test_it_learns_and_keeps_the_best_weights(make):
    steps = []
    trainer = make(settings=FitSettings(steps=120, pairs=64, hidden=16, every=10), observers=[steps.append])
    before = float(trainer._loss(*trainer.validation).detach())
    began = time.perf_counter()
    record = trainer.run()
    took = time.perf_counter() - began
    held_out = [row[2] for row in record.history]
    assert min(held_out) < before - 0.05
    assert (record.steps, len(record.history), record.stopped_early) == (120, 12, False)
    assert record.best_step == record.history[held_out.index(min(held_out))][0]
    assert float(trainer._loss(*trainer.validation).detach()) == pytest.approx(min(held_out), abs=1e-6)
    assert [(s.step, s.steps, s.loss, s.validation) for s in steps] == [
        (step, 120, loss, held) for step, loss, held in record.history
    ]
    assert 0 < steps[0].seconds < steps[-1].seconds <= record.seconds <= took
    assert record.gain == pytest.approx((before - min(held_out)) * trainer.white.shape[1], abs=1e-5)


def test_the_loss_is_the_mean_over_pairs_and_axes_in_nats(make):
    """Nothing is shared and nothing moved: each number of both samples is standard normal on its own."""
    trainer = make(settings=dataclasses.replace(SMALL, blocks=0))
    pairs, noise = trainer.validation
    pairs = pairs._replace(rho=torch.zeros_like(pairs.rho))
    codes = trainer.white[torch.cat((pairs.first, pairs.second))] + noise
    expected = -torch.distributions.Normal(0.0, 1.0).log_prob(codes).mean()
    torch.testing.assert_close(trainer._loss(pairs, noise), expected)


def test_the_noise_is_the_whitened_noise_floor(make, world):
    trainer = make()
    floor = 0.1 * float(world.rows.var(0).mean().sqrt())
    expected = floor / (torch.linalg.eigvalsh(world.rows.T.cov()).flip(0) + floor**2).sqrt()
    torch.testing.assert_close(trainer.validation[1].std(0), expected, rtol=0.1, atol=0)


def test_each_sample_of_a_pair_is_taken_at_a_position_of_its_own(make):
    trainer = make(positions=3)
    drawn = trainer.pool.sample(200, Generator().manual_seed(1), split="train")
    pairs, _ = trainer._draw(200, Generator().manual_seed(1), "train")
    assert torch.equal(pairs.first // 3, drawn.first)
    assert torch.equal(pairs.second // 3, drawn.second)
    positions = torch.stack((pairs.first % 3, pairs.second % 3))
    assert set(positions.flatten().tolist()) == {0, 1, 2}
    assert not torch.equal(positions[0], positions[1])
    both = make(positions=2)._draw(200, Generator().manual_seed(1), "train")[0]
    assert set((both.first % 2).tolist()) == {0, 1}


def test_weights_that_do_not_improve_on_the_start_are_not_taken(make):
    """A step of nearly nothing: each loss in the history is the mean over its own steps."""
    still = dataclasses.replace(SMALL, steps=8, learning_rate=1e-30, weight_decay=0.0)
    trainer, twin = make(settings=still), make(settings=still)
    record = trainer.run()
    assert (record.steps, record.best_step, record.stopped_early) == (8, 0, False)
    generator = Generator().manual_seed(0)
    losses = [float(twin._loss(*twin._draw(32, generator, "train")).detach()) for _ in range(8)]
    assert [loss for _, loss, _ in record.history] == pytest.approx(
        [sum(losses[:4]) / 4, sum(losses[4:]) / 4]
    )
    stopped = make(settings=dataclasses.replace(still, patience=1)).run()
    assert (stopped.steps, stopped.best_step, stopped.stopped_early) == (4, 0, True)


def test_the_same_seed_gives_the_same_weights(make):
    one, same = make(), make()
    one.run(), same.run()
    assert torch.equal(weights(one), weights(same))


def test_without_pairs_to_stop_on_it_runs_all_steps(make, world):
    """The validation split is small, and a source may find no pair in it."""
    source = world.source()
    draw = source.sample_pairs

    def refuses_small_parts(n, generator, among):
        if len(among) < 50:
            raise ConceptError("no two of a class")
        return draw(n, generator, among)

    source.sample_pairs = refuses_small_parts
    record = make(source, settings=FitSettings(steps=12, pairs=32, hidden=8, every=2, patience=1)).run()
    assert (record.steps, record.stopped_early) == (12, False)
    assert all(loss == held_out for _, loss, held_out in record.history)


def test_the_learning_rate_rises_and_falls(make):
    rates = []
    trainer = make(
        settings=FitSettings(steps=40, pairs=8, hidden=8, warm_up=10, every=40, learning_rate=0.01)
    )
    step = trainer.optimizer.step
    trainer.optimizer.step = lambda: (rates.append(trainer.optimizer.param_groups[0]["lr"]), step())
    trainer.run()
    assert rates[0] == pytest.approx(0.001)
    assert 0.008 < max(rates) <= 0.01
    assert rates.index(max(rates)) == 9
    assert rates[-1] < 0.01 * 0.01
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_without_a_warm_up_the_learning_rate_begins_at_its_highest(make):
    rates = []
    trainer = make(settings=dataclasses.replace(SMALL, steps=4, every=4, warm_up=0, learning_rate=0.01))
    step = trainer.optimizer.step
    trainer.optimizer.step = lambda: (rates.append(trainer.optimizer.param_groups[0]["lr"]), step())
    trainer.run()
    assert rates == pytest.approx([0.01, 0.005 + 0.005 * 0.5**0.5, 0.005, 0.005 - 0.005 * 0.5**0.5])
