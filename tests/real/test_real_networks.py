"""Real networks and images from end to end: wrapped, fitted, edited, reported, and given back as they were."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn

pytestmark = [pytest.mark.real, pytest.mark.slow]

CIFAR = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3}
HALF = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
QUICK = {"steps": 100, "every": 25, "cache": None, "checkpoint": None}
VAES = ("VAE_dsprites", "betaB_dsprites", "betaH_dsprites", "btcvae_dsprites", "factor_dsprites",
        "btcvae_mnist", "btcvae_celeba")  # fmt: skip


def state(model: nn.Module) -> tuple[Any, ...]:
    """All of a model that must be the same afterwards."""
    return (
        {name: tensor.clone() for name, tensor in model.state_dict().items()},
        [(name, module.training, len(module._forward_hooks), len(module._forward_pre_hooks))
         for name, module in model.named_modules()],
        [parameter.requires_grad for parameter in model.parameters()],
        torch.get_rng_state(),
    )  # fmt: skip


def assert_as_found(model: nn.Module, before: tuple[Any, ...]) -> None:
    now = state(model)
    assert now[0].keys() == before[0].keys()
    assert all(torch.equal(now[0][name], tensor) for name, tensor in before[0].items())
    assert now[1:3] == before[1:3]
    assert torch.equal(now[3], before[3])


def brightness(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).mean(1, dtype=np.float64)


def fitted(interpreter: inn.Interpreter, **options: Any) -> inn.Interpreter:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)  # small sets cap the axes
        return interpreter.fit("labels", **QUICK, **options)


def assert_exact(interpreter: inn.Interpreter, inputs: Any, bare: Tensor) -> None:
    """Unedited bit for bit, by all three ways; round trips in bounds."""
    backbone = interpreter.backbone
    prepared = backbone.prepare(inputs)
    assert torch.equal(interpreter.run(inputs), bare)
    assert torch.equal(backbone.rewritten(prepared, lambda z: z), bare)
    with torch.no_grad(), interpreter:
        assert torch.equal(backbone.model(prepared), bare)
    checks = interpreter.check(inputs)
    assert checks.passed
    assert max(checks.round_trip_data, checks.round_trip_edited) <= 1e-4


def test_cifar_resnet20_tells_animals_from_vehicles_in_one_factor(zoo: Any, tmp_path: Path) -> None:
    images, classes = zoo.images("cifar10")
    model = zoo.cifar_resnet20()
    before = state(model)
    interpreter = inn.wrap(model, "linear:in", preprocess=CIFAR)
    kind = np.where(np.isin(classes, (2, 3, 4, 5, 6, 7)), "animal", "vehicle")
    fitted(
        interpreter, data=images, labels={"kind": kind, "brightness": brightness(images)},
        sizes={"kind": 4, "brightness": 4},
    )  # fmt: skip
    with torch.no_grad():
        bare = model(interpreter.backbone.prepare(images[:32]))
    assert_exact(interpreter, images[:32], bare)

    report = interpreter.report(images[:200], examples=4)
    page, record = report.save(tmp_path)
    found = json.loads(record.read_text())
    leak = found["leakage"]
    assert [one["carried"]["holds"] for one in found["verdicts"].values()] == [True, True]
    assert leak["scores"]["kind"]["kind"] > leak["representation"]["kind"] - 0.03
    assert leak["scores"]["kind"]["brightness"] < leak["chance"]["kind"] + 0.15
    assert leak["scores"]["kind"]["residual"] < leak["chance"]["kind"] + 0.15
    assert leak["scores"]["brightness"]["brightness"] > 0.3
    assert leak["scores"]["brightness"]["kind"] < 0.1
    assert found["redraw"]["kind"]["flip_rate"] > found["redraw"]["brightness"]["flip_rate"]
    text = page.read_text()
    assert len(text) < 10e6
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert_as_found(model, before)


def test_swapping_the_kind_makes_animals_of_vehicles(zoo: Any) -> None:
    images, classes = zoo.images("cifar10")
    interpreter = inn.wrap(zoo.cifar_resnet20(), "linear:in", preprocess=CIFAR)
    animal = np.isin(classes, (2, 3, 4, 5, 6, 7))
    fitted(interpreter, data=images, labels={"kind": animal}, sizes={"kind": 4})
    judged = interpreter.explain(examples=1)  # fits are judged on their own test split
    assert judged.leakage.scores["kind"]["kind"].linear.value > 0.9
    cars, horses = images[classes == 1][:64], images[classes == 7][:64]
    edited = interpreter.run(cars, inn.edits.swap("kind", horses)).argmax(1).numpy()
    kept = interpreter.run(cars, inn.edits.swap("kind", cars[::-1].copy())).argmax(1).numpy()
    assert np.isin(edited, (2, 3, 4, 5, 6, 7)).mean() > 0.5
    assert np.isin(kept, (2, 3, 4, 5, 6, 7)).mean() < 0.2


def test_imagenet_mobilenet_from_few_images(zoo: Any) -> None:
    images, classes = zoo.images("imagenet")
    model = zoo.imagenet_mobilenetv2()
    before = state(model)
    interpreter = inn.wrap(model, preprocess=HALF)
    kind = np.where(classes < 398, "animal", "object")
    with pytest.warns(inn.InnWarning, match="carry at most 46 of 1280 axes"):
        interpreter.fit("labels", data=images, labels={"kind": kind}, sizes={"kind": 4}, **QUICK)
    with torch.no_grad():
        bare = model(interpreter.backbone.prepare(images[:8]))
    assert_exact(interpreter, images[:8], bare)
    found = interpreter.report(images[::20], examples=2).to_dict()
    assert next(iter(found["verdicts"].values()))["carried"]["holds"] is True
    assert found["leakage"]["scores"]["kind"]["kind"] > 0.75
    assert found["leakage"]["scores"]["kind"]["residual"] < found["leakage"]["chance"]["kind"] + 0.15
    assert found["redraw"]["residual"]["flip_rate"] > 0.5  # which animal it is stands in the residual
    assert_as_found(model, before)


@pytest.mark.parametrize("name", VAES)
def test_vaes_at_their_code(zoo: Any, name: str) -> None:
    """Pictures are the VAE's own; the concepts are computed from what it decodes."""
    model = zoo.vae(name)
    before = state(model)
    with torch.no_grad():
        images = model.decode(torch.randn(300, 10, generator=torch.Generator().manual_seed(0)))
        decoded = model(images)
    interpreter = inn.wrap(model, "decoder.lin1:in", preprocess="identity")
    fitted(
        interpreter, data=images, labels={"light": brightness(decoded.numpy())}, kinds={"light": "numeric"}
    )
    assert_exact(interpreter, images[:16], decoded[:16])
    found = interpreter.report(images[:16], examples=2).to_dict()
    assert found["redraw"]["light"]["kind"] == "image"
    assert found["leakage"]["scores"]["light"]["residual"] < found["leakage"]["scores"]["light"]["light"]
    assert interpreter.traverse(images[:2], "light", 3).shape == (3, 2, *images.shape[1:])
    assert_as_found(model, before)


