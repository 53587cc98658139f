"""The example in docs/examples/ps_sc: its formulas against slow ones, its checkpoints, and its scripts."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

import interpret_inn as inn

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "ps_sc"
NAMES = tuple(path.stem for path in EXAMPLE.glob("*.py"))
TINY = {"batch": 4, "at_4": 1, "at_8": 1, "at_16": 1, "rectangles": 2}


@pytest.fixture(scope="module")
def example() -> Iterator[dict[str, ModuleType]]:
    """Its modules by name; they import each other as scripts of one folder do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE))
        for name in NAMES:
            patch.delitem(sys.modules, name, raising=False)
        yield {name: importlib.import_module(name) for name in NAMES}
        for name in NAMES:  # names as plain as these may be others' as well
            sys.modules.pop(name, None)


def weights(training: object) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value
        for name, network in training.networks.items()
        for key, value in network.state_dict().items()
    }


@pytest.fixture(scope="module")
def straight(example: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Path]:
    """A run of four steps without a break, and its folder."""
    train, out = example["train"], tmp_path_factory.mktemp("straight")
    training = train.Training(train.Settings(**TINY))
    train.train(training, 4, out, every=3)
    return training, out


def test_a_run_that_was_resumed_ends_at_the_same_weights(example, straight, tmp_path: Path) -> None:
    train, settings = example["train"], example["train"].Settings(**TINY)
    path = tmp_path / train.CHECKPOINT
    train.train(train.started(settings, path), 2, tmp_path, every=3)
    resumed = train.started(settings, path)
    assert resumed.step == 2
    train.train(resumed, 4, tmp_path, every=3)
    expected = weights(straight[0])
    assert all(torch.equal(value, expected[key]) for key, value in weights(resumed).items())
    first = weights(train.Training(settings))
    assert not torch.equal(expected["generator.start"], first["generator.start"])


def test_a_run_of_other_settings_is_not_gone_on_with(example, straight) -> None:
    train = example["train"]
    with pytest.raises(SystemExit, match="other settings"):
        train.started(train.Settings(**TINY, seed=1), straight[1] / train.CHECKPOINT)


def test_training_leaves_the_random_state_alone(example) -> None:
    before = torch.get_rng_state()
    example["train"].Training(example["train"].Settings(**TINY)).one_step()
    assert torch.equal(torch.get_rng_state(), before)


def test_perceptual_simplicity_is_that_of_the_paper(example) -> None:
    losses, draws = example["losses"], torch.Generator().manual_seed(3)
    c, seen, seen_moved = torch.randn(3, 40, 6, generator=draws).double()
    moved, which = losses.stepped(c, 0.5, draws)
    total = 0.0
    for row in range(40):
        k = int(which[row])
        for i in range(6):
            a, b, a_moved, b_moved = (float(of[row, i]) for of in (c, seen, moved, seen_moved))
            if i == k:
                assert a_moved != a
                total += ((b - a) ** 2 + (b_moved - a_moved) ** 2) / 2
            else:
                assert a_moved == a
                total += 2 * ((b + b_moved) / 2 - a) ** 2 / 2
    found = losses.perceptual_simplicity(c, moved, which, seen, seen_moved)
    assert float(found) == pytest.approx(total / 40)


def test_steps_are_of_every_latent_and_of_the_size_asked_for(example) -> None:
    zeros = torch.zeros(20_000, 3)
    moved, which = example["losses"].stepped(zeros, 0.5, torch.Generator().manual_seed(0))
    assert torch.equal(moved.abs().argmax(1), which)
    assert which.bincount().float().div(20_000).sub(1 / 3).abs().max() < 0.02
    assert float(moved.sum(1).std()) == pytest.approx(1.0, abs=0.03)


def test_the_gradient_penalty_of_a_linear_discriminator_is_known(example) -> None:
    layer = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 1))
    found = example["losses"].steepness(layer, torch.rand(5, 1, 4, 4))
    assert found.item() == pytest.approx(layer[1].weight.square().sum().item(), rel=1e-5)


def test_masks_lie_between_0_and_1_and_reach_every_place(example) -> None:
    networks = example["networks"]
    generator = networks.Generator((2, 1, 1))
    images, masks = generator.with_masks(torch.randn(3, 4))
    assert images.shape == (3, 1, 32, 32)
    assert [mask.shape for mask in masks] == [(3, 1, side, side) for side in (4, 4, 8, 16)]
    assert all(0 <= mask.min() <= mask.max() <= 1 for mask in masks)
    first, last = torch.full((2, 8), -40.0)
    first[0], last[-1] = 40.0, 40.0
    assert networks.interval(first, last).allclose(torch.ones(8))  # as published, the last would be 0
    assert networks.interval(last, last).allclose(torch.eye(8)[-1])


def test_nothing_is_changed_outside_the_mask(example) -> None:
    acting = example["networks"].Constriction(5, 8)
    features = torch.randn(2, 5, 8, 8)
    changed, mask = acting(features, torch.tensor([-2.0, 2.0]))
    expected = features * (1 - mask) + acting.style(features, torch.tensor([-2.0, 2.0])) * mask
    assert changed.allclose(expected)
    normal = acting.style(features, torch.zeros(2))
    scale, shift = acting.style.network(torch.zeros(1, 1)).chunk(2, 1)
    assert normal.mean((2, 3)).allclose(shift.expand(2, 5), atol=1e-5)
    assert normal.std((2, 3), correction=0).allclose((1 + scale).abs().expand(2, 5), atol=1e-3)


@pytest.mark.slow
def test_pictures_and_scores_are_made_of_a_run(example, straight, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda _count: None)
    monkeypatch.setattr(sys, "argv", ["pictures.py", str(straight[1]), str(tmp_path)])
    example["pictures"].main()
    with Image.open(tmp_path / "masks.png") as sheet:
        assert sheet.size == (6 * 66 - 2, 3 * 66 - 2)
    generator, recognizer = example["train"].load(straight[1] / example["train"].CHECKPOINT)
    found = example["scores"].without_truth(generator, recognizer, starts=2, images=64)
    assert len(found["TPL of each latent"]) == 3 and np.isfinite(found["TPL"]).all()


def test_the_generator_can_be_wrapped(example, straight) -> None:
    generator, _ = example["train"].load(straight[1] / example["train"].CHECKPOINT)
    interpreter = inn.wrap(generator, backbone="generator", latent_shape=generator.latents)
    assert interpreter.backbone.value_range == (0, 1)
    assert interpreter.sample_inputs(2, seed=0).shape == (2, 3)
