"""Training state as one safetensors file: networks, optimizers, and how far the training has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer


def write(
    path: Path,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
    about: Mapping[str, Any],
) -> None:
    """Writes a checkpoint, whole or not at all.

    Args:
        path: Of the file; its folder exists.
        networks: By name.
        optimizers: By name.
        about: The rest, as JSON can say it: settings, the number of steps.
    """
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
    for name, optimizer in optimizers.items():
        for number, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}.{number}.{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    unfinished = path.with_suffix(".part")
    save_file(
        {key: value.contiguous() for key, value in tensors.items()}, unfinished, {"about": json.dumps(about)}
    )
    unfinished.replace(path)  # a run that is stopped while it writes leaves the checkpoint before


def about(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself."""
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["about"])


def read(
    path: Path, networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer] | None = None
) -> None:
    """Puts a checkpoint's weights into networks, and its moments into optimizers, in place."""
    with safe_open(path, "pt") as file:
        found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (it is no mapping)
    for name, network in networks.items():
        network.load_state_dict(_below(name, found))
    for name, optimizer in (optimizers or {}).items():
        parameters = [one for group in optimizer.param_groups for one in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _below(name, found).items():
            number, slot = key.split(".")
            like = parameters[int(number)]
            if (
                value.shape == like.shape
            ):  # fused kernels go through memory, and expect the order of the weights
                value = torch.empty_like(like, requires_grad=False).copy_(value)
            state.setdefault(int(number), {})[slot] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")
    }
