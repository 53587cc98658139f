"""The localizer "captum": attributions of a factor as masks, and a model that is given back as found."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.errors import InnError, LocalizerError
from interpret_inn.localizing import FactorReader, heat_to_masks, prepared_inputs
from interpret_inn.testing import check_localizer, toy_classifier
from interpret_inn_captum import build

INPUT_METHODS = [
    "Saliency", "InputXGradient", "IntegratedGradients", "DeepLift", "GuidedBackprop", "Deconvolution", "Occlusion",
    "FeatureAblation", "FeaturePermutation", "ShapleyValueSampling", "KernelShap", "Lime", "GradientShap",
    "DeepLiftShap", "NoiseTunnel", "GuidedGradCam",
]  # fmt: skip
LAYER_METHODS = [
    "LayerGradCam", "LayerGradientXActivation", "LayerConductance", "LayerIntegratedGradients", "LayerDeepLift",
    "LayerDeepLiftShap", "LayerGradientShap", "LayerFeatureAblation", "LayerFeaturePermutation", "InternalInfluence",
]  # fmt: skip
QUICK: dict[str, dict[str, Any]] = {
    "IntegratedGradients": {"n_steps": 4}, "ShapleyValueSampling": {"n_samples": 2, "squares": 3},
    "KernelShap": {"n_samples": 8, "squares": 3}, "Lime": {"n_samples": 8, "squares": 3},
    "GradientShap": {"baseline": "blur"}, "DeepLiftShap": {"baseline": "blur"},
    "LayerGradientShap": {"baseline": "blur"}, "LayerDeepLiftShap": {"baseline": "blur"},
    "FeaturePermutation": {"squares": 4}, "LayerFeatureAblation": {"squares": 4},
    "LayerFeaturePermutation": {"squares": 4},
    "Occlusion": {"perturbations_per_eval": 32},
    "NoiseTunnel": {"construct": {"attribution_method": "Saliency"}, "stdevs": 0.1},
}  # fmt: skip


def captum(method: str, **options: Any) -> Any:
    return inn.localizer("captum", method=method, **(QUICK.get(method, {}) | options))


def state_of(model: nn.Module) -> list[Any]:
    """All that captum might leave behind."""
    hooks = [
        len(getattr(module, name))
        for module in model.modules()
        for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    ]
    flags = [
        (
            sorted(vars(module)),
            module.training,
            getattr(module, "inplace", None),
            module._is_full_backward_hook,
        )
        for module in model.modules()
    ]
    weights = [
        (p.data_ptr(), p.requires_grad, p.grad, p.detach().double().sum().item()) for p in model.parameters()
    ]
    drawn = [torch.get_rng_state().tolist()[:8], np.random.get_state()[1].tolist(), random.getstate()]  # noqa: NPY002
    return [hooks, flags, weights, drawn]


@pytest.mark.parametrize("method", INPUT_METHODS + LAYER_METHODS)
def test_every_method_gives_masks_and_the_model_back(toy, method: str) -> None:
    before = state_of(toy.model)
    localizer = captum(method)
    masks = localizer(toy.interpreter.translator, toy.fresh[:4], "shape")
    assert masks.values.shape == (4, 1, 24, 24)
    assert masks.values.min() >= 0
    assert masks.values.amax((1, 2, 3)).eq(1).sum() >= 3
    assert state_of(toy.model) == before
    again = localizer(toy.interpreter.translator, toy.fresh[:4], "shape")
    assert torch.equal(masks.values, again.values)
    assert method.replace("Layer", "") in masks.notes[0].replace("Layer", "")


def test_it_keeps_the_contract(toy) -> None:
    assert check_localizer(build("Saliency"), toy.interpreter, toy.fresh[:3])


@pytest.mark.parametrize("name", ["integrated gradients", "integrated_gradients", "INTEGRATEDGRADIENTS"])
def test_case_and_spaces_do_not_matter(toy, name: str) -> None:
    found = captum(name, n_steps=4)(toy.interpreter.translator, toy.fresh[:2], "hue")
    assert torch.equal(
        found.values, captum("IntegratedGradients")(toy.interpreter.translator, toy.fresh[:2], "hue").values
    )
    assert "IntegratedGradients" in found.notes[0] and "n_steps=4" in found.notes[0]
    assert "LayerGradCam" in captum("GradCAM")(toy.interpreter.translator, toy.fresh[:2], "hue").notes[0]


def literal_gradient(toy, images: Any, factor: str) -> Tensor:
    """Gradient of the projection, written out for one image at a time."""
    interpreter, rows = toy.interpreter, []
    for image in images:
        prepared = prepared_inputs(interpreter.translator, image[None]).requires_grad_()
        with interpreter.backbone.session(gradients=True):
            reader = FactorReader(interpreter.translator, factor)
            code = reader.codes(prepared)[0]
            assert reader.coordinates is not None
            away = (code - reader.centre) @ reader.coordinates
            direction = away.detach()
            number = away @ direction / direction.norm()
            rows.append(torch.autograd.grad(number, prepared)[0])
    return torch.cat(rows)


def test_saliency_is_the_gradient_of_the_projection(toy) -> None:
    images = toy.fresh[:5]
    expected = heat_to_masks(literal_gradient(toy, images, "hue").abs().sum(1, keepdim=True))
    found = captum("Saliency", batch_size=2)(toy.interpreter.translator, images, "hue").values
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def test_an_image_keeps_its_own_target_however_captum_repeats_it(toy) -> None:
    """Were targets remembered by place, batches of steps and samples would mix them up."""
    whole = captum("IntegratedGradients")(toy.interpreter.translator, toy.fresh[:5], "shape").values
    alone = [
        captum("IntegratedGradients")(toy.interpreter.translator, toy.fresh[i : i + 1], "shape").values
        for i in range(5)
    ]
    torch.testing.assert_close(whole, torch.cat(alone), atol=1e-4, rtol=1e-3)
    small = captum("IntegratedGradients", internal_batch_size=7)(
        toy.interpreter.translator, toy.fresh[:5], "shape"
    ).values
    torch.testing.assert_close(whole, small, atol=1e-4, rtol=1e-3)
    deep = captum("DeepLift")(toy.interpreter.translator, toy.fresh[:5], "shape").values
    torch.testing.assert_close(
        deep[3:4],
        captum("DeepLift")(toy.interpreter.translator, toy.fresh[3:4], "shape").values,
        atol=1e-4,
        rtol=1e-3,
    )


def test_signs_part_the_attributions(toy) -> None:
    raw = captum("InputXGradient", sign="positive")(toy.interpreter.translator, toy.fresh[:3], "hue").values
    against = captum("InputXGradient", sign="negative")(
        toy.interpreter.translator, toy.fresh[:3], "hue"
    ).values
    both = captum("InputXGradient")(toy.interpreter.translator, toy.fresh[:3], "hue").values
    assert not (raw.minimum(against) > 0).any()
    assert torch.equal(both > 0, (raw > 0) | (against > 0))


def test_masks_lie_on_the_shape(toy) -> None:
    """The control: chance is the share of the image that the shape covers."""
    truth = torch.from_numpy(toy.fresh[:24].max(-1) > 70)
    found = captum("Occlusion")(toy.interpreter.translator, toy.fresh[:24], "shape").values[:, 0]
    hits = [
        truth[i].flatten()[found[i].flatten().topk(int(truth[i].sum())).indices].float().mean()
        for i in range(24)
    ]
    assert torch.stack(hits).mean() > 0.6 > 3 * truth.float().mean()


def test_targets(toy) -> None:
    model, images = toy.model, toy.fresh[:4]
    prepared = prepared_inputs(toy.interpreter.translator, images).requires_grad_()
    logits = model(prepared)
    expected = heat_to_masks(
        torch.autograd.grad(logits.amax(1).sum(), prepared)[0].abs().sum(1, keepdim=True)
    )
    of_class = captum("Saliency", target="output")(toy.interpreter.translator, images, "shape").values
    torch.testing.assert_close(of_class, expected, atol=1e-5, rtol=1e-4)
    chosen = logits.argmax(1)
    by_hand = captum(
        "Saliency", target=lambda out, unchanged: out.gather(1, unchanged.argmax(1)[:, None])[:, 0]
    )
    assert torch.equal(by_hand(toy.interpreter.translator, images, "shape").values, of_class)
    first = captum("Saliency", target=0)(toy.interpreter.translator, images, "hue").values
    assert torch.equal(
        first,
        captum("Saliency", target=lambda out: out[:, 0])(toy.interpreter.translator, images, "hue").values,
    )
    assert torch.equal(first[chosen == 0], of_class[chosen == 0])
    axis = captum("Saliency", target=lambda codes: codes[:, 0], reads="codes")(
        toy.interpreter.translator, images, "hue"
    )
    assert "target given" in axis.notes[0] and not torch.equal(axis.values, first)


def test_baselines(toy) -> None:
    images, interpreter = toy.fresh[:3], toy.interpreter

    def found(baseline: Any) -> Tensor:
        return captum("IntegratedGradients", baseline=baseline)(interpreter.translator, images, "hue").values

    assert torch.equal(found(None), found("zero"))
    assert torch.equal(found(0.0), found(torch.zeros(3, 24, 24)))
    assert torch.equal(found("mean"), found(lambda prepared: prepared.mean((2, 3), keepdim=True)))
    assert not torch.equal(found("blur"), found("mean"))


def test_a_model_with_noise_of_its_own_does_not_repeat_captums_draws(toy) -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = toy_classifier()

        def forward(self, images: Tensor) -> Tensor:
            return self.model(images + 0 * torch.randn(1))

    noisy = inn.Interpreter(inn.wrap(Noisy(), "model.head:in").backbone, fitted=toy.interpreter.fitted)
    for method in ("ShapleyValueSampling", "NoiseTunnel"):
        own = captum(method)(toy.interpreter.translator, toy.fresh[:2], "shape").values
        torch.testing.assert_close(captum(method)(noisy.translator, toy.fresh[:2], "shape").values, own)


@pytest.mark.slow
def test_progress_and_batching_reach_captum(toy, capfd) -> None:
    quiet = captum("Occlusion", perturbations_per_eval=4)(
        toy.interpreter.translator, toy.fresh[:2], "shape"
    ).values
    assert "Occlusion" not in capfd.readouterr().err
    shown = captum("Occlusion", perturbations_per_eval=4, show_progress=True)(
        toy.interpreter.translator, toy.fresh[:2], "shape"
    )
    assert "Occlusion" in capfd.readouterr().err
    torch.testing.assert_close(quiet, shown.values)


def test_layers_by_name(toy) -> None:
    last = captum("GradCAM")(toy.interpreter.translator, toy.fresh[:3], "shape")
    assert "layer 'features.3'" in last.notes[0]
    first = captum("GradCAM", layer="features.0")(toy.interpreter.translator, toy.fresh[:3], "shape")
    assert "layer 'features.0'" in first.notes[0] and not torch.equal(first.values, last.values)
    at_input = captum("GradCAM", layer="features.2", attribute_to_layer_input=True)
    assert at_input(toy.interpreter.translator, toy.fresh[:3], "shape").values.shape == (3, 1, 24, 24)


class Raising(nn.Module):
    """Raises in every forward but the first few."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.left = toy_classifier(), 10**9

    def forward(self, images: Tensor) -> Tensor:
        logits = self.model(images)
        return self.raised(logits)

    def raised(self, logits: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            raise ValueError("broken on purpose")
        return logits


@pytest.mark.parametrize(
    "method", ["DeepLift", "GuidedBackprop", "LayerGradCam", "IntegratedGradients", "LayerDeepLift"]
)
def test_nothing_remains_where_the_model_raises(toy, method: str) -> None:
    model = Raising().eval()
    broken = inn.Interpreter(inn.wrap(model, "model.head:in").backbone, fitted=toy.interpreter.fitted)
    before = state_of(model)
    with pytest.raises(InnError, match="broken on purpose"):
        captum(method, target="output", **({"layer": "model.features.2"} if "Layer" in method else {}))(
            broken.translator, toy.fresh[:2], "shape"
        )
    assert state_of(model) == before


def test_a_model_that_works_in_place_by_function_is_told_of() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.relu, self.head = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 2)

        def forward(self, images: Tensor) -> Tensor:
            hidden = self.relu(self.first(images))
            hidden += 1
            return self.head(hidden.mean((2, 3)))

    images = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    interpreter = inn.wrap(InPlace(), "head:in", preprocess="identity")
    interpreter.fit(
        "unsupervised", data=images, factors=1, steps=2, pairs=8, blocks=1, hidden=4, every=1, samples_per_axis=1,
        cache=None, checkpoint=None,
    )  # fmt: skip
    with pytest.raises(LocalizerError, match="overwrites tensors"):
        captum("GuidedBackprop")(interpreter.translator, images[:2], "factor 1")
    assert captum("Occlusion")(interpreter.translator, images[:2], "factor 1").values.max() == 1
