"""Hooks on the network under study, all of which this file registers and takes off again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from interpret_inn.backbones.address import Address, Selector, check_path
from interpret_inn.backbones.state import unwrap
from interpret_inn.backbones.structures import describe, replace, select, tensors
from interpret_inn.errors import SiteError

Rewrite = Callable[[Tensor], Tensor]


class _Stop(BaseException):
    """Ends a forward at the site. It is no `Exception`, so that no `except Exception` in a model catches it."""


class Attachment:
    """Reads, and if asked rewrites, what one forward of a model carries at one address.

    One attachment is for one forward. Attachments may be nested, on one model and even on one site: the
    inner one sees what the outer one wrote. No attribute of the model is touched but its hooks, which are
    gone after the block, however it ends.

    Args:
        model: The network; wrappers of torch.compile and DistributedDataParallel are looked through.
        address: Where to attach.
        rewrite: Takes the tensor at the site (a copy) and returns one of the same shape to go on with.
        stop: End the forward at the site, to save the rest; the block ends quietly there.

    Example:
        with Attachment(model, "layer4", stop=True) as site:
            model(inputs)
        site.captured  # (B, 512, 7, 7)
    """

    def __init__(
        self, model: nn.Module, address: str | Address, *, rewrite: Rewrite | None = None, stop: bool = False
    ) -> None:
        self.address = Address.parse(address)
        self.calls: list[str] = []
        """The value of every call of the module, in words."""
        self.rewrite_error: BaseException | None = None
        """The error that `rewrite` raised, if any; it is not the model's."""
        self._model, self._rewrite, self._stop = unwrap(model), rewrite, stop
        self._module = check_path(self._model, self.address.path)
        self._rewriting = False
        self._captured: Tensor | None = None
        self._stopped: _Stop | None = None
        self._handles: list[RemovableHandle] = []

    @property
    def captured(self) -> Tensor:
        """A copy of the tensor at the site as the model made it, safe from later in-place changes.

        Raises:
            SiteError: the site has not been reached.
        """
        if self._captured is None:
            raise self._unreached()
        return self._captured

    def __enter__(self) -> Attachment:
        try:
            if self.address.input:
                self._handles.append(self._module.register_forward_pre_hook(self._before, with_kwargs=True))
            else:
                self._handles.append(self._module.register_forward_hook(self._after))
        except BaseException:
            self._detach()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._detach()
        stopped = error is not None and error is self._stopped
        self._stopped = None  # it holds the forward's frames, which hold its tensors
        if error is None:
            self._check_calls()
        return stopped

    def _detach(self) -> None:
        while self._handles:
            self._handles.pop().remove()

    def _before(
        self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if not self._is_our_turn(args if not kwargs else (*args, kwargs)):
            return None
        side, selector = self._input_selector(args, kwargs)
        found = select(args if side == "args" else kwargs, selector, where=self._where)
        written = self._visit(found)
        if written is None:
            return None
        if side == "args":
            return replace(args, selector, written), kwargs
        return args, replace(kwargs, selector, written)

    def _after(self, _: nn.Module, __: Any, output: Any) -> Any:
        if not self._is_our_turn(output):
            return None
        written = self._visit(select(output, self.address.selector, where=self._where))
        return None if written is None else replace(output, self.address.selector, written)

    def _is_our_turn(self, value: Any) -> bool:
        if self._rewriting:  # the rewrite itself runs the model, which is no part of this forward
            return False
        call = len(self.calls)
        self.calls.append(describe(value))
        return call == (self.address.call or 0)

    def _input_selector(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Literal["args", "kwargs"], Selector]:
        """The argument to read: the selected one, else the first, else the only one given by name."""
        selector = self.address.selector
        if selector:
            return ("kwargs", selector) if isinstance(selector[0], str) else ("args", selector)
        if args:
            return "args", (0,)
        named = [key for key, value in kwargs.items() if isinstance(value, Tensor)]
        if len(named) == 1:
            return "kwargs", (named[0],)
        choices = " or ".join(repr(f"{self.address}:{key}") for key in named) or "another site"
        raise SiteError(
            f"{self._where}: expected one tensor, found {describe(kwargs) if kwargs else 'no argument'}. "
            f"Type {choices}."
        )

    def _visit(self, found: Any) -> Tensor | None:
        if not isinstance(found, Tensor):
            choices = self._choices(found)
            raise SiteError(f"{self._where}: expected a tensor, found {describe(found)}. {choices}")
        self._captured = found.clone()
        if self._stop:
            self._stopped = _Stop()
            raise self._stopped
        return None if self._rewrite is None else self._written(found, self._rewrite)

    def _written(self, found: Tensor, rewrite: Rewrite) -> Tensor:
        self._rewriting = True
        try:
            written = rewrite(found.clone())
        except BaseException as error:
            self.rewrite_error = error
            raise
        finally:
            self._rewriting = False
        if not isinstance(written, Tensor) or written.shape != found.shape:
            raise SiteError(
                f"{self._where}: expected the rewrite to return a tensor of the same shape "
                f"{tuple(found.shape)}, found {describe(written)}."
            )
        # a copy, as the next module may change it in place, or rely on the memory layout (as `view` does)
        return torch.empty_like(found).copy_(written)

    @property
    def _where(self) -> str:
        side = "input" if self.address.input else "output"
        return f"The {side} of {self.address.path or 'the model'!r} ({type(self._module).__name__})"

    def _choices(self, found: Any) -> str:
        texts = [
            repr(str(Address(self.address.path, self.address.call, self.address.input, inside)))
            for at, _ in tensors(found)
            for inside in [self._inside(at)]
        ]
        return f"Type {' or '.join(texts[:4])}." if texts else "Choose another site."

    def _inside(self, at: Selector) -> Selector:
        first: Selector = self.address.selector or ((0,) if self.address.input else ())
        return (*first, *at)

    def _check_calls(self) -> None:
        if self._captured is None:
            raise self._unreached()
        if self.address.call is None and len(self.calls) > 1:
            listed = self._listed()
            raise SiteError(
                f"{self.address.path or 'The model'!r} ran {len(self.calls)} times in one forward, so "
                f"the site {str(self.address)!r} is not one place. Type one of: {listed}."
            )

    def _listed(self) -> str:
        base = self.address
        names = [str(Address(base.path, call, base.input, base.selector)) for call in range(len(self.calls))]
        texts = [f"{name!r} ({text})" for name, text in zip(names, self.calls, strict=True)]
        return ", ".join(texts[:8]) + (", …" if len(texts) > 8 else "")

    def _unreached(self) -> SiteError:
        if self.calls:
            return SiteError(
                f"The site {str(self.address)!r} was not reached: {self.address.path or 'the model'!r} "
                f"ran {len(self.calls)} times, calls count from 0. Type one of: {self._listed()}."
            )
        return SiteError(
            f"The site {str(self.address)!r} was not reached: {self.address.path or 'the model'!r} did not "
            "run in this forward (its parts may be called past it). interpret_inn.sites(model, inputs) lists "
            "what runs."
        )


class Listener(Attachment):
    """Stays attached for any number of forwards and keeps the tensor at the site of the last one.

    It never stops or rewrites: the outputs are the bare model's.
    """

    def __init__(self, model: nn.Module, address: str | Address) -> None:
        super().__init__(model, address)

    @property
    def captured(self) -> Tensor:
        """A copy of the tensor at the site in the last forward.

        Raises:
            SiteError: there was no forward yet, or the site was not reached, or ran more than once, in it.
        """
        self._check_calls()
        return super().captured

    def __enter__(self) -> Listener:
        super().__enter__()
        # before all other hooks, as the site may be the model's own input
        self._handles.append(self._model.register_forward_pre_hook(self._begin, prepend=True))
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        self._detach()
        return False

    def _begin(self, *_: object) -> None:
        self.calls.clear()
        self._captured = None


@dataclass(frozen=True)
class Call:
    """One call of a module.

    Attributes:
        path: Of the module.
        index: Which of its calls, from 0.
        arguments: Its positional inputs, with tensors without data ("meta").
        output: Its output, likewise.
    """

    path: str
    index: int
    arguments: Any
    output: Any


@contextmanager
def recorded_calls(model: nn.Module) -> Iterator[list[Call]]:
    """Records all calls of all modules in one forward, in the order in which they end; keeps no data."""
    calls: list[Call] = []
    counts: dict[str, int] = {}
    handles: list[RemovableHandle] = []

    def watch(path: str, module: nn.Module) -> RemovableHandle:
        def note(_: nn.Module, args: Any, output: Any) -> None:
            index = counts.get(path, 0)
            counts[path] = index + 1
            calls.append(Call(path, index, without_data(args), without_data(output)))

        return module.register_forward_hook(note)

    try:
        for path, module in unwrap(model).named_modules():
            handles.append(watch(path, module))
        yield calls
    finally:
        while handles:
            handles.pop().remove()


def without_data(value: Any) -> Any:
    """The structure with each tensor replaced by one of the same shape and type on the "meta" device."""
    for at, tensor in tensors(value):
        value = replace(value, at, torch.empty_like(tensor, device="meta"))
    return value
