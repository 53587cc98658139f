"""A factor's masks from captum's attributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from interpret_inn.errors import InnError, LocalizerError
from interpret_inn.localizing import Translator, fit_size, heat_to_masks, prepared_inputs, require_images
from interpret_inn.types import Localizer, Masks
from interpret_inn_captum.attributions import Method, find
from interpret_inn_captum.guarding import guarded
from interpret_inn_captum.layers import Layer, layer_of
from interpret_inn_captum.parts import NAMES, Baseline, baseline_of, squares, window
from interpret_inn_captum.targets import Reads, Scalar, Target, scalar_of, unchanged_of

Sign = Literal["positive", "absolute", "negative"]
_INTERNAL = 64  # images along the path of an integral that captum is given at once, at least


@dataclass(frozen=True)
class CaptumLocalizer(Localizer):
    """Gives a factor's masks by one of captum's attributions; see `build` for what the attributes mean.

    Example:
        interpreter.localize(images, "digit", localizer="captum", method="Occlusion")
    """

    method: Method
    layer: str | None = None
    target: Target = "factor"
    reads: Reads = "outputs"
    baseline: Baseline | None = None
    sign: Sign = "absolute"
    squares: int = 8
    batch_size: int = 32
    seed: int = 0
    show_progress: bool = False
    construct: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, translator: Translator, inputs: Any, factor: str) -> Masks:
        """Masks of a factor over the inputs.

        Raises:
            LocalizerError: inputs that are no images, a layer or baseline that does not fit, or captum raised.
        """
        prepared = prepared_inputs(translator, inputs)
        size = require_images(prepared)
        backbone = translator.backbone
        with backbone.session(gradients=True):
            scalar = scalar_of(translator, factor, self.target, self.reads)
            unchanged = unchanged_of(scalar, prepared, at_once=self.batch_size)
            layer = self._layer(translator, scalar, prepared)
            baseline = self._baseline(prepared)
            with guarded(backbone.model, prepared.device, seed=self.seed):
                attribution = self._constructed(scalar, layer)
                parts = self._parts(prepared, unchanged, baseline)
                found = torch.cat([self._attributed(attribution, layer, *part) for part in parts])
        maps = found.sum(1, keepdim=True) if layer is None else layer.as_map(found)
        heat = self._signed(maps.float().cpu())
        return Masks(factor, heat_to_masks(fit_size(heat, size)), notes=(self._note(layer),))

    @property
    def _inner(self) -> Method:
        """The method that attributes; with NoiseTunnel, the one that noise is put on."""
        inner = self.construct.get("attribution_method")
        return find(inner) if isinstance(inner, str) else self.method

    def _layer(self, translator: Translator, scalar: Scalar, prepared: Tensor) -> Layer | None:
        """None if the input is attributed."""
        if not self._inner.takes_layer:
            return None
        at_input = bool(self.options.get("attribute_to_layer_input", False))
        found = layer_of(translator, scalar, prepared, self.layer, at_input=at_input)
        if "GradCam" in self._inner.name and not found.is_map:
            raise LocalizerError(
                f"captum's {self._inner.name} reads maps (channels, h, w), found {found.shape} at {found.path!r}. "
                'Type method="LayerGradientXActivation".'
            )
        return found

    def _baseline(self, prepared: Tensor) -> Tensor | None:
        if self.baseline is None:
            return None
        return baseline_of(self.baseline, prepared, distribution=self._inner.takes_distribution)

    def _constructed(self, scalar: Scalar, layer: Layer | None) -> Any:
        own = dict(self.construct)
        where = {} if layer is None else {"layer": scalar.model.get_submodule(layer.path)}
        if isinstance(own.get("attribution_method"), str):
            inner = self._run(lambda: self._inner.kind(scalar, **where))
            own["attribution_method"] = inner
            return self._run(lambda: self.method.kind(**own))
        return self._run(lambda: self.method.kind(scalar, **where, **own))

    def _parts(
        self, prepared: Tensor, unchanged: Tensor, baseline: Tensor | None
    ) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        """Batches: images, what was read from them, their baselines."""
        images, codes = prepared.split(self.batch_size), unchanged.split(self.batch_size)
        baselines: Sequence[Tensor | None] = [baseline] * len(images)
        if baseline is not None and not self._inner.takes_distribution:
            baselines = baseline.split(self.batch_size)
        return list(zip(images, codes, baselines, strict=True))

    def _attributed(
        self,
        attribution: Any,
        layer: Layer | None,
        images: Tensor,
        unchanged: Tensor,
        baseline: Tensor | None,
    ) -> Tensor:
        arguments = self._defaults(images, layer) | dict(self.options)
        if baseline is not None:
            arguments["baselines"] = baseline
        inputs = images.detach().clone().requires_grad_()
        found = self._run(
            lambda: attribution.attribute(inputs, additional_forward_args=(unchanged,), **arguments)
        )
        first: Tensor = found[0] if isinstance(found, tuple) else found
        return first.detach()

    def _defaults(self, images: Tensor, layer: Layer | None) -> dict[str, Any]:
        """Options that captum has no default for, or a default by which each pixel counts by itself."""
        taken, found = self._inner.options, dict[str, Any]()
        if "feature_mask" in taken and not self._inner.takes_layer:
            found["feature_mask"] = squares(images, self.squares)
        if "sliding_window_shapes" in taken and "sliding_window_shapes" not in self.options:
            found["sliding_window_shapes"], found["strides"] = window(images)
        if "internal_batch_size" in taken:
            found["internal_batch_size"] = max(_INTERNAL, len(images))
        if "abs" in taken:
            found["abs"] = self.sign == "absolute"
        if "layer_mask" in taken and layer is not None:
            found["layer_mask"] = layer.places().to(images.device)
        if "show_progress" in taken:
            found["show_progress"] = self.show_progress
        return found

    def _run(self, call: Callable[[], Any]) -> Any:
        """What captum gives; what it raises becomes a LocalizerError, but running out of memory."""
        try:
            return call()
        except Exception as error:
            if isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in str(error):
                raise
            text = str(error)
            if "inplace" in text or "in-place" in text or "in place" in text:
                raise LocalizerError(
                    f"captum's {self.method.name} takes gradients, and this model overwrites tensors that these "
                    'need (relu_, x += y). Type method="Occlusion", which takes none. '
                    f"{type(error).__name__}: {error}"
                ) from error
            if isinstance(error, InnError):
                raise
            raise LocalizerError(
                f"captum's {self.method.name} raised {type(error).__name__}: {error} Its options were "
                f"{dict(self.options)}."
            ) from error

    def _signed(self, heat: Tensor) -> Tensor:
        return heat.abs() if self.sign == "absolute" else -heat if self.sign == "negative" else heat

    def _note(self, layer: Layer | None) -> str:
        said = [f"layer {layer.path!r}"] if layer else []
        if self._inner.takes_baseline:
            chosen = self.baseline if isinstance(self.baseline, str) else "given"
            said.append(f"baseline {'zero, as captum does' if self.baseline is None else chosen}")
        said += [f"{name}={value}" for name, value in self.options.items() if not isinstance(value, Tensor)]
        if self.target != "factor":
            said.append("target given" if callable(self.target) else f"target {self.target}")
        name = self.method.name + (f" of {self._inner.name}" if self._inner is not self.method else "")
        which = {"positive": "positive parts", "absolute": "absolute values", "negative": "negative parts"}
        return (
            f"captum's {name}, {which[self.sign]}, summed over channels{''.join(f'; {one}' for one in said)}."
        )


def check_baseline(method: Method, baseline: Any) -> None:
    """Raises LocalizerError if a method needs a baseline or takes none, or if there is none of that name."""
    if baseline is None and method.needs_baseline:
        raise LocalizerError(
            f"captum's {method.name} needs a baseline, images to compare with, found none. Type "
            'baseline="blur", "mean" or "zero", or images as the model takes them.'
        )
    if baseline is not None and not method.takes_baseline:
        raise LocalizerError(f"captum's {method.name} takes no baseline, found one. Leave baseline out.")
    if isinstance(baseline, str) and baseline not in NAMES:
        raise LocalizerError(
            f'Expected baseline="zero", "mean" or "blur", a tensor, a number or a callable, found {baseline!r}.'
        )
