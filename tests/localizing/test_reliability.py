"""The parts that reliability is made of, against literal versions: donors, ranks, places, moves, gains, weights."""

import importlib
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from interpret_inn.localizing import prepared_inputs, randomised, reliability
from interpret_inn.metrics.bootstrap import percentile_interval, resampling_weights
from interpret_inn.testing import toy_images

measuring: Any = importlib.import_module("interpret_inn.localizing.reliability")

IMAGES, _ = toy_images(6, seed=6)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(3))
def test_donors_are_the_farthest_that_serve_everybody_equally(seed: int) -> None:
    codes = torch.randn(5, 2, generator=seeded(seed + 50))
    away = torch.cdist(codes, codes).double() * (1 - 0.5 * torch.rand(5, 5, generator=seeded(seed)))

    def farthest(taken: set[tuple[int, int]]) -> tuple[int, ...]:
        allowed = [
            order
            for order in itertools.permutations(range(5))
            if not any(i == j or (i, j) in taken for i, j in enumerate(order))
        ]
        return max(allowed, key=lambda order: float(away[range(5), order].sum()))

    first = farthest(set())
    second = farthest(set(enumerate(first)))
    assert measuring._others(codes, seeded(seed)).tolist() == [
        list(pair) for pair in zip(first, second, strict=True)
    ]


def test_images_of_one_code_have_donors_too() -> None:
    donors = measuring._others(torch.ones(3, 4), seeded(0))
    assert [sorted(row) for row in donors.tolist()] == [[1, 2], [0, 2], [0, 1]]


