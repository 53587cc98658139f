"""Localizers from captum: any of its attributions, with a factor as the target.

```python
interpreter.localize(images, "digit", localizer="captum", method="IntegratedGradients", baseline="blur")
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any, get_args

from interpret_inn import hookimpl
from interpret_inn.errors import LocalizerError, suggest
from interpret_inn.types import Localizer, LocalizerSpec
from interpret_inn_captum.attributions import find
from interpret_inn_captum.localizer import CaptumLocalizer, Sign, check_baseline
from interpret_inn_captum.parts import Baseline
from interpret_inn_captum.targets import Reads, Target, check_target

__all__ = ["CaptumLocalizer", "build", "inn_localizers"]


def build(
    method: str = "IntegratedGradients",
    *,
    layer: str | None = None,
    target: Target = "factor",
    reads: Reads = "outputs",
    baseline: Baseline | None = None,
    sign: Sign = "absolute",
    squares: int = 8,
    batch_size: int = 32,
    seed: int = 0,
    show_progress: bool = False,
    construct: Mapping[str, Any] | None = None,
    **attribute_options: Any,
) -> Localizer:
    """Makes a localizer of one of captum's attributions.

    Args:
        method: Name of a class of `captum.attr` that attributes the input or a layer: "IntegratedGradients",
            "Occlusion", "LayerGradCam" (or "GradCAM"), "ShapleyValueSampling" … Case and spaces do not matter.
            "NoiseTunnel" with `construct={"attribution_method": "Saliency"}` puts noise on another one.
        layer: Path of the module that layer methods attribute; None: the last one before the site that carries a map
            or tokens.
        target: What is attributed, a number for each image. "factor": how far the image lies along the direction in
            which its own code deviates from the data's mean, `⟨f(x′) − c, (f − c) / |f − c|⟩`, `f` detached. "output":
            the logit of the class that is predicted for the unchanged image; a number: that output. A callable: from
            outputs (B, …) to (B,); with two arguments it is also given the outputs of the same images unchanged.
        reads: What a callable target is given: the model's "outputs", or the factor's "codes", (B, size) or
            (B, P, size).
        baseline: What images are compared with, where the method does that: "zero" in the model's own units, "mean"
            (each image's mean colour), "blur" (Gaussian of an eighth of the longer side), a number, a tensor that fits
            (C, H, W) or (B, C, H, W), or a callable from prepared images to one. None: as captum does it, zero; methods
            that draw from baselines (GradientShap, DeepLiftShap) need one.
        sign: Which attributions make the mask: "absolute" (all that move the value), "positive" (what brings it about)
            or "negative" (what stands against it).
        squares: Along the longer side, for methods that take parts away, if no `feature_mask` is given.
        batch_size: Images that captum is given at once.
        seed: Of methods that draw; the global random state is given back as it was.
        show_progress: Captum's progress bar, where the method has one.
        construct: Options of the class's constructor (`multiply_by_inputs`).
        attribute_options: Of its `attribute`: `n_steps`, `internal_batch_size`, `perturbations_per_eval`, `strides` …

    Raises:
        LocalizerError: an unknown method, one that gives no places, options it does not take, or a baseline that it
            needs.
    """
    found, own = find(method), dict(construct or {})
    found.check(attribute_options if found.name != "NoiseTunnel" else (), own)
    inner = found
    if found.name == "NoiseTunnel":
        if not isinstance(own.get("attribution_method"), str):
            raise LocalizerError(
                "captum's NoiseTunnel puts noise on another method, found none. Type "
                'construct={"attribution_method": "Saliency"}.'
            )
        inner = find(own["attribution_method"])
        inner.check(set(attribute_options) - set(found.options), ())
    if layer is not None and not inner.takes_layer:
        raise LocalizerError(
            f"captum's {inner.name} attributes the input and takes no layer, found {layer!r}. Leave layer out, or "
            'type method="LayerGradCam".'
        )
    check_baseline(inner, baseline)
    check_target(target, reads)
    if sign not in get_args(Sign):
        raise LocalizerError(f"There is no sign {sign!r}. {suggest(str(sign), get_args(Sign))}")
    for name, value, least in (("squares", squares, 1), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise LocalizerError(f"Expected {name} to be a whole number, at least {least}, found {value!r}.")
    return CaptumLocalizer(
        found, layer=layer, target=target, reads=reads, baseline=baseline, sign=sign, squares=squares,
        batch_size=batch_size, seed=seed, show_progress=show_progress, construct=own, options=attribute_options,
    )  # fmt: skip


@hookimpl
def inn_localizers() -> Iterable[LocalizerSpec]:
    """Contributes the localizer "captum"."""
    yield LocalizerSpec("captum", "Any of captum's attributions, with the factor as its target.", build)
