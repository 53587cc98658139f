"""What tells one network from another: its weights, and its architecture."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from interpret_inn.backbones.structures import describe


def weights_digest(model: nn.Module) -> str:
    """A digest of all weights and buffers: names, shapes, types and bytes."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(f"{name}\0{describe(value)}\0".encode())
        if isinstance(value, Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def architecture(model: nn.Module) -> str:
    """The model's class and its number of parameters."""
    kind, count = type(model), sum(p.numel() for p in model.parameters())
    return f"{kind.__module__}.{kind.__qualname__}, {count:,} parameters"
