from __future__ import annotations

from typing import Any

import pytest
import torch

from interpret_inn.backbones import Backbone, sites
from interpret_inn_timm import adapt

pytestmark = pytest.mark.real


def test_imagenet_mobilenet(zoo: Any) -> None:
    half = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    backbone = adapt(zoo.imagenet_mobilenetv2(), preprocess=half)
    assert backbone is not None
    images, labels = zoo.images("imagenet")
    x = backbone.prepare(images[::10])
    z = backbone.represent(x)
    outputs = backbone.outputs(x)
    assert (outputs.argmax(1).numpy() == labels[::10]).mean() > 0.6
    assert torch.equal(backbone.tail(z), outputs)
    assert backbone.layout.name in ("vector", "flat")
    assert backbone.class_names is not None
    assert backbone.class_names[0] == "tench"


def test_cifar_resnet(zoo: Any) -> None:
    preprocess = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3}
    images, labels = zoo.images("cifar10")
    model = zoo.cifar_resnet20()
    for site in ("layer3", "linear:in", "layer1.0.bn1"):
        backbone = Backbone(model, site, preprocess=preprocess)
        x = backbone.prepare(images[:200])
        outputs = backbone.outputs(x)
        assert (outputs.argmax(1).numpy() == labels[:200]).mean() > 0.7
        assert torch.equal(backbone.rewritten(x, lambda z: z), outputs)
    assert (backbone.preprocess.undo(x) == images[:200]).all()


@pytest.mark.parametrize(
    ("name", "site", "count"),
    [("faces_dcgan", "generator_deconv.1", 100), ("mnist_wgan", "model.0", 64)],
)
def test_generators(zoo: Any, name: str, site: str, count: int) -> None:
    model = getattr(zoo, name)()
    table = sites(model, torch.randn(3, count))
    assert site in [row.address for row in table]
    assert "model.0.block" not in [row.address for row in table]  # mnist_wgan calls past its blocks
    backbone = Backbone(model, site, preprocess="identity", kind="generator")
    z = torch.randn(3, count)
    assert backbone.represent(z).shape[0] == 3
    assert torch.equal(backbone.rewritten(z, lambda found: found), backbone.outputs(z))


def test_autoencoder(zoo: Any) -> None:
    model = zoo.vae("btcvae_mnist")
    backbone = Backbone(model, "decoder.lin1:in", preprocess="identity", kind="autoencoder")
    x = torch.rand(4, 1, 32, 32)
    assert torch.equal(backbone.represent(x), model.encode(x)[0])
    assert torch.equal(backbone.rewritten(x, lambda z: z), model(x))
    assert not backbone.has_tail
