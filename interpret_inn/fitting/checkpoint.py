"""Checkpoints of a fit: one safetensors file whose header holds the counters of the fit as JSON."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from interpret_inn.errors import FitError

_KEY = "interpret_inn"


class Checkpoint:
    """One file that is replaced whole: its tensors and counters always belong together.

    Args:
        path: The file; its folder is made when it is first written.
        key: A digest of everything that the fit depends on.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key

    def write(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Replaces the file.

        Raises:
            FitError: the file cannot be written.
        """
        part = self.path.with_suffix(".part")
        header = {_KEY: json.dumps({"key": self.key, "state": dict(state)})}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, part, header)
            part.replace(self.path)
        except (OSError, SafetensorError) as error:
            with contextlib.suppress(OSError):  # neither it nor the folder may be there
                part.unlink()
            raise FitError(
                f"The checkpoint {self.path} could not be written: {error}. "
                "Free some space, give another place with fit(checkpoint=…), or none with checkpoint=None."
            ) from error

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and state; None if there is no checkpoint.

        Raises:
            FitError: the file cannot be read, or belongs to another fit.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                header = json.loads(file.metadata()[_KEY])
                key, state = header["key"], header["state"]
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise FitError(
                f"The checkpoint {self.path} cannot be read: {error}. Remove it to begin anew."
            ) from error
        if key != self.key:
            raise FitError(
                f"The checkpoint {self.path} belongs to another fit (other data, model, settings or seed). "
                "Give another place with fit(checkpoint=…), or remove it to begin anew."
            )
        return tensors, state

    def remove(self) -> None:
        """Removes the file, when the fit is done."""
        self.path.unlink(missing_ok=True)


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's moments as named tensors."""
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{name}": tensor
        for index, moments in state.items()
        for name, tensor in moments.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Puts back what `flatten_optimizer` gave."""
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
