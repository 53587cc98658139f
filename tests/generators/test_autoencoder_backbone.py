"""Autoencoders: whole or in two parts, read at the code, and what is odd about them said."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.testing import check_backbone


def wrap(model: Any, site: Any = None, **options: Any) -> Any:
    return inn.wrap(model, site, backbone="autoencoder", **options).backbone


def examined(backbone: Any, images: Tensor) -> list[str]:
    prepared = backbone.prepare(images)
    found: list[str] = backbone.examine(prepared, backbone.outputs(prepared))
    return found


def test_an_autoencoder_keeps_the_contract(vae: nn.Module, pictures: Tensor) -> None:
    for site in (None, "encoder.1", "decoder.0:in", "."):
        check_backbone(wrap(vae, site), pictures[:6])
    backbone = wrap(vae)
    assert (backbone.kind, str(backbone.address), backbone.name) == ("autoencoder", "decode:in", "Images")
    z = backbone.represent(backbone.prepare(pictures[:5]))
    assert torch.equal(z, vae.encode(pictures[:5])[0])
    assert backbone.has_tail
    assert backbone.value_range == (0, 1)
    assert examined(backbone, pictures) == []
    assert vae.training  # as it was


def test_it_is_known_by_its_methods(vae: nn.Module, pictures: Tensor) -> None:
    assert inn.wrap(vae).backbone.kind == "autoencoder"
    assert inn.wrap((vae.encoder, vae.decoder)).backbone.kind == "autoencoder"
    assert inn.wrap(vae, "decode:in").backbone.kind == "autoencoder"
    plain = inn.wrap(vae, "decoder.0:in").backbone  # a site of its own: the plain path
    assert (plain.kind, str(plain.address)) == ("module", "decoder.0:in")
    assert str(wrap(vae, "decoder.0:in").address) == "network.decoder.0:in"


def test_sites_suggest_the_code(vae: nn.Module, pictures: Tensor) -> None:
    table = inn.sites(wrap(vae), pictures[:3])
    assert table.suggestion == "decode:in"
    assert "network.encoder.1" in [row.address for row in table]


def test_a_site_that_is_not_there_is_refused_by_the_networks_own_names(vae: nn.Module) -> None:
    with pytest.raises(inn.SiteError, match=r"Images has no module 'decoder\.9'"):
        wrap(vae, "decoder.9")


def test_two_parts_make_a_whole(vae: nn.Module, pictures: Tensor) -> None:
    encoder = nn.Sequential(*vae.encoder, nn.Unflatten(1, (2, 6)))
    backbone = wrap((encoder, vae.decoder), code=lambda answer: answer[:, 0])
    assert backbone.name == "Sequential and Sequential"
    prepared = backbone.prepare(pictures[:4])
    torch.testing.assert_close(backbone.outputs(prepared), vae(pictures[:4]).detach())


@pytest.mark.parametrize(
    ("encode", "decode"),
    [
        ("encoder.1", "decoder"),
        (lambda x: x.mean((2, 3)), lambda z: z[:, :, None, None].expand(-1, -1, 8, 8)),
    ],
)
def test_halves_are_named_or_functions(vae: nn.Module, pictures: Tensor, encode: Any, decode: Any) -> None:
    if encode == "encoder.1":
        vae.encoder[1] = nn.Sequential(nn.Flatten(), nn.Linear(192, 6))
    backbone = wrap(vae, encode=encode, decode=decode)
    assert backbone.outputs(backbone.prepare(pictures[:3])).shape == (3, 3, 8, 8)


def test_maps_are_codes_too(pictures: Tensor) -> None:
    pair = (nn.Conv2d(3, 4, 2, 2), nn.ConvTranspose2d(4, 3, 2, 2))
    backbone = wrap(pair)
    backbone.represent(backbone.prepare(pictures[:3]))
    assert (backbone.layout.name, backbone.width) == ("flat", 64)


@pytest.mark.parametrize(
    ("preprocess", "value_range"),
    [
        (None, (0, 1)),
        ({"mean": (0.5,) * 3, "std": (0.5,) * 3}, (-1, 1)),
        ("identity", None),
    ],
)
def test_images_are_expected_where_inputs_are(vae: nn.Module, preprocess: Any, value_range: Any) -> None:
    assert wrap(vae, preprocess=preprocess).value_range == value_range


@pytest.mark.parametrize(("preprocess", "given"), [(None, False), ({}, True), ("identity", True)])
def test_it_is_known_whether_anybody_said_how_images_are_prepared(
    vae: nn.Module, preprocess: Any, given: bool
) -> None:
    """Only then does a fit not note that they are only scaled."""
    assert wrap(vae, preprocess=preprocess).preprocess_given == given


@pytest.mark.slow
def test_a_fit_at_the_code_comes_back_from_disk(
    vae: nn.Module, pictures: Tensor, tmp_path: Path, small: dict[str, Any]
) -> None:
    it = inn.wrap(vae)
    bright = pictures.mean((1, 2, 3)).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error", inn.InnWarning)
        it.fit("labels", data=pictures, labels={"bright": bright}, **small | {"axes": 64})
    assert it.run(pictures[:3], inn.edits.add("bright", 1.0)).shape == (3, 3, 8, 8)
    explanation = it.explain(pictures[:20], examples=2, resamples=3, localizer=None)
    assert explanation.checks.passed
    assert explanation.examples[0].edited["residual"].dtype == np.uint8
    it.save(tmp_path / "kept")
    again = inn.load(tmp_path / "kept", vae)
    assert torch.equal(again.encode(pictures[:5]), it.encode(pictures[:5]))


# --- what is odd is said ----------------------------------------------------------------------------------


def test_an_encoder_of_another_width_is_refused_by_both_shapes(vae: nn.Module, pictures: Tensor) -> None:
    backbone = wrap((nn.Sequential(nn.Flatten(), nn.Linear(192, 7)), vae.decoder))
    with pytest.raises(
        inn.BackboneError, match=r"codes of shape \(7,\), while the first layer.*takes 6 .*code="
    ):
        backbone.represent(backbone.prepare(pictures[:3]))
    whole = wrap(vae, encode=lambda images: images.flatten(1)[:, :9])
    with pytest.raises(inn.BackboneError, match=r"codes of shape \(9,\), which the decoder refuses"):
        whole.represent(whole.prepare(pictures[:3]))


def test_an_encoder_of_another_model_is_told(vae: nn.Module, pictures: Tensor) -> None:
    backbone = wrap(vae, encode=lambda images: -5 * vae.encode(images)[0], value_range=(-50, 50))
    (note,) = examined(backbone, pictures)
    assert "no better than their mean would (R² -" in note


def test_images_of_another_size_are_told(vae: nn.Module, pictures: Tensor) -> None:
    backbone = wrap(vae, decode=lambda code: vae.decode(code)[:, :, ::2])
    (note,) = examined(backbone, pictures)
    assert "images of shape (3, 4, 8), while the encoder took (3, 8, 8)" in note


def test_a_range_from_minus_one_is_told_with_the_cure(vae: nn.Module, pictures: Tensor) -> None:
    backbone = wrap(vae, decode=lambda code: vae.decode(code).clamp(0, 1) * 2 - 1)
    note = examined(backbone, pictures)[0]
    assert "preprocess=dict(mean=(0.5, 0.5, 0.5, ), std=(0.5, 0.5, 0.5, ))" in note
    other = wrap(vae, decode=lambda code: vae.decode(code) * 255)
    assert "value_range=(low, high)" in examined(other, pictures)[0]


def test_an_encoder_that_draws_is_told(vae: nn.Module, pictures: Tensor) -> None:
    def encode(images: Tensor) -> Tensor:
        mean = vae.encode(images)[0]
        return mean + 0.1 * torch.randn_like(mean)

    before = torch.get_rng_state()
    (note,) = examined(wrap(vae, encode=encode), pictures)
    assert "The encoder draws random numbers" in note
    assert torch.equal(torch.get_rng_state(), before)


def test_one_image_is_too_few_to_compare(vae: nn.Module, pictures: Tensor) -> None:
    assert (
        examined(
            wrap(vae, encode=lambda images: 5 * vae.encode(images)[0], value_range=(-9, 9)), pictures[:1]
        )
        == []
    )


@pytest.mark.parametrize(
    ("model", "options", "text"),
    [
        (
            nn.Linear(3, 3),
            {},
            "have 'encode' or 'encoder', which encodes, found none.*encode='name'",
        ),
        (nn.Linear(3, 3), {"encode": "go"}, "Expected Linear to have 'go', which encodes"),
        (nn.Linear(3, 3), {"encode": 5}, "Expected encode= as a name or a function, found int"),
        (nn.Linear(3, 3), {"encode": lambda x: x}, "'decode' or 'decoder', which decodes"),
        ((nn.Linear(3, 3), len), {}, "both torch.nn.Module, found Linear and builtin_function_or_method"),
        ("a name", {}, r"Expected an autoencoder.*or a pair \(encoder, decoder\), found str"),
    ],
)
def test_what_cannot_be_an_autoencoder_is_refused(model: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(inn.BackboneError, match=text):
        wrap(model, **options)
