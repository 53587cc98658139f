"""The localizer "positions": what a factor carries at every place of a map or of tokens."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.errors import LocalizerError
from interpret_inn.localizing import FactorReader, Translator, fit_size, heat_to_masks, prepared_inputs
from interpret_inn.testing import ToyClassifier
from interpret_inn_masks.pooled import removal_strength
from interpret_inn_masks.positions import build_positions, laid_out

MEASURES = ("share", "change", "code")


@pytest.fixture(scope="module")
def at_places(toy) -> inn.Interpreter:
    """The toy's model, fitted at the 12 × 12 places of its last map."""
    interpreter = inn.wrap(toy.model, "features.3", layout="positions")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit(
            "labels", data=toy.images, labels=toy.labels, kinds={"shape": "categorical", "hue": "cyclic"}, steps=80,
            pairs=128, hidden=32, blocks=2, samples_per_axis=3, cache=None, checkpoint=None,
        )  # fmt: skip
    return interpreter


def literal(interpreter: inn.Interpreter, images: Any, factor: str, measure: str) -> Tensor:
    """The formulas position by position, (B, h, w), through the interpreter's own `encode` and `invert`."""
    codes, place = interpreter.encode(images), interpreter.factors[factor].slice
    neutral = codes.clone()
    neutral[..., place] = interpreter.fitted.reference_codes[:, place].mean(0)
    lost = (interpreter.invert(codes) - interpreter.invert(neutral)).movedim(1, -1)  # (B, h, w, D)
    found = torch.zeros(lost.shape[:3])
    centre, spread = (
        interpreter.fitted.reference_codes[:, place].mean(0),
        interpreter.fitted.reference_codes[:, place].std(0, correction=0),
    )
    for image in range(len(lost)):
        mean = lost[image].flatten(0, 1).mean(0)
        for row in range(lost.shape[1]):
            for column in range(lost.shape[2]):
                here = lost[image, row, column]
                code = codes[image, row * lost.shape[2] + column, place]
                found[image, row, column] = {
                    "share": max(0.0, float(here @ mean)),
                    "change": float(here @ here),
                    "code": float((((code - centre) / spread) ** 2).sum()),
                }[measure]
    return found


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("factor", ["shape", "hue"])
def test_maps_are_what_the_formulas_say(toy, at_places, factor: str, measure: str) -> None:
    images = toy.fresh[:3]
    expected = heat_to_masks(laid_out(literal(at_places, images, factor, measure)[:, None], (24, 24)))
    found = build_positions(measure=measure)(at_places.translator, images, factor)
    torch.testing.assert_close(found.values, expected, atol=1e-3, rtol=1e-3)
    assert 0 < found.figures["agreement"].value < 1


def hits(values: Tensor, truth: Tensor) -> float:
    """Share of the mask's highest pixels, as many as the truth has, that lie in it."""
    found = [
        truth[i].flatten()[values[i].flatten().topk(int(truth[i].sum())).indices].float().mean()
        for i in range(len(truth))
    ]
    return float(torch.stack(found).mean())


def test_masks_lie_on_the_shape_and_noise_does_not(toy, at_places) -> None:
    truth = torch.from_numpy(toy.fresh[:40].max(-1) > 70)
    masks = at_places.localize(toy.fresh[:40], "hue")  # "auto" chooses "positions" here
    assert masks.localizer == "positions"
    assert hits(masks.values, truth) > 2.5 * float(truth.float().mean())
    assert masks.reliability is not None and masks.reliability.value > 0.1
    noise = fit_size(torch.rand(40, 1, 12, 12, generator=torch.Generator().manual_seed(0)), (24, 24))
    assert hits(noise, truth) < 1.5 * float(truth.float().mean())


def test_the_same_call_gives_the_same_masks_in_batches_of_any_size(toy, at_places) -> None:
    state = {name: value.clone() for name, value in toy.model.state_dict().items()}
    whole = build_positions()(at_places.translator, toy.fresh[:5], "shape").values
    parts = [build_positions()(at_places.translator, toy.fresh[i : i + 1], "shape").values for i in range(5)]
    torch.testing.assert_close(whole, torch.cat(parts), atol=1e-4, rtol=1e-3)
    assert torch.equal(whole, build_positions()(at_places.translator, toy.fresh[:5], "shape").values)
    assert all(torch.equal(value, state[name]) for name, value in toy.model.state_dict().items())


def test_a_factor_that_carries_nothing_gives_an_empty_mask(toy, at_places, monkeypatch) -> None:
    monkeypatch.setattr("interpret_inn_masks.positions._carried", lambda *_: torch.zeros(2, 144, 32))
    for measure in ("share", "change"):
        found = at_places.localize(toy.fresh[:2], "shape", measure=measure, localizer="positions")
        assert not found.values.any()
        assert found.figures["agreement"].value == 0
        assert "are empty" in found.notes[0]


