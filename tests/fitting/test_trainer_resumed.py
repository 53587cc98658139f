"""A training that was stopped goes on from its checkpoint as if it had never stopped."""

import pytest
import torch

from interpret_inn.fitting.checkpoint import Checkpoint
from interpret_inn.translating.settings import FitSettings

from .trainers import weights


@pytest.mark.parametrize("validations", [1, 3, 6])
@pytest.mark.parametrize("positions", [1, 3])
def test_a_fit_that_was_stopped_and_resumed_is_the_same_to_the_last_bit(
    make, killer, tmp_path, validations, positions
):
    whole = make(positions=positions)
    expected = whole.run()

    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    with pytest.raises(killer.Stop):
        make(positions=positions, checkpoint=checkpoint, observers=[killer(validations)]).run()
    assert checkpoint.path.exists()
    resumed = make(positions=positions, checkpoint=checkpoint)
    found = resumed.run()

    assert torch.equal(weights(resumed), weights(whole))
    assert found.history == expected.history
    assert (found.steps, found.best_step, found.gain) == (expected.steps, expected.best_step, expected.gain)
    assert not checkpoint.path.exists(), "a fit that is done leaves no checkpoint"


def test_a_fit_may_be_stopped_again_and_again(make, killer, tmp_path):
    whole = make()
    whole.run()
    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    for _ in range(5):
        with pytest.raises(killer.Stop):
            make(checkpoint=checkpoint, observers=[killer(1)]).run()
    resumed = make(checkpoint=checkpoint)
    assert resumed.run().steps == 24
    assert torch.equal(weights(resumed), weights(whole))


def test_a_resumed_fit_still_stops_early(make, killer, tmp_path):
    settings = FitSettings(steps=200, pairs=32, hidden=8, every=2, patience=3, learning_rate=0.5)
    whole = make(settings=settings)
    expected = whole.run()
    assert expected.stopped_early
    assert expected.steps == expected.best_step + 3 * 2 < 200
    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    with pytest.raises(killer.Stop):
        validations = len(expected.history)
        make(settings=settings, checkpoint=checkpoint, observers=[killer(validations)]).run()
    resumed = make(settings=settings, checkpoint=checkpoint)
    assert resumed.run().history == expected.history
    assert torch.equal(weights(resumed), weights(whole))
