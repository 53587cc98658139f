"""Codes that a decoder refuses: what was expected, what was found, what to type."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.errors import BackboneError

IMAGES = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Halves(nn.Module):
    """An autoencoder whose codes are changed before they are decoded."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(192, 12))
        self.decoder = nn.Sequential(nn.Linear(12, 192), nn.Unflatten(1, (3, 8, 8)))
        self.change = change

    def encode(self, images: Tensor) -> Tensor:
        found: Tensor = self.change(self.encoder(images))
        return found

    def decode(self, codes: Tensor) -> Tensor:
        found: Tensor = self.decoder(codes)
        return found


CASES = [
    (
        lambda code: code.half(),
        r"Expected codes in {}, found float16 from the encoder \(RuntimeError.*model\.float\(\)",
    ),
    (
        lambda code: code.double(),
        r"Expected codes in {}, found float64 from the encoder .*code=lambda answer",
    ),
    (
        lambda code: code.T,
        r"one row for each of 20 images, found \(12, 20\), which looks transposed .*answer\.T",
    ),
    (lambda code: code[:7, :3], r"one for each of 20 images, found \(7, 3\) .*one row for each image: wrap"),
    (lambda code: code[:, :6], r"The encoder does not match the decoder: it gives codes of shape \(6,\), "),
]


@pytest.mark.parametrize(("change", "text"), CASES)
@pytest.mark.parametrize("methods", [True, False])
def test_codes_that_the_decoder_refuses_are_told(change: Any, text: str, methods: bool) -> None:
    model = Halves(change).eval()
    options: dict[str, Any] = {} if methods else {"decode": "decoder"}
    backbone = inn.wrap(model, backbone="autoencoder", **options).backbone
    wanted = "the decoder's precision" if methods else "float32"
    with pytest.raises(BackboneError, match=text.format(wanted)):
        backbone.outputs(backbone.prepare(IMAGES))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda code: code.half(), lambda answer: answer.float()),
        (lambda code: code.T, lambda answer: answer.T),
    ],
)
def test_what_the_texts_say_to_type_helps(change: Any, code: Any) -> None:
    backbone = inn.wrap(Halves(change).eval(), backbone="autoencoder", code=code).backbone
    assert backbone.outputs(backbone.prepare(IMAGES)).shape == (20, 3, 8, 8)


def test_the_precision_to_type_is_the_decoders() -> None:
    model = Halves(lambda code: code.float())
    model.decoder.double()
    backbone = inn.wrap(model.eval(), backbone="autoencoder", decode="decoder").backbone
    text = (
        r"Expected codes in float64, found float32 from the encoder .*model\.double\(\), .*answer\.double\(\)"
    )
    with pytest.raises(BackboneError, match=text):
        backbone.outputs(backbone.prepare(IMAGES))
