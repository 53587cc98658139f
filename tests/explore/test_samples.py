"""Samples: drawn codes become outputs, where codes are all that outputs need."""

from pathlib import Path
from typing import Any

import pytest
import torch

import interpret_inn as inn
from interpret_inn import explore
from interpret_inn.explore.sampling import drawn_codes


def test_samples_are_outputs_of_drawn_codes(faces: Any) -> None:
    it, _ = faces
    samples = explore.sample(it, 300, seed=4)
    assert samples.shape == (300, 3, 10, 10)
    assert torch.equal(samples, explore.sample(it, 300, seed=4))
    assert not torch.equal(samples, explore.sample(it, 300, seed=5))
    with torch.no_grad():
        expected = it.backbone.model(it.invert(drawn_codes(it.translator, 300, seed=4)))
    torch.testing.assert_close(samples, expected)


def test_codes_are_spread_as_asked_for(faces: Any) -> None:
    translator = faces.interpreter.translator
    reference = translator.fitted.reference_codes
    data = drawn_codes(translator, 8000, seed=0)
    torch.testing.assert_close(data.T.cov(), reference.T.cov(correction=0), atol=0.12, rtol=0)
    normal = drawn_codes(translator, 8000, seed=0, spread="normal")
    torch.testing.assert_close(normal.T.cov(), torch.eye(12), atol=0.08, rtol=0)
    stored = drawn_codes(translator, 50, seed=0, spread="stored")
    for factor in translator.factors:
        found = torch.cdist(stored[:, factor.slice], reference[:, factor.slice]).min(1).values
        assert found.max() < 2e-3  # each factor is that of some stored sample


def test_factors_that_are_not_drawn_stay_at_their_mean(faces: Any) -> None:
    translator = faces.interpreter.translator
    codes = drawn_codes(translator, 5, seed=0, factors=["tilt"])
    tilt = translator.factors["tilt"].slice
    others = [i for i in range(12) if i not in range(12)[tilt]]
    torch.testing.assert_close(
        codes[:, others], translator.fitted.reference_codes.mean(0)[others].expand(5, -1)
    )
    assert codes[:, tilt].std(0).min() > 0


def test_inner_layers_of_a_generator_are_sampled_through_the_model(
    faces: Any, generator_at: Any, small: dict[str, Any]
) -> None:
    inner = inn.Interpreter(generator_at("first"))
    inner.fit("labels", data=faces.inputs, labels={"tilt": faces.inputs[:, 1].numpy()}, **small)
    assert not inner.backbone.has_tail
    samples = explore.sample(inner, 4)
    expected = inner.backbone.model.second(inner.invert(drawn_codes(inner.translator, 4, seed=0))).detach()
    torch.testing.assert_close(samples, expected)


def test_layouts_that_carry_something_along_are_refused(maps: Any) -> None:
    it, _ = maps
    if it.fitted.layout.name == "flat":
        assert explore.sample(it, 3).shape == (3, 1, 12, 12)
        return
    with pytest.raises(inn.EditError, match=r"leaves out of the code.*layout='flat'"):
        explore.sample(it, 3)


def test_a_model_that_needs_its_inputs_is_refused(faces: Any, small: dict[str, Any]) -> None:
    inner = inn.wrap(faces.interpreter.backbone.model, "first", preprocess="identity")
    inner.fit("labels", data=faces.inputs, labels={"tilt": faces.inputs[:, 1].numpy()}, **small)
    with pytest.raises(inn.EditError, match=r"does not run on from 'first' alone.*'decoder:in'"):
        explore.sample(inner, 2)


def test_a_loaded_interpreter_first_has_to_see_an_input(toy: Any, tmp_path: Path) -> None:
    toy.interpreter.save(tmp_path / "it")
    again = inn.load(tmp_path / "it", toy.model)
    with pytest.raises(inn.EditError, match=r"Nothing has run through ToyClassifier.*encode\(inputs\)"):
        explore.sample(again, 2)
    again.encode(toy.fresh[:1])
    assert torch.equal(explore.sample(again, 2), explore.sample(toy.interpreter, 2))


def test_numbers_and_names_are_checked(faces: Any) -> None:
    it, _ = faces
    with pytest.raises(inn.EditError, match=r"number of samples, at least 1, found 0"):
        explore.sample(it, 0)
    with pytest.raises(inn.EditError, match=r"'data', 'normal', 'mixture' or 'stored', found 'wide'"):
        explore.sample(it, 2, spread="wide")  # type: ignore[arg-type]
    with pytest.raises(inn.EditError, match=r"Type factors=\['tilt'\]"):
        explore.sample(it, 2, factors="tilt")
    with pytest.raises(inn.ConceptError, match=r"no factor 'tilts'"):
        explore.sample(it, 2, factors=["tilts"])


def test_a_mixture_keeps_apart_what_is_apart() -> None:
    """Two clouds: a Gaussian draws between them, the mixture does not; the same seed, the same draws."""
    from interpret_inn.explore.sampling import Spread, mixture_draws

    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(400, 3, generator=generator) * 0.1
    codes[:200, 0] += 3
    codes[200:, 0] -= 3
    drawn = mixture_draws(codes, 300, seed=1)
    between = Spread(codes, width=3).noise(300, generator)
    assert (drawn[:, 0].abs() < 2).float().mean() < 0.01 < (between[:, 0].abs() < 2).float().mean()
    assert 0.35 < (drawn[:100, 0] > 0).float().mean() < 0.65  # shuffled: not one cloud after the other
    torch.testing.assert_close(drawn, mixture_draws(codes, 300, seed=1))
    assert mixture_draws(codes[:10], 5, seed=0).shape == (5, 3)
