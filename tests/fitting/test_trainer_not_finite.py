"""The trainer takes no step whose loss or gradient is not finite, and ends a fit that has too many of them."""

import dataclasses
import math

import pytest
import torch

from interpret_inn.errors import FitError
from interpret_inn.fitting.checkpoint import Checkpoint
from interpret_inn.translating.settings import FitSettings

from .trainers import SMALL, weights


def nan_at(*steps):
    """A loss that is not finite in these training steps."""
    return lambda context: torch.tensor(math.nan if context.step in steps and not context.validating else 0.0)


def test_a_validation_loss_that_is_not_finite_ends_the_fit_in_words(make, world):
    def loss(context):
        return torch.tensor(math.nan if context.validating and context.step else 0.0)

    with pytest.raises(
        FitError, match=r"'classes', found NaN .* when the weights were validated at step 4\."
    ):
        make(world.lossy(loss)).run()
    trainer = make()
    trainer.network.blocks.register_forward_hook(lambda module, given, found: (found[0], found[1] * math.nan))
    with pytest.raises(FitError, match=r"Expected a finite validation loss, found nan at step 0"):
        trainer.run()


def test_skipped_steps_are_counted_also_over_a_stop(make, world, killer, tmp_path):
    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    with pytest.raises(killer.Stop):
        make(world.lossy(nan_at(1, 2, 9)), checkpoint=checkpoint, observers=[killer(2)]).run()
    resumed = make(world.lossy(nan_at(1, 2, 9)), checkpoint=checkpoint)
    resumed.run()
    assert resumed.skipped == 3


def test_a_step_that_is_not_finite_is_not_taken(make, world):
    clean = make(world.lossy(nan_at())).run()
    trainer = make(world.lossy(nan_at(1, 2, 9)))
    record = trainer.run()
    assert record.steps == 24
    assert bool(weights(trainer).isfinite().all())
    # and it counts neither for nor against the loss: a mean over what was taken
    assert [loss for _, loss, _ in record.history] == pytest.approx(
        [loss for _, loss, _ in clean.history], rel=0.3
    )


def test_a_gradient_that_is_not_finite_is_not_taken_either(make, world):
    def loss(context):
        parameter = next(context.network.blocks.parameters())
        return (parameter * 0).sum().sqrt() if context.step == 2 else parameter.sum() * 0  # d√x at 0 is inf

    trainer = make(world.lossy(loss))
    trainer.run()
    assert bool(weights(trainer).isfinite().all())


def test_twenty_bad_steps_in_a_row_end_the_fit(make, world):
    with pytest.raises(FitError) as caught:
        make(world.lossy(nan_at(*range(3, 99)))).run()
    assert str(caught.value).startswith("Expected a finite loss of the concept source 'classes', found NaN")

    trainer = make()
    trainer.network.blocks.register_forward_hook(
        lambda module, given, found: (found[0], found[1] * math.nan) if torch.is_grad_enabled() else found
    )
    with pytest.raises(FitError) as caught:
        trainer.run()
    assert str(caught.value) == (
        "The loss was not finite for 20 steps in a row (up to step 20). Expected a lower learning_rate than "
        f"{SMALL.learning_rate:g}, or a higher noise than {SMALL.noise:g}."
    )


def test_nineteen_bad_steps_in_a_row_are_survived(make, world):
    settings = FitSettings(steps=40, pairs=32, hidden=8, every=5, patience=100)
    trainer = make(world.lossy(nan_at(*range(19), *range(20, 39))), settings=settings)
    record = trainer.run()
    assert record.steps == 40
    assert math.isnan(record.history[0][1]), "no step was taken, so there is no loss to tell"
    assert bool(weights(trainer).isfinite().all())


def test_an_added_loss_that_is_not_finite_is_named_however_few_the_steps(make, world):
    settings = dataclasses.replace(SMALL, steps=3, every=3)
    with pytest.raises(FitError, match=r"Expected a finite loss of the concept source 'classes'"):
        make(world.lossy(lambda context: torch.tensor(math.nan)), settings=settings).run()
