"""Layers by name, and attributions of a layer as maps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from interpret_inn.backbones import Attachment, Layout, infer_layout, sites
from interpret_inn.errors import LocalizerError, SiteError, suggest
from interpret_inn.localizing import Translator
from interpret_inn_captum.targets import Scalar, unchanged_of


@dataclass(frozen=True)
class Layer:
    """A layer whose attributions are maps.

    Attributes:
        path: Of its module.
        shape: What it carries for one input: (C, h, w), (h, w, C) or (tokens, C).
        layout: How that is read.
    """

    path: str
    shape: tuple[int, ...]
    layout: Layout

    @property
    def is_map(self) -> bool:
        """Whether it carries (C, h, w)."""
        return len(self.shape) == 3 and self.layout.order == "channels_first"

    def as_map(self, attributed: Tensor) -> Tensor:
        """Attributions (B, *shape), or (B, 1, h, w) of a map, summed to (B, 1, h, w)."""
        if attributed.ndim == 4 and self.is_map:
            return attributed.sum(1, keepdim=True)
        if attributed.ndim == 4:
            return attributed.sum(-1)[:, None]
        first = self.layout.order == "channels_first"
        tokens = attributed.sum(1 if first else 2)[:, self.layout.prefix :]
        return tokens.reshape(-1, 1, *(self.layout.grid(self.shape) or (1, tokens.shape[1])))

    def places(self) -> Tensor:
        """A number for each place, all channels together, int64 (1, …) that fits the layer."""
        first = self.layout.order == "channels_first"
        axes = self.shape[1:] if first else self.shape[:-1]
        numbers = torch.arange(int(torch.tensor(axes).prod())).reshape(axes)[None]
        return numbers[:, None] if first else numbers[..., None]


def layer_of(
    translator: Translator, scalar: Scalar, prepared: Tensor, path: str | None, *, at_input: bool
) -> Layer:
    """The layer to attribute.

    Args:
        translator: Of a fitted interpreter.
        scalar: What runs the model as far as it is needed.
        prepared: (B, ...), of which the first is run.
        path: A module's path; None: the last one whose output is a map or tokens.
        at_input: Its input is attributed, not its output.

    Raises:
        LocalizerError: there is no such layer, or the target does not come through it.
    """
    backbone = translator.backbone
    if path is not None:
        paths = [known for known, _ in backbone.model.named_modules() if known]
        if path not in paths:
            raise LocalizerError(f"{backbone.name} has no layer {path!r}. {suggest(str(path), paths)}")
        return _layer(translator, scalar, prepared, path, at_input=at_input)
    silent = None
    for row in reversed(sites(backbone, prepared[:1])):
        if ":" in row.address or "@" in row.address or len(row.shape) < 3 or row.calls != 1:
            continue
        if _inside_attention(backbone.model, row.address):
            continue
        try:
            found = _layer(translator, scalar, prepared, row.address, at_input=at_input)
        except LocalizerError:  # it comes after the site, or has no places
            continue
        if _speaks(scalar, prepared[:1], found):
            return found
        silent = silent or found
    if silent is not None:  # the target depends on none of the layers that have places
        return silent
    raise LocalizerError(
        f"{backbone.name} has no layer with places before {str(backbone.address)!r}. Type layer=…, or a method that "
        'attributes the input: method="IntegratedGradients".'
    )


def _inside_attention(model: nn.Module, path: str) -> bool:
    """Whether a layer is inside an attention: what it carries, heads times tokens, looks like a map and is none."""
    parents = (model.get_submodule(path[:end]) for end, sign in enumerate(path) if sign == ".")
    return any("attention" in type(parent).__name__.lower() for parent in parents)


def _speaks(scalar: Scalar, image: Tensor, layer: Layer) -> bool:
    """Whether the target depends on the layer's places: behind the last attention only the class token is read."""
    seen: list[Tensor] = []
    unchanged = unchanged_of(scalar, image, at_once=1)
    handle = scalar.model.get_submodule(layer.path).register_forward_hook(
        lambda _module, _given, made: seen.append(made)
    )
    try:
        with torch.enable_grad():
            value = scalar(image.detach().clone().requires_grad_(), unchanged).sum()
    finally:
        handle.remove()
    made = seen[0] if seen and isinstance(seen[0], Tensor) else None
    if made is None or not made.requires_grad or not value.requires_grad:
        return True  # nothing is known of it
    try:
        (slope,) = torch.autograd.grad(value, made, allow_unused=True)
    except RuntimeError:  # overwritten tensors; captum will say so
        return True
    return slope is not None and bool(layer.as_map(slope.abs()).any())


def _layer(translator: Translator, scalar: Scalar, prepared: Tensor, path: str, *, at_input: bool) -> Layer:
    model = translator.backbone.model
    try:
        with Attachment(model, f"{path}:in" if at_input else path) as site:
            scalar.read(prepared[:1])
        z = site.captured
    except SiteError as error:
        raise LocalizerError(
            f"The layer {path!r} cannot be attributed to: the target does not come through it once. {error}"
        ) from error
    grid, shape = None, tuple(z.shape[1:])
    if z.ndim in (3, 4) and z.is_floating_point():
        layout = infer_layout(z, "positions", model, module=model.get_submodule(path))
        grid = layout.grid(shape)
    if grid is None or grid == (1, 1):
        raise LocalizerError(
            f"Expected a layer that carries a map or a square of tokens, found {tuple(z.shape)} at {path!r}. "
            "Type another layer=…"
        )
    return Layer(path, shape, layout)