def test_pixels_are_ranked_by_value_then_surroundings_then_lot() -> None:
    values = (torch.rand(3, 1, 24, 10, generator=seeded(1)) * 4).round() / 4
    values[1] = (values[1] > 0.8).float()
    lot = torch.rand(values.shape, generator=seeded(2), dtype=torch.float64)
    reach = 3  # a window of 2 · (24 // 8) + 1 pixels
    for mask, chance, ranks in zip(
        values[:, 0], lot[:, 0], measuring._ranks(values, seeded(2))[:, 0], strict=True
    ):
        keys = {}
        for y, x in np.ndindex(24, 10):
            window = mask[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
            keys[y, x] = float(mask[y, x]) + 1e-4 * float(window.mean()) + 1e-9 * float(chance[y, x])
        order = sorted(keys, key=lambda at: -keys[at])
        assert [int(ranks[at]) for at in order] == list(range(240))


def test_masks_are_moved_to_every_place_of_the_image() -> None:
    mask = torch.zeros(600, 1, 3, 5, dtype=torch.bool)
    mask[..., 0, 0] = True
    moved = measuring._elsewhere(mask, seeded(0))
    assert moved.shape == mask.shape and (moved.sum((1, 2, 3)) == 1).all()
    assert moved.sum(0).min() >= 15  # 40 on average
    shape = torch.rand(4, 1, 3, 5, generator=seeded(1)) < 0.5
    for before, after in zip(shape, measuring._elsewhere(shape, seeded(2)), strict=True):
        assert any(torch.equal(before.roll((y, x), (1, 2)), after) for y in range(3) for x in range(5))


class Reader:
    """Reads two numbers from images, and their deviations from ones."""

    def codes(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        return torch.stack([flat.sum(1) ** 3, flat[:, 0] - flat[:, 3]], 1)

    def deviation(self, codes: Tensor) -> Tensor:
        return codes - 1


def test_moves_are_shares_of_the_way_over_all_donors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "AT_ONCE", 2)
    reader: Any = Reader()
    images = torch.randn(7, 1, 2, 3, generator=seeded(3))
    images[5:] = images[5]  # the last two are one image
    inside = torch.rand(7, 1, 2, 3, generator=seeded(4)) < 0.5
    donors = torch.tensor([[1, 2], [2, 3], [3, 4], [4, 0], [0, 1], [6, 6], [0, 1]])
    codes = reader.deviation(reader.codes(images))
    found = measuring._moved(reader, images, codes, donors, inside)
    shares = []
    for image in range(7):
        above = below = 0.0
        for donor in donors[image].tolist():
            changed = torch.where(inside[image], images[image], images[donor])
            way = codes[image] - codes[donor]
            above += float((reader.deviation(reader.codes(changed[None]))[0] - codes[donor]) @ way)
            below += float(way @ way)
        shares.append(above / below if below else math.nan)
    assert min(shares[:5]) < -1 or max(shares[:5]) > 2, "some share is beyond the bounds"
    wanted = [share if math.isnan(share) else min(max(share, -1), 2) for share in shares]
    assert math.isnan(wanted[5])
    assert found.tolist() == pytest.approx(wanted, abs=1e-4, nan_ok=True)


def literal_gains(own: np.ndarray, chance: np.ndarray, weights: np.ndarray) -> list[float]:
    """Of every image, by one row of weights: the mean over the areas that can be judged."""
    found = []
    for image in range(own.shape[1]):
        parts = []
        for area in range(len(own)):
            known = np.isfinite(chance[area]) & (weights > 0)
            if not known.any():
                continue
            mean = np.average(chance[area][known], weights=weights[known])
            if mean < 0.9 and np.isfinite(own[area, image]):
                parts.append((own[area, image] - mean) / (1 - mean))
        found.append(float(np.clip(np.mean(parts), -1, 1)) if parts else math.nan)
    return found


def test_gains_are_the_literal_ones_within_bounds() -> None:
    generator = np.random.default_rng(0)
    own, chance = generator.uniform(-0.2, 1, (3, 6)), generator.uniform(0, 0.6, (3, 6))
    own[:, 0], own[:, 1], own[:, 2] = 2, -1, np.nan
    own[1, 3] = chance[0, 4] = np.nan
    chance[2] = 0.75  # exact in floats, as its mean is
    weights = np.array([[1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 6, 0], [3, 0, 1, 0, 0, 2]], float)
    found = measuring._gains(own, chance, weights)
    for row, drawn in zip(found, weights, strict=True):
        assert row.tolist() == pytest.approx(literal_gains(own, chance, drawn), nan_ok=True)
    assert found[0, 0] == 1 and found[0, 1] == -1


def test_intervals_are_those_of_resampled_images() -> None:
    generator = np.random.default_rng(1)
    own, chance = generator.uniform(0, 1, (2, 7)), generator.uniform(0, 0.5, (2, 7))
    own[:, 6] = np.nan
    drawn = [
        np.average(literal_gains(own[:, :6], chance[:, :6], weights), weights=weights)
        for weights in resampling_weights(6, seed=4)
    ]
    score, _ = measuring._beyond_chance(own, chance, 4)
    assert (score.low, score.high) == pytest.approx(percentile_interval(np.array(drawn), 6))


@pytest.mark.parametrize(("known", "measured"), [(0, False), (1, False), (2, True)])
def test_an_interval_needs_two_images(known: int, measured: bool) -> None:
    own = np.where(np.arange(4) < known, [[0.4, 0.6, 0.5, 0.5]], np.nan)
    score, each = measuring._beyond_chance(own, np.full((1, 4), 0.2), 0)
    assert math.isfinite(score.value) == (known > 0) and np.isfinite(each).sum() == known
    assert math.isfinite(score.low) == math.isfinite(score.high) == measured


def test_shares_of_the_image_are_moved_and_as_much_from_elsewhere(
    toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, moved = [], measuring._moved

    def recorded(*arguments: Any) -> Tensor:
        counts.append(set(arguments[-1].sum((1, 2, 3)).tolist()))
        found: Tensor = moved(*arguments)
        return found

    monkeypatch.setattr(measuring, "_moved", recorded)
    masks = torch.rand(2, 1, 24, 24, generator=seeded(0))
    masks[1] = 0.5
    score, each = reliability(
        toy.interpreter.translator, IMAGES[:2], "shape", masks, space="input", areas=(1e-6, 0.1, 0.4)
    )
    assert counts == [{1}, {1}, {58}, {58}, {230}, {230}]  # of 576 pixels
    assert math.isfinite(each[0]) and math.isnan(each[1]) and score.value == each[0]


def weights_of(network: torch.nn.Module) -> dict[str, Tensor]:
    """What was trained, or, of a conditional flow, found in closed form."""
    found = ("centres", "weights", "slopes", "factors")
    in_closed_form = {name: one for name, one in network.named_buffers() if name.rsplit(".", 1)[-1] in found}
    return dict(network.named_parameters()) | in_closed_form


@pytest.mark.parametrize("part", ["flow", "model"])
def test_random_weights_are_those_of_the_original_in_another_order(toy: Any, part: Any) -> None:
    translator = toy.interpreter.translator
    copy = randomised(translator, part, inputs=toy.images[:64], seed=2)
    before, after = (
        weights_of(each.fitted.network if part == "flow" else each.backbone.model)
        for each in (translator, copy)
    )
    assert before
    for name, weights in before.items():
        if weights.ndim < 2:
            assert torch.equal(weights, after[name]), "biases stay"
        else:
            assert torch.equal(weights.flatten().sort()[0], after[name].flatten().sort()[0])
            assert weights.numel() == 1 or not torch.equal(weights, after[name])
    assert torch.allclose(copy.fitted.reference_codes, copy.encode(toy.images[:64]), atol=1e-5)
    assert copy.fitted.reference_groups.tolist() == list(range(64)) and copy.fitted.concepts == ()
    other = randomised(translator, part, inputs=toy.images[:64], seed=3)
    assert not torch.allclose(copy.encode(IMAGES), other.encode(IMAGES), atol=0.1)


def test_inputs_of_several_forwards_are_one_batch(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = prepared_inputs(toy.interpreter.translator, IMAGES)
    masks = torch.rand(6, 1, 24, 24, generator=seeded(0))
    scores = []
    for at_once in (64, 4):
        monkeypatch.setattr(measuring, "AT_ONCE", at_once)
        scores.append(
            reliability(toy.interpreter.translator, IMAGES, "shape", masks, space="input", seed=1)[1]
        )
    with toy.interpreter.backbone.session(gradients=True):  # of the caller's: sessions nest
        again = reliability(toy.interpreter.translator, IMAGES, "shape", masks, space="input", seed=1)[1]
    assert again.tolist() == scores[1].tolist()
    assert len(whole) == 6 and scores[0].tolist() == pytest.approx(scores[1].tolist(), abs=1e-3)
