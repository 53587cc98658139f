"""The sites of a model: which there are, what they carry, and which one to begin with."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from torch import Tensor, nn

from interpret_inn.backbones.address import Address
from interpret_inn.backbones.attach import Call, recorded_calls
from interpret_inn.backbones.backbone import Backbone
from interpret_inn.backbones.default_site import default_site
from interpret_inn.backbones.layouts import Layout, infer_layout
from interpret_inn.backbones.preprocess import Preprocess
from interpret_inn.backbones.state import as_found, device_and_dtype
from interpret_inn.backbones.structures import tensors
from interpret_inn.errors import SiteError

_HALVES, _CODE = ("encode", "decode"), "decode:in"
"""Methods of an autoencoder, and the address of its code once it is wrapped."""


@dataclass(frozen=True)
class SiteRow:
    """One place that can be read and written.

    Attributes:
        address: Its address, as `wrap` takes it.
        calls: How often its module runs in one forward.
        layout: The layout that is inferred.
        shape: Of its representation of one batch, the batch axis first.
        size: Length of a row in that layout.
        suggested: This is the place to begin with.
    """

    address: str
    calls: int
    layout: str
    shape: tuple[int, ...]
    size: int
    suggested: bool = False


class SiteTable(Sequence[SiteRow]):
    """All sites of a model in the order in which they run; prints as a table.

    Args:
        rows: The sites.
        code: Address of an autoencoder's code, if there is one. No row has it: `wrap` makes the site.
    """

    def __init__(self, rows: Sequence[SiteRow], *, code: str | None = None) -> None:
        self.rows, self.code = tuple(rows), code

    @overload
    def __getitem__(self, key: int) -> SiteRow: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[SiteRow, ...]: ...
    def __getitem__(self, key: int | slice) -> SiteRow | tuple[SiteRow, ...]:
        return self.rows[key]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def suggestion(self) -> str | None:
        """The address to begin with, None if there is none."""
        return next((row.address for row in self.rows if row.suggested), self.code)

    @property
    def note(self) -> str:
        """A line on the suggested site if it is no row of the table, else empty."""
        if self.code is None or any(row.suggested for row in self.rows):
            return ""
        return f"suggested: the code between encode and decode, which interpret_inn.wrap(model) takes ({self.code!r})"

    def __str__(self) -> str:
        lines = [self._header(), *(self._cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = [[cell.ljust(w) for cell, w in zip(line, widths, strict=True)] for line in lines]
        return "\n".join(["  ".join(cells).rstrip() for cells in padded] + ([self.note] if self.note else []))

    def __repr__(self) -> str:
        return f"SiteTable({len(self)} sites, suggested: {self.suggestion!r})"

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(row(self._cells(r), "td") for r in self.rows)
        below = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        return f"<table><thead>{row(self._header(), 'th')}</thead><tbody>{body}</tbody></table>{below}"

    @staticmethod
    def _header() -> list[str]:
        return ["site", "calls", "layout", "shape", "size", ""]

    @staticmethod
    def _cells(row: SiteRow) -> list[str]:
        mark = "suggested" if row.suggested else ""
        return [row.address, str(row.calls), row.layout, str(row.shape), str(row.size), mark]


def sites(model: nn.Module | Backbone, example: Any) -> SiteTable:
    """Lists every place of a model that carries one representation for each input.

    Of a model with `encode` and `decode` the code between them is suggested, as `wrap(model)` takes it.

    Args:
        model: A network or a backbone (which also knows how to prepare and run inputs).
        example: Inputs: a prepared tensor (B, ...), or a batch of pictures.

    Raises:
        BackboneError: the model cannot be attached to, or raised.
    """
    if isinstance(model, nn.Module):
        backbone = Backbone(model, ".")
        code = _CODE if all(callable(getattr(backbone.model, half, None)) for half in _HALVES) else None
        suggestion = code or _suggestion(backbone.model)
    else:
        backbone, suggestion, code = model, str(model.address), None
    prepared = _prepared(backbone, example)
    with as_found(backbone.model), recorded_calls(backbone.model) as calls:
        backbone.outputs(prepared)
    return SiteTable(list(_rows(calls, backbone.model, len(prepared), suggestion)), code=code)


def _rows(calls: Sequence[Call], model: nn.Module, batch: int, suggestion: str | None) -> Iterator[SiteRow]:
    modules, counts = dict(model.named_modules()), Counter(call.path for call in calls)
    for call in calls:
        index = call.index if counts[call.path] > 1 else None
        for is_input, value in ((True, call.arguments), (False, call.output)):
            for selector, tensor in tensors(value):
                short = () if is_input and selector == (0,) else selector
                address = str(Address(call.path, index, is_input, short))
                latents = address == ".:in" and tensor.ndim == 2
                if is_input and address != suggestion and not latents:
                    continue  # inputs are mostly outputs of other modules; a generator's latents are not
                module = None if is_input else modules[call.path]
                layout = _layout(tensor, model, module, batch)
                if layout is not None:
                    shape = tuple(tensor.shape)
                    size, suggested = layout.width(shape[1:]), address == suggestion
                    yield SiteRow(address, counts[call.path], str(layout), shape, size, suggested)


def _layout(tensor: Tensor, model: nn.Module, module: nn.Module | None, batch: int) -> Layout | None:
    """The layout that is inferred of a tensor, None if it is no representation of `batch` inputs."""
    if tensor.ndim == 0 or len(tensor) != batch:
        return None
    try:
        return infer_layout(tensor, None, model, module=module)
    except SiteError:
        return None


def _prepared(backbone: Backbone, example: Any) -> Tensor:
    """Tensors of floats unchanged, as they are prepared; anything else through the backbone's preprocess."""
    if not (isinstance(example, Tensor) and example.is_floating_point()):
        return backbone.prepare(example)
    device, dtype = device_and_dtype(backbone.model)
    return Preprocess.identity()(example).to(device, dtype)


def _suggestion(model: nn.Module) -> str | None:
    try:
        return default_site(model)
    except SiteError:
        return None
