"""What "captum" refuses, and what it says then."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch

import interpret_inn as inn
import interpret_inn_captum
from interpret_inn.errors import LocalizerError


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "IntegratedGradient5"}, "no attribution .* Did you mean 'IntegratedGradients'"),
        ({"method": "Oclusion"}, "Did you mean 'Occlusion'"),
        ({"method": 3}, "no attribution 3"),
        ({"method": "TCAV"}, "cannot show where a factor acts: it scores concepts, writes files"),
        ({"method": "NeuronGradient"}, "cannot show where .* one neuron"),
        ({"method": "LRP"}, "changes the model's weights"),
        ({"method": "ShapleyValues"}, "every order"),
        ({"method": "LimeBase"}, "type 'Lime'"),
        ({"method": "LLMAttribution"}, "made for texts"),
        ({"method": "DataLoaderAttribution"}, "whole data sets"),
        ({"method": "NoiseTunnel"}, "puts noise on another method"),
        ({"method": "Saliency", "n_step": 3}, "has no option 'n_step'"),
        ({"method": "IntegratedGradients", "n_step": 3}, "Did you mean 'n_steps'"),
        ({"method": "Saliency", "baselines": 0}, "no option 'baselines' .* type baseline="),
        ({"method": "Saliency", "construct": {"eps": 1}}, "constructor .* takes no 'eps'"),
        ({"method": "GradientShap"}, 'needs a baseline, .* baseline="blur"'),
        ({"method": "Saliency", "baseline": "blur"}, "takes no baseline"),
        ({"method": "DeepLift", "baseline": "blurr"}, 'Expected baseline="zero"'),
        ({"method": "Saliency", "layer": "features"}, "takes no layer"),
        ({"method": "Saliency", "target": "logit"}, 'Expected target="factor"'),
        ({"method": "Saliency", "target": True}, 'Expected target="factor"'),
        ({"method": "Saliency", "reads": "code"}, "Expected reads="),
        ({"method": "Saliency", "sign": "positiv"}, "no sign 'positiv'. Did you mean 'positive'"),
        ({"method": "Occlusion", "squares": 0}, "Expected squares to be a whole number"),
        ({"method": "Occlusion", "seed": None}, "Expected seed to be a whole number, at least 0"),
        ({"method": "Occlusion", "batch_size": 1.5}, "Expected batch_size to be a whole number"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], text: str) -> None:
    with pytest.raises(LocalizerError, match=text):
        inn.localizer("captum", **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "GradCAM", "layer": "feature"}, "has no layer 'feature'. Did you mean 'features'"),
        ({"method": "GradCAM", "layer": "head"}, "target does not come through it"),
        (
            {"method": "GradCAM", "layer": "features"},
            r"Expected a layer that carries a map .* found \(1, 32\)",
        ),
        ({"method": "Saliency", "target": 7}, "one of 3 outputs, found 7"),
        (
            {"method": "Saliency", "target": lambda out: out},
            r"one number for each image, \(2,\), found \(2, 3\)",
        ),
        (
            {"method": "DeepLift", "baseline": torch.zeros(5, 24, 24)},
            r"Expected a baseline of shape \(2, 3, 24, 24\)",
        ),
        ({"method": "DeepLift", "baseline": float("nan")}, "a baseline of finite numbers, found NaN"),
        ({"method": "Occlusion", "sliding_window_shapes": (9, 9, 9)}, "captum's Occlusion raised"),
    ],
)
def test_options_that_do_not_fit_the_model(toy, options: dict[str, Any], text: str) -> None:
    with pytest.raises(LocalizerError, match=text):
        inn.localizer("captum", **options)(toy.interpreter.translator, toy.fresh[:2], "shape")


def test_outputs_that_are_no_classes_and_layers_without_places(small) -> None:
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(3 * 16, 12), torch.nn.Unflatten(1, (3, 2, 2))
    )
    images = torch.rand(40, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    interpreter = inn.wrap(model, "1", preprocess="identity")
    interpreter.fit("unsupervised", data=images, factors=1, **small)
    with pytest.raises(LocalizerError, match=r"Expected outputs .B, classes. for target='output'"):
        inn.localizer("captum", method="Saliency", target="output")(
            interpreter.translator, images[:2], "factor 1"
        )
    with pytest.raises(LocalizerError, match="no layer with places before '1'"):
        inn.localizer("captum", method="GradCAM")(interpreter.translator, images[:2], "factor 1")


@pytest.mark.slow
def test_grad_cam_reads_maps_only(small) -> None:
    import timm

    model = timm.create_model("test_vit", pretrained=False, num_classes=4).eval()
    images = torch.rand(40, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    interpreter = inn.wrap(model, "blocks.1", preprocess="identity")
    interpreter.fit("unsupervised", data=images, factors=1, **small)
    with pytest.raises(LocalizerError, match=r"reads maps \(channels, h, w\).*LayerGradientXActivation"):
        inn.localizer("captum", method="GradCAM", layer="blocks.0")(
            interpreter.translator, images[:2], "factor 1"
        )
    for options in ({"layer": "blocks.0"}, {}):
        masks = inn.localizer("captum", method="LayerGradientXActivation", **options)(
            interpreter.translator, images[:2], "factor 1"
        )
        assert masks.values.shape == (2, 1, 160, 160)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::interpret_inn.errors.InnWarning")
def test_layers_whose_places_nobody_reads_are_passed_over(small) -> None:
    # behind the last attention only the class token goes on
    import timm

    model = timm.create_model("test_vit", pretrained=False, num_classes=4, global_pool="token").eval()
    images = torch.rand(40, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    interpreter = inn.wrap(model, "head:in", preprocess="identity")
    interpreter.fit("unsupervised", data=images, factors=1, **small)
    found = inn.localizer("captum", method="LayerGradientXActivation")(
        interpreter.translator, images[:2], "factor 1"
    )
    assert found.values.any() and "layer 'blocks." in found.notes[0] and "attn" not in found.notes[0]


def test_captum_is_listed_without_being_imported() -> None:
    for path in Path(interpret_inn_captum.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [one.module or "" for one in tree.body if isinstance(one, ast.ImportFrom)]
        names += [alias.name for one in tree.body if isinstance(one, ast.Import) for alias in one.names]
        assert not [name for name in names if name.split(".")[0] == "captum"]