class LastAxis(nn.Module):
    """Gives maps (B, h, w, C)."""

    def __init__(self, model: ToyClassifier) -> None:
        super().__init__()
        self.local, self.rest, self.head = model.features[:4], model.features[4:], model.head
        self.turn = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        maps = self.turn(self.local(images).movedim(1, -1))
        logits: Tensor = self.head(self.rest(maps.movedim(-1, 1)))
        return logits


def test_channels_may_stand_last(toy, at_places) -> None:
    turned = inn.wrap(LastAxis(toy.model), "turn", layout="positions:channels_last")
    turned.backbone.dry_run(turned.backbone.prepare(toy.fresh[:1]))
    fitted = at_places.fitted
    other = dataclasses.replace(fitted, layout=turned.backbone.layout, z_shape=turned.backbone.z_shape)
    found = build_positions()(Translator(turned.backbone, other), toy.fresh[:3], "shape").values
    torch.testing.assert_close(
        found, build_positions()(at_places.translator, toy.fresh[:3], "shape").values, atol=1e-4, rtol=1e-3
    )


def tokens(count: int, prefix: int) -> nn.Module:
    """Makes (B, count, 6) of images (B, 3, 8, 8): a fixed linear map for each token."""

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.num_prefix_tokens = prefix
            self.patches, self.head = nn.Linear(3 * 64, count * 6), nn.Linear(6, 2)
            self.site = nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            made = self.site(self.patches(images.flatten(1)).unflatten(1, (count, 6)))
            logits: Tensor = self.head(made.mean(1))
            return logits

    return Tokens().eval()


def fitted_tokens(
    count: int, prefix: int, small: dict[str, Any], layout: str = "positions"
) -> inn.Interpreter:
    images = torch.rand(60, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    interpreter = inn.wrap(tokens(count, prefix), "site", layout=layout, preprocess="identity")
    return interpreter.fit("unsupervised", data=images, factors=1, **(small | {"axes": 4}))


def test_prefix_tokens_stand_apart(small) -> None:
    interpreter = fitted_tokens(10, 1, small)
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    found = build_positions(measure="change")(interpreter.translator, images, "factor 1").values
    codes = interpreter.encode(images)
    assert codes.shape == (3, 9, 6)
    neutral = codes.clone()
    place = interpreter.factors["factor 1"].slice
    neutral[..., place] = interpreter.fitted.reference_codes[:, place].mean(0)
    lost = interpreter.invert(codes, images) - interpreter.invert(neutral, images)
    assert not lost[:, 0].any()  # the prefix token
    expected = heat_to_masks(laid_out(lost[:, 1:].square().sum(2).reshape(3, 1, 3, 3), (8, 8)))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_tokens_that_are_no_square(small) -> None:
    interpreter = fitted_tokens(7, 0, small)
    with pytest.raises(
        LocalizerError, match=r"Expected positions that form a grid, found 7 tokens .* no square"
    ):
        build_positions()(interpreter.translator, torch.rand(2, 3, 8, 8), "factor 1")


def test_a_flat_layout(small) -> None:
    interpreter = fitted_tokens(9, 0, small, "flat")
    text = r"to positions or to their mean, found the layout 'flat' at 'site'.*layout=\"pooled\""
    with pytest.raises(LocalizerError, match=text):
        interpreter.localize(torch.rand(2, 3, 8, 8), "factor 1", localizer="positions")


@pytest.mark.parametrize("prefix", [0, 2])
def test_pooled_maps_are_what_taking_a_position_out_of_the_mean_does(small, prefix: int) -> None:
    interpreter = fitted_tokens(9 + prefix, prefix, small, "pooled")
    prepared = prepared_inputs(interpreter.translator, torch.rand(3, 3, 8, 8))
    reader, network = FactorReader(interpreter.translator, "factor 1"), interpreter.fitted.network
    with interpreter.backbone.session():
        found = removal_strength(interpreter.translator, reader, prepared)
        tokens = interpreter.backbone.represent(prepared)[:, prefix:]
        assert found.shape == (3, 9)
        for i in range(3):
            usual = tokens[i].median(0).values
            own = network(tokens[i].mean(0)[None])[0][0, reader.factor.slice] - reader.centre
            for p in range(9):
                without = tokens[i].clone()
                without[p] = usual
                code = network(without.mean(0)[None])[0][0, reader.factor.slice] - reader.centre
                wanted = max(0.0, float((own - code) @ own / own.norm()))
                assert float(found[i, p]) == pytest.approx(wanted, abs=1e-4)


def test_a_vector(toy) -> None:
    with pytest.raises(LocalizerError, match=r"found the layout 'vector' at 'head:in'.*a vector has none"):
        build_positions()(toy.interpreter.translator, toy.fresh[:2], "shape")


def test_a_misspelt_measure() -> None:
    with pytest.raises(LocalizerError, match=r"There is no measure 'shares'. Did you mean 'share'"):
        inn.localizer("positions", measure="shares")
