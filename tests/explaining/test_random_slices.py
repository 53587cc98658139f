"""Random slices beside redraws: as large as the factor, of the leading axes, and the same for the same seed."""

from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.effects.changes import measure, output_kind
from interpret_inn.explaining.random_slices import SLICES, RandomSlices
from interpret_inn.explaining.survey import survey
from interpret_inn.testing import toy_images


@pytest.fixture(scope="module")
def images() -> Any:
    return toy_images(12, seed=4)[0]


@torch.no_grad()
def test_what_lies_outside_the_slice_stays(toy: Any, images: Any) -> None:
    translator = toy.interpreter.translator
    batch = translator.batch(translator.backbone.prepare(images), outputs=True)
    slices = RandomSlices(translator, 0)
    factor = translator.factors["hue"]
    for basis in slices._of(factor):
        torch.testing.assert_close(basis.T @ basis, torch.eye(factor.size), atol=1e-5, rtol=0)
        codes = slices._redrawn(batch, basis, 3)
        moved = (codes - batch.own)[..., : len(basis)]
        outside = moved - (moved @ basis) @ basis.T
        assert outside.abs().max() < 1e-5
        assert (moved @ basis).abs().max() > 0.1, "it takes other inputs' part"
        assert torch.equal(codes[..., len(basis) :], batch.own[..., len(basis) :].expand(3, -1, -1))
    assert len(slices._of(factor)) == SLICES


@torch.no_grad()
def test_a_slice_of_all_axes_gives_the_outputs_of_other_samples(toy: Any, images: Any) -> None:
    """An oracle: redrawing every direction puts a reference sample's code in place of the input's own."""
    translator = toy.interpreter.translator
    batch = translator.batch(translator.backbone.prepare(images), outputs=True)
    leading = translator.fitted.network.shape.leading
    codes = RandomSlices(translator, 0)._redrawn(batch, torch.linalg.qr(torch.randn(leading, leading)).Q, 2)
    reference = translator.fitted.reference_codes[:, :leading]
    nearest = torch.cdist(codes[..., :leading].flatten(0, 1), reference).min(1).values
    assert nearest.max() < 1e-2


@pytest.mark.usefixtures("hasty_probes")
def test_every_named_factor_has_one_on_the_page(toy: Any, images: Any) -> None:
    explanation = toy.interpreter.explain(images, examples=1, localizer=None)
    for name, redraw in explanation.redraws.items():
        if name == "residual":
            assert redraw.random_slice is None
        else:
            score = redraw.random_slice
            assert score is not None
            assert 0 <= score.low <= score.value <= score.high <= 1
    again = toy.interpreter.explain(images, examples=1, localizer=None)
    assert again.redraws == explanation.redraws
    report = toy.interpreter.report(images, examples=1, localizer=None)
    assert set(report.to_dict()["redraw"]["hue"]["random_slice"]) == {"value", "low", "high"}
    assert report.to_dict()["redraw"]["residual"]["random_slice"] is None
    assert "Random slice" in report.to_html()


@torch.no_grad()
def test_larger_slices_do_more(toy: Any, images: Any) -> None:
    translator = toy.interpreter.translator
    batch = translator.batch(translator.backbone.prepare(images), outputs=True)
    outputs, slices = batch.primary_outputs(), RandomSlices(translator, 0)
    found = []
    for size in (1, 20):
        basis = torch.linalg.qr(torch.randn(32, size, generator=torch.Generator().manual_seed(0))).Q
        edited = batch.with_codes(slices._redrawn(batch, basis, 8)).outputs()
        found.append(measure(outputs, edited, kind=output_kind(outputs)).kl.mean())
    assert found[1] > 2 * found[0]


def test_redraws_themselves_are_as_without_slices(toy: Any, images: Any, monkeypatch: Any) -> None:
    """The slices draw from a generator of their own."""
    plain = survey(toy.interpreter.translator, images, examples=1).redraw_effects
    monkeypatch.setattr(RandomSlices, "measure", lambda *_, **__: None)
    monkeypatch.setattr(RandomSlices, "effects", {}, raising=False)
    monkeypatch.setattr(RandomSlices, "__init__", lambda self, *_: None)
    without = survey(toy.interpreter.translator, images, examples=1).redraw_effects
    for name, effects in plain.items():
        for one, other in zip(effects, without[name], strict=True):
            np.testing.assert_array_equal(one, other)
