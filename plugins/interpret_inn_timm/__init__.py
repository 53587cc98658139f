"""timm models as backbones, by name or as objects.

`"timm:resnet50"` takes pretrained weights that are on this machine and never loads any from the network;
`"timm:resnet50?download"` does. `"timm:resnet50@weights.safetensors"` takes the weights of a file, and
`"timm:resnet50?random"` random ones, the same each time.
"""

from __future__ import annotations

from collections.abc import Iterator

from interpret_inn import hookimpl
from interpret_inn.types import BackboneSpec

from .adapting import adapt

__all__ = ["adapt", "inn_backbones"]


@hookimpl
def inn_backbones() -> Iterator[BackboneSpec]:
    """Contributes timm's models."""
    yield BackboneSpec(
        "timm",
        "timm models, by name (timm:resnet50, …?download, …?random, …@weights.safetensors) or as objects.",
        adapt,
    )
