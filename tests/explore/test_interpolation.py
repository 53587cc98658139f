"""Straight traversals begin and end at the inputs, in every layout and in both spaces."""

from typing import Any

import pytest
import torch

import interpret_inn as inn
from interpret_inn import edits, explore


@pytest.mark.parametrize("space", ["code", "representation"])
def test_the_ends_are_the_inputs(maps: Any, space: Any) -> None:
    it, images = maps
    traversed = explore.interpolate(it, images[:3], images[3:6], steps=4, space=space)
    assert traversed.shape == (4, 3, 1, 12, 12)
    torch.testing.assert_close(traversed[0], it.run(images[:3]), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(traversed[-1], it.run(images[3:6]), atol=1e-4, rtol=1e-4)


def test_in_the_representation_it_is_the_models_own_line(faces: Any) -> None:
    it, latents = faces
    traversed = explore.interpolate(it, latents[:2], latents[2:4], steps=3, space="representation")
    expected = it.backbone.model((latents[:2] + latents[2:4]) / 2).detach()
    torch.testing.assert_close(traversed[1], expected)
    code = explore.interpolate(it, latents[:2], latents[2:4], steps=3)
    middle = it.invert((it.encode(latents[:2]) + it.encode(latents[2:4])) / 2)
    torch.testing.assert_close(code[1], it.backbone.model(middle).detach(), atol=1e-5, rtol=1e-4)


def test_one_second_end_serves_all_and_no_tail_is_needed(toy: Any) -> None:
    it = toy.interpreter
    traversed = explore.interpolate(it, toy.fresh[:4], toy.fresh[4:5], steps=2)
    assert traversed.shape == (2, 4, 3)
    torch.testing.assert_close(traversed[1], it.run(toy.fresh[4:5]).expand(4, -1), atol=1e-3, rtol=1e-3)


def test_some_factors_alone_end_in_a_swap(maps: Any) -> None:
    it, images = maps
    traversed = explore.interpolate(it, images[:2], images[2:4], steps=3, factors=["bright"])
    swapped = it.run(images[:2], edits.swap("bright", images[2:4]))
    torch.testing.assert_close(traversed[-1], swapped, atol=1e-5, rtol=1e-4)


def test_what_is_no_line_is_refused(faces: Any) -> None:
    it, latents = faces
    with pytest.raises(inn.EditError, match=r"at least 2 steps.*found 1"):
        explore.interpolate(it, latents[:2], latents[2:4], steps=1)
    with pytest.raises(inn.EditError, match=r"space='code' or space='representation', found 'z'"):
        explore.interpolate(it, latents[:2], latents[2:4], space="z")  # type: ignore[arg-type]
    with pytest.raises(inn.EditError, match=r"each of 2 first inputs.*\(2, 12\) and \(3, 12\)"):
        explore.interpolate(it, latents[:2], latents[2:5])
    with pytest.raises(inn.EditError, match=r"Factors live in the code alone"):
        explore.interpolate(it, latents[:2], latents[2:4], space="representation", factors=["side"])
    with pytest.raises(inn.EditError, match=r"Type factors=\['side'\]"):
        explore.interpolate(it, latents[:2], latents[2:4], factors="side")
    with pytest.raises(inn.ConceptError, match=r"no factor 'sides'"):
        explore.interpolate(it, latents[:2], latents[2:4], factors=["sides"])


def test_without_a_tail_the_whole_model_runs(faces: Any, small: dict[str, Any]) -> None:
    it, latents = faces
    inner = inn.wrap(it.backbone.model, "first", preprocess="identity")
    inner.fit("labels", data=latents, labels={"tilt": latents[:, 1].numpy()}, **small)
    assert not inner.backbone.has_tail
    traversed = explore.interpolate(inner, latents[:2], latents[2:4], steps=2)
    torch.testing.assert_close(traversed[1], inner.run(latents[2:4]), atol=1e-4, rtol=1e-4)