@pytest.mark.parametrize(("name", "width"), [("faces_dcgan", 100), ("mnist_wgan", 64)])
def test_generators_at_their_latents(zoo: Any, name: str, width: int) -> None:
    """A factor that was fitted to how light the pictures are makes them lighter, step by step."""
    model = getattr(zoo, name)()
    before = state(model)
    generator = torch.Generator().manual_seed(0)
    shape = (1200, width)
    latents = torch.rand(shape, generator=generator) * 2 - 1 if "faces" in name else torch.randn(
        shape, generator=generator
    )  # fmt: skip
    with torch.no_grad():
        pictures = torch.cat([model(part) for part in latents.split(200)])
    interpreter = inn.wrap(model, ".:in", preprocess="identity")
    light = brightness(pictures.numpy())
    fitted(interpreter, data=latents, labels={"light": light}, kinds={"light": "numeric"}, sizes={"light": 4})
    with torch.no_grad():
        bare = model(latents[:16])
    assert_exact(interpreter, latents[:16], bare)
    traversed = interpreter.traverse(latents[:16], "light", [-2.0, 0.0, 2.0]).flatten(2).mean((1, 2))
    steps = traversed.diff()
    assert bool((steps > 0).all()) or bool((steps < 0).all())
    assert float(abs(traversed[-1] - traversed[0])) > light.std()
    found = interpreter.report(latents[:16], examples=2).to_dict()
    assert next(iter(found["verdicts"].values()))["carried"]["holds"] is True
    assert_as_found(model, before)
