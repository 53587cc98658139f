"""What whoever makes a Backbone may promise of it: the shape of inputs, the range of images, what is odd."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.backbones.state import architecture, weights_digest

pytestmark = pytest.mark.usefixtures("hasty_probes")


class Painter(nn.Module):
    """Vectors (B, 6) to images (B, 3, 8, 8) from −3 to 3."""

    def __init__(self) -> None:
        super().__init__()
        self.paint = nn.Linear(6, 192)
        with torch.no_grad():
            self.paint.weight.normal_(generator=torch.Generator().manual_seed(0))
            self.paint.bias.zero_()

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = 3 * torch.tanh(self.paint(latents)).reshape(-1, 3, 8, 8)
        return images


@pytest.fixture
def latents() -> Tensor:
    return torch.randn(80, 6, generator=torch.Generator().manual_seed(1))


def painter(**promises: Any) -> inn.Interpreter:
    return inn.wrap(Backbone(Painter().eval(), ".:in", preprocess="identity", name="painter", **promises))


def fit(it: inn.Interpreter, latents: Tensor, small: dict[str, Any], **options: Any) -> inn.Interpreter:
    values = latents[:, 0].numpy()
    settings = small | {"axes": 6} | options
    return it.fit("labels", data=latents, labels={"a": values}, sizes={"a": 2}, **settings)


# --- input_shape ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6,), [6], torch.Size([6])])
def test_inputs_of_the_shape_pass_and_others_are_refused(shape: Any, latents: Tensor) -> None:
    backbone = painter(input_shape=shape).backbone
    assert backbone.prepare(latents).shape == (80, 6)
    for wrong, found in ((latents[:, :5], r"\(5,\)"), (latents[:, :, None], r"\(6, 1\)")):
        with pytest.raises(
            inn.InputError, match=rf"Expected inputs of shape \(6,\) for painter, found {found}\."
        ):
            backbone.prepare(wrong)


def test_everything_that_takes_inputs_holds_them_to_it(latents: Tensor, small: dict[str, Any]) -> None:
    it = fit(painter(input_shape=(6,), value_range=(-3, 3)), latents, small)
    for call in (it.encode, it.run, it.explain, it.check, lambda x: it.label(x, lambda y: y.mean((1, 2, 3)))):
        with pytest.raises(
            inn.InputError, match=r"Expected inputs of shape \(6,\) for painter, found \(7,\)"
        ):
            call(torch.zeros(4, 7))
    with pytest.raises(inn.InputError, match=r"Expected inputs of shape \(6,\)"):
        fit(painter(input_shape=(6,)), torch.eye(40, 9), small)


# --- value_range ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [(1, 0), (1, 1), (0, float("inf")), (0,), (0, 1, 2), 1.0, "unit", (None, 1)]
)
def test_a_range_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(
        inn.BackboneError,
        match=r"Expected value_range as the lowest and the highest value of the model's images, such as \(0, 1\) or "
        r"\(-1, 1\), found ",
    ):
        painter(value_range=wrong)


@pytest.mark.slow
def test_a_known_range_decides_how_images_are_shown(latents: Tensor, small: dict[str, Any]) -> None:
    wide = fit(painter(value_range=[-6, 6]), latents, small).explain(
        latents[:9], examples=2, resamples=2, localizer=None
    )
    seen = fit(painter(), latents, small).explain(latents[:9], examples=2, resamples=2, localizer=None)
    assert not any("range of the model's images" in warning for warning in wide.warnings)
    outputs = painter().run(latents[:9])
    picture = wide.examples[0].picture
    assert picture is not None
    assert picture.dtype == np.uint8
    assert picture.shape == (8, 8, 3)
    shown = wide.examples[0].name
    expected = (outputs[int(shown)].movedim(0, -1).numpy() + 6) / 12 * 255
    assert np.abs(picture - expected).max() <= 1
    # twice the range: half the change
    assert wide.redraws["a"].change.value < seen.redraws["a"].change.value


def test_an_unknown_range_is_said(latents: Tensor, small: dict[str, Any]) -> None:
    explanation = fit(painter(), latents, small).explain(latents[:9], examples=2, resamples=2, localizer=None)
    said = [warning for warning in explanation.warnings if "range of the model's images" in warning]
    low, high = (f"{float(end):.3g}" for end in painter().run(latents[:9]).aminmax())
    assert len(said) == 1
    assert said[0].startswith(
        f"The range of the model's images is not known. They are shown from {low} (black) to {high} (white), as found."
    )


# --- examine ----------------------------------------------------------------------------------------


def test_what_is_odd_is_warned_of_and_kept(latents: Tensor, small: dict[str, Any], tmp_path: Any) -> None:
    seen = []

    def examine(prepared: Tensor, outputs: Any) -> list[str]:
        seen.append((prepared, outputs))
        return ["The images are all grey.", "Few of them."]

    it = painter(examine=examine)
    with pytest.warns(inn.InnWarning, match=r"grey\.$|^Few") as caught:
        fit(it, latents, small)
    assert [str(warning.message) for warning in caught] == ["The images are all grey.", "Few of them."]
    assert caught[0].filename == __file__  # the line that called fit
    (prepared, outputs), *more = seen
    assert not more
    assert torch.equal(prepared, latents[:64])
    assert torch.equal(outputs, it.run(latents[:64]))
    assert it.fitted.notes[:2] == ("The images are all grey.", "Few of them.")
    assert "The images are all grey." in it.explain(examples=2, resamples=1, localizer=None).warnings
    it.save(tmp_path / "saved")
    assert (
        json.loads((tmp_path / "saved" / "interpreter.json").read_text())["notes"][0]
        == "The images are all grey."
    )


def test_no_more_inputs_are_examined_than_fit_in_memory(latents: Tensor, small: dict[str, Any]) -> None:
    counts = []
    it = painter(examine=lambda prepared, outputs: counts.append(len(prepared)) or ())
    fit(it, latents, small, batch_size=7)
    fit(it, latents[:30], small)
    assert counts == [7, 30]


def test_one_sentence_is_one(latents: Tensor, small: dict[str, Any]) -> None:
    with pytest.warns(inn.InnWarning, match=r"^It is odd\.$"):
        it = fit(painter(examine=lambda prepared, outputs: "It is odd."), latents, small)
    assert it.fitted.notes[0] == "It is odd."


def test_nothing_odd_is_no_warning(latents: Tensor, small: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(painter(examine=lambda prepared, outputs: ()), latents, small)


def test_an_examiner_that_fails_is_named(latents: Tensor, small: dict[str, Any]) -> None:
    with pytest.raises(
        inn.PluginError,
        match=r"`examine` of the backbone 'painter' failed: ZeroDivisionError: division by zero",
    ):
        fit(painter(examine=lambda prepared, outputs: 1 / 0), latents, small)

    def refuse(prepared: Tensor, outputs: Any) -> list[str]:
        raise inn.BackboneError("Expected codes of 6 numbers, found 5.")

    with pytest.raises(inn.BackboneError, match=r"Expected codes of 6 numbers, found 5\."):
        fit(painter(examine=refuse), latents, small)


# --- identity ---------------------------------------------------------------------------------------


def test_weights_and_architecture_tell_networks_apart() -> None:
    one, same, other = Painter(), Painter(), Painter()
    with torch.no_grad():
        other.paint.bias[0] += 1e-6
    assert weights_digest(one) == weights_digest(same) == painter().backbone.fingerprint()
    assert weights_digest(one) != weights_digest(other)
    assert weights_digest(one.half()) != weights_digest(same)
    assert architecture(one).endswith(".Painter, 1,344 parameters")
    assert architecture(one) == painter().backbone.architecture()
