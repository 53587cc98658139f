"""Layers by name, and attributions of a layer as maps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from interpret_inn.backbones import Attachment, Layout, infer_layout, sites
from interpret_inn.errors import LocalizerError, SiteError, suggest
from interpret_inn_captum.targets import Scalar


def layer_of(interpreter: Any, scalar: Scalar, prepared: Tensor, layer: str | None, *, at_input: bool) -> str:
    """The path of the layer to attribute.

    Args:
        interpreter: A fitted interpreter.
        scalar: What runs the model as far as it is needed.
        prepared: (B, ...), of which the first is run.
        layer: A module's path; None: the last one whose output is a map or tokens.
        at_input: Its input is attributed, not its output.

    Raises:
        LocalizerError: there is no such layer, or the target does not come through it.
    """
    model = interpreter.backbone.model
    if layer is not None:
        paths = [path for path, _ in model.named_modules() if path]
        if layer not in paths:
            raise LocalizerError(f"{interpreter.backbone.name} has no layer {layer!r}. {suggest(str(layer), paths)}")
        carried(interpreter, scalar, prepared, layer, at_input=at_input)
        return layer
    for row in reversed(sites(interpreter.backbone, prepared[:1])):
        if ":" in row.address or "@" in row.address or len(row.shape) < 3 or row.calls != 1:
            continue
        try:
            z = carried(interpreter, scalar, prepared, row.address, at_input=at_input)
            map_layout(interpreter, z, row.address)
        except LocalizerError:
            continue
        return row.address
    raise LocalizerError(
        f"{interpreter.backbone.name} has no layer with places before {str(interpreter.backbone.address)!r}. Type "
        'layer=…, or a method that attributes the input: method="IntegratedGradients".'
    )


def carried(interpreter: Any, scalar: Scalar, prepared: Tensor, layer: str, *, at_input: bool) -> Tensor:
    """What a layer carries for the first image while the target is computed, (1, ...).

    Raises:
        LocalizerError: it does not run, or runs several times, or carries no tensor.
    """
    site = Attachment(interpreter.backbone.model, f"{layer}:in" if at_input else layer)
    try:
        with site:
            scalar.read(prepared[:1])
        return site.captured
    except SiteError as error:
        raise LocalizerError(
            f"The layer {layer!r} cannot be attributed to: the target does not come through it once. {error}"
        ) from error


def map_layout(interpreter: Any, z: Tensor, layer: str) -> Layout:
    """How a layer's attributions are read as a map.

    Raises:
        LocalizerError: what it carries has no places.
    """
    model = interpreter.backbone.model
    grid = None
    if z.ndim in (3, 4) and z.is_floating_point():
        layout = infer_layout(z, "positions", model, module=model.get_submodule(layer))
        grid = layout.grid(tuple(z.shape[1:]))
    if grid is None or grid == (1, 1):
        raise LocalizerError(
            f"Expected a layer that carries a map or a square of tokens, found {tuple(z.shape)} at {layer!r}. "
            "Type another layer=…"
        )
    return layout


def as_map(attributed: Tensor, layout: Layout) -> Tensor:
    """Attributions of a layer, (B, C, h, w), (B, h, w, C) or (B, tokens, C), summed to (B, 1, h, w)."""
    if attributed.ndim == 4 and layout.order == "channels_first":
        return attributed.sum(1, keepdim=True)
    if attributed.ndim == 4:
        return attributed.sum(-1)[:, None]
    tokens = attributed.sum(1 if layout.order == "channels_first" else 2)[:, layout.prefix :]
    height, width = layout.grid(tuple(attributed.shape[1:])) or (1, tokens.shape[1])
    return tokens.reshape(-1, 1, height, width)
