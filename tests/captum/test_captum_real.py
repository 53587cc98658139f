"""Captum on a network and images that nobody made for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import interpret_inn as inn

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def mobile(small: dict[str, Any], zoo: Any) -> tuple[inn.Interpreter, Any]:
    """MobileNetV2 with a flow that has learnt next to nothing, and 4 ImageNet images."""
    images, _ = zoo.images("imagenet")
    interpreter = inn.wrap(zoo.imagenet_mobilenetv2(), preprocess={"mean": (0.5,) * 3, "std": (0.5,) * 3})
    interpreter.fit("unsupervised", data=images[:40], factors=2, directions="principal", **small)
    return interpreter, images[6:150:40]


@pytest.mark.parametrize(
    "options",
    [
        {"method": "GradCAM"},
        {"method": "IntegratedGradients", "n_steps": 4, "baseline": "blur"},
        {"method": "DeepLift", "baseline": "mean"},
        {"method": "GuidedBackprop", "target": "output"},
        {"method": "Occlusion", "sliding_window_shapes": (3, 112, 112), "strides": (3, 56, 56)},
        {"method": "LayerGradientXActivation", "layer": "blocks.3"},
    ],
    ids=lambda options: options["method"],
)
def test_masks_of_a_real_network(mobile, options: dict[str, Any]) -> None:
    interpreter, images = mobile
    model = interpreter.backbone.model
    weights = interpreter.backbone.fingerprint()
    before = [dict(vars(module)).keys() for module in model.modules()]
    masks = inn.localizer("captum", **options)(interpreter.translator, images, "factor 1")
    assert masks.values.shape == (4, 1, 224, 224)
    assert torch.equal(masks.values.amax((1, 2, 3)), torch.ones(4))
    assert interpreter.backbone.fingerprint() == weights
    assert [dict(vars(module)).keys() for module in model.modules()] == before
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules())
