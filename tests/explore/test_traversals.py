"""Traversals: along a factor, through classes, at random; what they must agree with."""

import math
from typing import Any

import pytest
import torch

import interpret_inn as inn
from interpret_inn import edits, explore
from interpret_inn.explore.sampling import Spread, spread_of
from interpret_inn.explore.traversals import through, wander


def test_traverse_is_walk(faces: Any, maps: Any) -> None:
    for (it, inputs), factor in ((faces, "tilt"), (maps, "bright")):
        traversed = explore.traverse(it, inputs[:3], factor, steps=5)
        assert len(traversed) == 5
        torch.testing.assert_close(traversed, it.traverse(inputs[:3], factor, 5))


def test_traverse_can_hold(toy: Any) -> None:
    """Its outputs are those of codes from which the probe reads the held concept as before."""
    it, fresh, positions = toy.interpreter, toy.fresh[:4], torch.tensor([-2.0, 2.0])
    free, held = (explore.traverse(it, fresh, "hue", steps=[-2, 2], hold=hold) for hold in ([], ["shape"]))
    assert not torch.equal(free, held)
    with it.backbone.session():
        batch = it.translator.batch(it.backbone.prepare(fresh), outputs=True)
        variants = [batch.traversed(it.factors["hue"], positions, hold=hold) for hold in ([], ["shape"])]
        for outputs, variant in zip((free, held), variants, strict=True):
            torch.testing.assert_close(outputs, variant.outputs(), atol=1e-4, rtol=1e-4)
    weights = torch.from_numpy(it.translator.probe("shape").weight).float()
    white = [
        it.translator.white(codes.flatten(0, -2)) for codes in (batch.codes, *(v.codes for v in variants))
    ]
    before, *after = (rows @ (weights - weights.mean(0)).T for rows in white)
    moved = [float((read.unflatten(0, (2, 4)) - before).abs().mean()) for read in after]
    assert moved[1] < 0.2 * moved[0]


def test_a_class_traversal_stops_at_every_class(faces: Any) -> None:
    it, latents = faces
    traversed = explore.class_traversal(it, latents[:3], "side")
    assert traversed.shape == (5, 3, 3, 10, 10)
    for place, name in ((0, "left"), (-1, "right")):
        torch.testing.assert_close(traversed[place], it.run(latents[:3], edits.set_to("side", name)))
    back = explore.class_traversal(it, latents[:3], "side", classes=["right", "left"], steps=5)
    torch.testing.assert_close(back, traversed.flip(0))


def test_a_class_walk_in_a_classifier_visits_its_classes(toy: Any) -> None:
    logits = explore.class_traversal(toy.interpreter, toy.fresh[:30], "shape", steps=3)
    assert logits.shape == (3, 30, 3)
    agree = (logits.argmax(-1) == torch.arange(3)[:, None]).double().mean()
    assert agree > 0.8


def test_where_there_are_no_classes_a_class_walk_says_so(faces: Any) -> None:
    it, latents = faces
    with pytest.raises(inn.EditError, match=r"'tilt' has none\. Type traverse"):
        explore.class_traversal(it, latents[:2], "tilt")
    with pytest.raises(inn.EditError, match=r"no class 'top'"):
        explore.class_traversal(it, latents[:2], "side", classes=["top"])
    with pytest.raises(inn.EditError, match=r"Type classes=\['left', …\]"):
        explore.class_traversal(it, latents[:2], "side", classes="left")
    with pytest.raises(inn.EditError, match=r"at least one class"):
        explore.class_traversal(it, latents[:2], "side", classes=[])
    with pytest.raises(inn.EditError, match=r"number of steps, at least 1, found 0"):
        explore.class_traversal(it, latents[:2], "side", steps=0)


def test_through_goes_evenly_and_straight() -> None:
    stops = [torch.tensor([0.0, 0.0]), torch.tensor([2.0, 0.0]), torch.tensor([2.0, 4.0])]
    points = through(stops, 5)
    torch.testing.assert_close(points, torch.tensor([[0.0, 0], [1, 0], [2, 0], [2, 2], [2, 4]]))
    torch.testing.assert_close(through(stops[:1], 2), torch.zeros(2, 2))
    torch.testing.assert_close(through(stops, 1), torch.zeros(1, 2))


def test_a_random_walk_starts_at_the_input_and_moves_one_factor(faces: Any) -> None:
    it, latents = faces
    traversed = explore.random_walk(it, latents[:4], "tilt", steps=6, seed=2)
    assert traversed.shape == (6, 4, 3, 10, 10)
    torch.testing.assert_close(traversed[0], it.run(latents[:4]), atol=1e-4, rtol=1e-4)
    assert torch.equal(traversed, explore.random_walk(it, latents[:4], "tilt", steps=6, seed=2))
    assert not torch.equal(traversed[1], explore.random_walk(it, latents[:4], "tilt", steps=6, seed=3)[1])


def test_positions_walk_together(maps: Any) -> None:
    it, images = maps
    assert explore.random_walk(it, images[:3], "bright", steps=4).shape == (4, 3, 1, 12, 12)


def test_a_random_walk_is_spread_as_the_data_are(faces: Any) -> None:
    it, _ = faces
    factor = it.factors["residual"]
    start = torch.full((4000, factor.size), 9.0)
    generator = torch.Generator().manual_seed(0)
    end = wander(it.translator, factor, start, 40, step_size=0.3, generator=generator)[-1]
    data = it.fitted.reference_codes[:, factor.slice]
    torch.testing.assert_close(end.mean(0), data.mean(0), atol=0.08, rtol=0)
    torch.testing.assert_close(end.T.cov(), data.T.cov(correction=0), atol=0.15, rtol=0)


def test_one_step_forgets_as_the_formula_says(faces: Any) -> None:
    it, _ = faces
    factor = it.factors["tilt"]
    start = torch.zeros(20000, factor.size)
    traversed = wander(
        it.translator, factor, start, 2, step_size=0.5, generator=torch.Generator().manual_seed(1)
    )
    data, keep = it.fitted.reference_codes[:, factor.slice], math.exp(-0.5)
    torch.testing.assert_close(traversed[1].mean(0), (1 - keep) * data.mean(0), atol=0.03, rtol=0)
    expected = (1 - keep**2) * data.T.cov(correction=0)
    torch.testing.assert_close(traversed[1].T.cov(), expected, atol=0.04, rtol=0)


def test_spread_draws_the_codes_own_gaussian() -> None:
    codes = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) @ torch.randn(3, 3) + 4
    drawn = Spread(codes, width=5).noise(20000, torch.Generator().manual_seed(1))
    assert drawn.shape == (20000, 5)
    assert not drawn[:, 3:].any()
    scale = float(codes.var(0).max())
    torch.testing.assert_close(drawn[:, :3].T.cov(), codes.T.cov(correction=0), atol=0.06 * scale, rtol=0)
    assert drawn.mean(0).abs().max() < 0.05 * scale


def test_axes_that_were_not_stored_do_not_move(faces: Any) -> None:
    spread = spread_of(faces.interpreter.fitted, 10, 20)
    assert spread.mean.shape == (10,)
    assert not spread.noise(2, torch.Generator().manual_seed(0))[:, 2:].any()


@pytest.mark.parametrize("size", [0, -1.0, math.nan, "much"])
def test_a_step_must_lead_somewhere(faces: Any, size: Any) -> None:
    with pytest.raises(inn.EditError, match=r"Expected a positive step_size"):
        explore.random_walk(*faces, "tilt", step_size=size)
