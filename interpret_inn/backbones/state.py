"""The state of a model: saved before it runs and restored after; and the digest that tells models apart."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.jit import ScriptModule
from torch.nn.parameter import UninitializedParameter

from interpret_inn.backbones.structures import describe
from interpret_inn.errors import BackboneError, InnError


def unwrap(model: nn.Module) -> nn.Module:
    """The module without the wrappers of torch.compile and DistributedDataParallel, whose parts run hooks.

    Raises:
        BackboneError: it is no module, or its parts run no hooks, or run them in copies.
    """
    if not isinstance(model, nn.Module):
        raise BackboneError(f"Expected a torch.nn.Module, found {type(model).__name__}.")
    if isinstance(model, nn.DataParallel):
        raise BackboneError(
            "Found a DataParallel model. It runs copies, which lose what a hook reads. Pass `model.module`."
        )
    if isinstance(model, ScriptModule):
        raise BackboneError(
            f"Found a {type(model).__name__} (torch.jit). Its parts run no hooks. "
            "Pass the model as it was before torch.jit.script or torch.jit.trace."
        )
    inner = getattr(model, "_orig_mod", None) if _is_compiled_wrapper(model) else None
    if inner is None and isinstance(model, nn.parallel.DistributedDataParallel):
        inner = model.module
    return unwrap(inner) if inner is not None else model


def check_whole(model: nn.Module) -> None:
    """Refuses lazy modules: their first run would change the model.

    Raises:
        BackboneError: a parameter has no shape yet.
    """
    for name, parameter in model.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            raise BackboneError(
                f"The parameter {name!r} has no shape yet (a lazy module), so the first run would change the "
                "model. Run the model once on an input before you pass it."
            )


def _is_compiled_wrapper(module: nn.Module) -> bool:
    # by name, as importing the class would import all of torch._dynamo, which takes a second or more
    return type(module).__name__ == "OptimizedModule" and hasattr(module, "_orig_mod")


def _is_compiled(module: nn.Module) -> bool:
    return _is_compiled_wrapper(module) or getattr(module, "_compiled_call_impl", None) is not None


class RandomState:
    """The states of all global random generators that a forward may draw from."""

    def __init__(self, model: nn.Module) -> None:
        self._cpu = torch.get_rng_state()
        devices = {tensor.device for tensor in [*model.parameters(), *model.buffers()]}
        self._cuda = {device: torch.cuda.get_rng_state(device) for device in devices if device.type == "cuda"}
        self._mps = torch.mps.get_rng_state() if any(d.type == "mps" for d in devices) else None
        self._python = random.getstate()
        self._numpy = np.random.get_state()  # noqa: NPY002 (models draw from it)

    def restore(self) -> None:
        """Restores every generator."""
        torch.set_rng_state(self._cpu)
        for device, state in self._cuda.items():
            torch.cuda.set_rng_state(state, device)
        if self._mps is not None:
            torch.mps.set_rng_state(self._mps)
        random.setstate(self._python)
        np.random.set_state(self._numpy)  # noqa: NPY002

    def unchanged(self) -> bool:
        """Whether nothing has been drawn since."""
        now = np.random.get_state()  # noqa: NPY002
        return (
            torch.equal(torch.get_rng_state(), self._cpu)
            and all(torch.equal(torch.cuda.get_rng_state(d), s) for d, s in self._cuda.items())
            and (self._mps is None or torch.equal(torch.mps.get_rng_state(), self._mps))
            and random.getstate() == self._python
            and _same_numpy(now, self._numpy)
        )


def _same_numpy(now: Any, then: Any) -> bool:
    return bool(np.array_equal(now[1], then[1])) and now[2:] == then[2:]


class _Snapshot:
    """Flags, attributes, parameters' settings and buffers of every module of a model."""

    def __init__(self, model: nn.Module) -> None:
        self._modules = list(model.modules())
        plain = [module for module in self._modules if not isinstance(module, ScriptModule)]
        self._training = [module.training for module in self._modules]
        self._attributes = [(module, dict(vars(module))) for module in plain]
        tables: list[dict[str, Any]] = [
            table for m in plain for table in (m._parameters, m._buffers, m._modules)
        ]
        self._tables = [(table, dict(table)) for table in tables]
        self._buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
        self._parameters = [(p, p.requires_grad, p.grad) for p in model.parameters()]

    def restore(self) -> None:
        for module, training in zip(self._modules, self._training, strict=True):
            if module.training != training:
                module.training = training
        for module, attributes in self._attributes:
            _restore(vars(module), attributes)
        for table, entries in self._tables:
            _restore(table, entries)
        with torch.no_grad():
            for buffer, content in self._buffers:
                # by content, as batch norm updates its statistics without a new version
                if not torch.equal(buffer, content):
                    buffer.copy_(content)
        for parameter, requires_grad, gradient in self._parameters:
            if parameter.requires_grad != requires_grad:
                parameter.requires_grad_(requires_grad)
            if parameter.grad is not gradient:
                parameter.grad = gradient


def _restore(table: dict[str, Any], content: dict[str, Any]) -> None:
    if table.keys() == content.keys() and all(table[key] is value for key, value in content.items()):
        return
    for key in [key for key in table if key not in content]:
        del table[key]
    table.update(content)


@contextmanager
def as_found(model: nn.Module) -> Iterator[RandomState]:
    """Puts a model into eval mode for the block, and restores its state at the end, also after an error.

    Restored: every module's training flag, attributes, parameters (which ones, `requires_grad`, `grad`) and
    buffers (which ones and their contents), and the global random states of torch, python and numpy.
    Flags are set one by one, as a model's own `eval()` may do more (merge LoRA weights, say). Compiled parts run
    eagerly meanwhile, as compiled code runs no hooks.

    Yields:
        The random state before the block.
    """
    check_whole(model)
    state, snapshot = RandomState(model), _Snapshot(model)
    with ExitStack() as stack:
        stack.callback(state.restore)
        stack.callback(snapshot.restore)
        if any(_is_compiled(module) for module in model.modules()):
            stack.enter_context(_eagerly())
        for module in model.modules():
            if module.training:
                module.training = False
        yield state


def _eagerly() -> AbstractContextManager[Any]:
    stance = getattr(torch.compiler, "set_stance", None)
    if stance is None:
        raise BackboneError(
            "Found parts compiled by torch.compile, which run no hooks, and this torch cannot run them "
            "eagerly. Pass the model as it was before torch.compile, or install torch 2.6 or newer."
        )
    eagerly: AbstractContextManager[Any] = stance("force_eager")
    return eagerly


def device_and_dtype(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Device and precision of a model's inputs: the same as of its first floating parameter or buffer."""
    for tensor in _floating(model):
        return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


def _floating(model: nn.Module) -> Iterator[Tensor]:
    yield from (p for p in model.parameters() if p.is_floating_point())
    yield from (b for b in model.buffers() if b.is_floating_point())


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


def guarded(name: str, inputs: Tensor, run: Callable[[], Any]) -> Any:
    """Runs a model; an error names its inputs. Errors of memory pass through, as the caller may run less.

    Raises:
        BackboneError: the model raised something that is not this library's.
    """
    try:
        return run()
    except InnError:
        raise
    except Exception as error:
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in str(error):
            raise
        raise BackboneError(
            f"{name} raised on inputs {describe(inputs)} on {inputs.device}: "
            f"{type(error).__name__}: {error}. Expected inputs as the model takes them; see `preprocess`."
        ) from error
