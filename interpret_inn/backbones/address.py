"""Addresses of places in a network: `path[@call][:in][:selector[.selector]]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import nn
from torch.jit import ScriptModule

from interpret_inn.errors import SiteError, suggest

Selector = tuple[int | str, ...]

_PARTS = re.compile(r"(?P<path>[^@:]*)(?:@(?P<call>[^:]*))?(?P<input>:in(?=:|$))?(?::(?P<selector>.*))?")

_DIGITS = 18
"""Digits of an index, at most: it then fits in 64 bits."""


@dataclass(frozen=True)
class Address:
    """One place in a network.

    Attributes:
        path: The module's path as in `named_modules()`; "" is the model itself.
        call: Number of the module's call in one forward, from 0; None: its only call.
        input: The place is the module's input, not its output.
        selector: Part of a tuple, list, dict or record: indices and names, outermost first.

    >>> Address.parse("blocks.5@1"), str(Address.parse("encoder:hidden.0"))
    (Address(path='blocks.5', call=1, input=False, selector=()), 'encoder:hidden.0')
    >>> str(Address.parse("decoder.lin1:in")), str(Address.parse(""))
    ('decoder.lin1:in', '.')
    """

    path: str
    call: int | None = None
    input: bool = False
    selector: Selector = ()

    @classmethod
    def parse(cls, text: str | Address) -> Address:
        """Reads an address; "." and "" both mean the model itself.

        Raises:
            SiteError: the text has another form.
        """
        if isinstance(text, Address):
            return text
        parts = _PARTS.fullmatch(text) if isinstance(text, str) else None
        if parts is None or not _well_formed(parts):
            raise SiteError(
                f"Expected a site such as 'layer4', 'blocks.5@1', 'encoder:0' or 'fc:in' "
                f"(path[@call][:in][:selector]), found {text!r:.200}."
            )
        call, selector = parts["call"], parts["selector"]
        return cls(
            path="" if parts["path"] == "." else parts["path"],
            call=None if call is None else int(call),
            input=parts["input"] is not None,
            selector=tuple(map(_key, selector.split("."))) if selector else (),
        )

    def __str__(self) -> str:
        text = self.path or "."
        if self.call is not None:
            text += f"@{self.call}"
        if self.input:
            text += ":in"
        if self.selector:
            text += ":" + ".".join(map(str, self.selector))
        return text


def _well_formed(parts: re.Match[str]) -> bool:
    path, call, selector = parts["path"], parts["call"], parts["selector"]
    steps = path.split(".") if path not in ("", ".") else ["model"]
    keys = selector.split(".") if selector is not None else ["first"]
    counted = call is None or (call.isdecimal() and len(call) <= _DIGITS)
    return all(steps) and all(keys) and counted and not any(map(_is_endless, keys))


def _is_endless(key: str) -> bool:
    """Whether a key is a number of more digits than any index has."""
    return len(key) > _DIGITS and re.fullmatch(r"-?\d+", key) is not None


def _key(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def check_path(model: nn.Module, path: str) -> nn.Module:
    """The module at `path`.

    Raises:
        SiteError: there is none (the nearest names are given), or it lies inside a scripted module,
            which runs no hooks of its parts.
    """
    module, scripted = model, ""
    for end in [i for i, letter in enumerate(path + ".") if letter == "."] if path else []:
        if scripted:
            raise SiteError(
                f"{path!r} lies inside {scripted!r}, which is compiled by torch.jit and runs no hooks of "
                f"its parts. Pass the model as it was before torch.jit, or the site {scripted!r} itself."
            )
        inner = module._modules.get(path[:end].rpartition(".")[2])
        if inner is None:
            known = [name for name, _ in model.named_modules() if name]
            raise SiteError(
                f"{type(model).__name__} has no module {path!r}. {suggest(path, known)} "
                f"All of them: interpret_inn.sites(model, inputs)."
            )
        module, scripted = inner, path[:end] if isinstance(inner, ScriptModule) else ""
    return module
