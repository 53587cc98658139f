"""Losses that sources add are told what they may use, are trained with the flow, and are named where they are none."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from interpret_inn.errors import FitError, PluginError
from interpret_inn.fitting.checkpoint import Checkpoint
from interpret_inn.translating.settings import FitRecord

from .trainers import SMALL, weights


@pytest.mark.slow
def test_an_added_loss_is_told_what_it_may_use_and_its_modules_are_trained(make, world, killer, tmp_path):
    seen, validated = [], []

    def made(**options):
        recognizer = nn.Linear(6, 1)
        with torch.no_grad():
            recognizer.weight.fill_(1.0), recognizer.bias.fill_(1.0)

        def loss(context):
            inputs = torch.randn(4, 6, generator=context.generator)
            if torch.is_grad_enabled():
                seen.append((context.step, context.backbone, context.network))
            else:
                validated.append((context.step, inputs))
            return recognizer(context.network.blocks(inputs)[0]).square().mean()

        return make(world.lossy(loss, module=recognizer), **options)

    whole = made()
    record = whole.run()
    assert [step for step, _, _ in seen] == list(range(24))
    assert seen[0][1:] == (whole.backbone, whole.network)
    # it counts in validation, too, the first of which is before any step, and draws the same each time
    assert [step for step, _ in validated] == [0, *(step for step, _, _ in record.history)]
    assert all(torch.equal(inputs, validated[0][1]) for _, inputs in validated)
    recognizer = whole.trained[1]
    assert float(recognizer.bias.detach()) != 1.0

    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    with pytest.raises(killer.Stop):
        made(checkpoint=checkpoint, observers=[killer(2)]).run()
    resumed = made(checkpoint=checkpoint)
    resumed.run()
    assert torch.equal(weights(resumed), weights(whole))


def test_the_held_out_loss_holds_what_a_source_adds(make, world):
    plain, more = (
        make(world.lossy(lambda context: 0.0)).run(),
        make(world.lossy(lambda context: torch.tensor(2.0))).run(),
    )
    assert [c - b for (_, _, b), (_, _, c) in zip(plain.history, more.history, strict=True)] == (
        pytest.approx([2.0] * len(plain.history), abs=1e-5)
    )


def test_where_a_source_adds_a_loss_no_gain_in_likelihood_is_known(make, world):
    assert make().run().gain > 0
    assert math.isnan(make(world.lossy(lambda context: 0.0)).run().gain)


def test_a_flow_without_couplings_is_not_trained(make, world):
    trainer = make(world.lossy(lambda context: 1 / 0), settings=dataclasses.replace(SMALL, blocks=0))
    assert trainer.run() == FitRecord(0, 0, False, 0.0, ())


def test_a_loss_is_one_number_in_any_shape(make, world):
    plain, shaped = (
        make(world.lossy(lambda context, made=made: made)) for made in (2, torch.full((1, 1), 2.0))
    )
    plain.run(), shaped.run()
    assert torch.equal(weights(plain), weights(shaped))


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (
            lambda context: torch.zeros(2),
            r"Expected the loss of the concept source 'classes' to .* \(2,\)",
        ),
        (lambda context: "0", r"to be a scalar tensor, found str"),
        (lambda context: {}["x"], r"'classes' failed to compute its loss: KeyError: 'x'"),
    ],
)
def test_losses_that_are_none_are_named(make, world, loss, text):
    with pytest.raises(PluginError, match=text):
        make(world.lossy(loss)).run()


def test_what_a_source_would_train_is_not_left_untrained_in_silence(make, world):
    settings = dataclasses.replace(SMALL, blocks=0)
    source = world.lossy(lambda context: torch.zeros(()), module=nn.Linear(2, 2))
    with pytest.raises(
        FitError, match=r"Expected blocks of at least 1, as the concept source 'classes' trains"
    ):
        make(source, settings=settings).run()
    assert make(world.lossy(lambda context: torch.zeros(())), settings=settings).run().steps == 0
