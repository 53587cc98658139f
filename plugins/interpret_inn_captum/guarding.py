"""Gives models and random states back as captum found them: hooks, generators, settings of modules."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn

_TABLES = (
    "_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs", "_backward_hooks", "_backward_pre_hooks",
)  # fmt: skip
_EXPECTED = (
    "Setting (forward, )?backward hooks", "Input Tensor .* did not", "Internal batch size cannot",
    "You are providing multiple inputs for Lime",
)  # fmt: skip


@contextmanager
def hooks_kept(model: nn.Module) -> Iterator[None]:
    """All hooks of a model are afterwards as they were, also if captum raised before it removed its own."""
    modules = list(model.modules())
    before = [(table, dict(table)) for module in modules for name in _TABLES if (table := getattr(module, name))
              is not None]  # fmt: skip
    full = [(module, module._is_full_backward_hook) for module in modules]
    try:
        yield
    finally:
        for table, entries in before:
            if table.keys() != entries.keys():
                table.clear()
                table.update(entries)
        for module, flag in full:
            if module._is_full_backward_hook is not flag:
                module._is_full_backward_hook = flag


@contextmanager
def not_in_place(model: nn.Module) -> Iterator[None]:
    """Modules that overwrite their input (`ReLU(inplace=True)`) make a new tensor meanwhile: the same values.

    Hooks on gradients cannot work on tensors that are overwritten.
    """
    changed = [module for module in model.modules() if getattr(module, "inplace", False) is True]
    try:
        for module in changed:
            vars(module)["inplace"] = False
        yield
    finally:
        for module in changed:
            vars(module)["inplace"] = True


@contextmanager
def randomness_kept(device: torch.device, *, seed: int | None = None) -> Iterator[None]:
    """Gives random states back as they were; in the block they start from `seed`, as captum takes no generator.

    Args:
        device: Where the model runs, beside the CPU.
        seed: None: they go on as they are.
    """
    cuda = [device] if device.type == "cuda" else []
    own, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002 (captum draws from it)
    try:
        with torch.random.fork_rng(cuda):
            if seed is not None:
                torch.default_generator.manual_seed(seed)
                random.seed(seed)
                np.random.seed(seed)  # noqa: NPY002
                for one in cuda:
                    with torch.cuda.device(one):
                        torch.cuda.manual_seed(seed)
            yield
    finally:
        random.setstate(own)
        np.random.set_state(arrays)  # noqa: NPY002


@contextmanager
def guarded(model: nn.Module, device: torch.device, *, seed: int) -> Iterator[None]:
    """`hooks_kept`, `not_in_place` and `randomness_kept` together, without captum's warnings of its own hooks."""
    with ExitStack() as stack:
        stack.enter_context(hooks_kept(model))
        stack.enter_context(not_in_place(model))
        stack.enter_context(randomness_kept(device, seed=seed))
        stack.enter_context(warnings.catch_warnings())
        for text in _EXPECTED:
            warnings.filterwarnings("ignore", text)
        yield
