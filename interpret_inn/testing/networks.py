"""The contract of backbones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Generator, Tensor, nn

from interpret_inn.backbones import Backbone, primary
from interpret_inn.testing.contract import Check, hold, lacks, same

_MEMBERS = (
    "model",
    "address",
    "preprocess",
    "prepare",
    "outputs",
    "represent",
    "rewritten",
    "tail",
    "has_tail",
    "session",
    "fingerprint",
    "architecture",
)

_SLACK, _FEW = 0.05, 0.01
"""Part of the range by which values may pass it, and the share of values that may lie further out still."""


class _RewriteError(Exception):
    """Raised by a rewrite, to see what is left behind."""


@dataclass(frozen=True)
class _Case:
    backbone: Backbone
    inputs: Any

    @cached_property
    def prepared(self) -> Tensor:
        """The inputs as the model takes them."""
        prepared: Tensor = self.backbone.prepare(self.inputs)
        return prepared

    @cached_property
    def z(self) -> Tensor:
        """What the site carries for them."""
        z: Tensor = self.backbone.represent(self.prepared)
        return z


def check_backbone(backbone: Backbone, inputs: Any) -> tuple[str, ...]:
    """Checks everything that the core relies on in a backbone. Nothing can be left out.

    Args:
        backbone: What an adapter returned.
        inputs: At least 2 different inputs, as a user would give them.

    Returns:
        The names of the checks, all of which held.

    Raises:
        ContractError: everything that is broken, at once.
    """
    title = f"The backbone {getattr(backbone, 'name', type(backbone).__name__)!r}"
    return hold(title, BACKBONE_CHECKS, _Case(backbone, inputs))


def _members(case: _Case) -> Iterator[str]:
    yield from lacks(case.backbone, _MEMBERS)
    if not isinstance(getattr(case.backbone, "model", None), nn.Module):
        yield "Expected model to be an nn.Module."


def _prepares(case: _Case) -> Iterator[str]:
    prepared = case.prepared
    if not isinstance(prepared, Tensor) or len(prepared) < 2:
        yield f"Expected prepare to give a tensor of at least 2 inputs, found {type(prepared).__name__}."
    elif not same(prepared, case.backbone.prepare(case.inputs)):
        yield "prepare gives something else the second time."


def _represents(case: _Case) -> Iterator[str]:
    z = case.z
    if not isinstance(z, Tensor) or not z.is_floating_point() or len(z) != len(case.prepared):
        found = f"{type(z).__name__} {tuple(getattr(z, 'shape', ()))}"
        yield f"Expected represent to give floats (B, ...), found {found}."
        return
    if not torch.isfinite(z).all():
        yield "The representation is not finite."
    if not same(z, case.backbone.represent(case.prepared)):
        yield "represent gives something else the second time."
    if z.requires_grad:
        yield "The representation drags a graph of gradients along."
    if same(z[0], z[1]):
        yield "The representations of the first two inputs are equal. Are the inputs, too?"


def _layout_inverts(case: _Case) -> Iterator[str]:
    z = case.z
    layout = case.backbone.layout
    rows, carried = layout.to_rows(z)
    if rows.ndim != 2 or len(rows) % len(z):
        yield f"Expected to_rows to give (R, D), R a multiple of {len(z)}, found {tuple(rows.shape)}."
    elif not torch.equal(layout.from_rows(rows, carried), z):
        yield "from_rows(to_rows(z)) is not z to the last bit."


def _unedited_is_identical(case: _Case) -> Iterator[str]:
    backbone = case.backbone
    with backbone.session():
        bare = backbone.outputs(case.prepared)
        if not same(bare, backbone.rewritten(case.prepared, lambda z: z)):
            yield "Attached and unedited, the outputs are not those of the bare model to the last bit."
        if backbone.has_tail and not same(bare, backbone.tail(case.z)):
            yield "tail(z) gives other outputs than the bare model."
        if not backbone.has_tail and backbone.tail(case.z) is not None:
            yield "has_tail is False and yet tail gives something."


def _edits_arrive(case: _Case) -> Iterator[str]:
    backbone = case.backbone
    with backbone.session():
        bare = backbone.outputs(case.prepared)
        # Every input gets its neighbour's representation with the signs changed: a layer may ignore one of the two.
        edited = backbone.rewritten(case.prepared, lambda z: -z.roll(1, 0) - 1)
        if same(bare, edited):
            yield "What is written at the site does not change the outputs: it is lost, or nothing reads it."


def _given_back(case: _Case) -> Iterator[str]:
    model, backbone = case.backbone.model, case.backbone
    flags = [module.training for module in model.modules()]
    try:
        # In training mode, as a user may have left it, batch norm would move its statistics.
        for module in model.modules():
            module.training = True
        before = model_state(model)
        backbone.represent(case.prepared)
        backbone.outputs(case.prepared)
        backbone.rewritten(case.prepared, lambda z: z)
        yield from model_changes(before, model_state(model), "after use")
        with suppress(Exception):
            backbone.rewritten(case.prepared, _fail)
            yield "An error that a rewrite raises is swallowed."
        yield from model_changes(before, model_state(model), "after a rewrite raised")
    finally:
        for module, flag in zip(model.modules(), flags, strict=True):
            module.training = flag


def _fail(z: Tensor) -> Tensor:
    raise _RewriteError(f"{len(z)} inputs")


def model_state(model: nn.Module) -> dict[str, Any]:
    """All that must stay unchanged in a model."""
    return {
        "training flags": [module.training for module in model.modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "hooks": [
            (name, len(value))
            for module in model.modules()
            for name, value in sorted(vars(module).items())
            if name.endswith("_hooks") and hasattr(value, "__len__")
        ],
        "requires_grad": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [parameter.grad is None for parameter in model.parameters()],
        "weights": [parameter.detach().clone() for parameter in model.parameters()],
        "buffers": [buffer.detach().clone() for buffer in model.buffers()],
    }


def model_changes(before: dict[str, Any], now: dict[str, Any], when: str) -> Iterator[str]:
    """Says which of it changed between two looks at `model_state`."""
    changed = [name for name in before if not same(before[name], now[name])]
    if changed:
        yield f"The model is not given back as found {when}: changed are its {', '.join(changed)}."


def _identifies(case: _Case) -> Iterator[str]:
    first = case.backbone.fingerprint()
    if not isinstance(first, str) or not first or first != case.backbone.fingerprint():
        yield f"Expected a fingerprint that stays, found {first!r}."
    parameter = next(case.backbone.model.parameters(), None)
    if parameter is not None and parameter.numel():
        kept = parameter.detach().clone()
        try:
            with torch.no_grad():
                parameter.add_(1)
            if case.backbone.fingerprint() == first:
                yield "The fingerprint stays when a weight changes."
        finally:
            with torch.no_grad():
                parameter.copy_(kept)


def _draws(case: _Case) -> Iterator[str]:
    sample = getattr(case.backbone, "sample_inputs", None)
    if sample is None:
        return
    drawn = [sample(3, Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    if not all(isinstance(batch, Tensor) and len(batch) == 3 for batch in drawn):
        yield f"Expected sample_inputs(3, generator) to give a tensor of 3 inputs, found {drawn[0]!r:.60}."
        return
    if not same(drawn[0], drawn[1]):
        yield "sample_inputs gives other inputs for a generator of the same seed."
    if same(drawn[0], drawn[2]):
        yield "sample_inputs gives the same inputs for generators of different seeds."
    if case.backbone.prepare(drawn[0]).shape[1:] != case.prepared.shape[1:]:
        yield "sample_inputs gives inputs of another shape than prepare."
    yield from _range_holds(case, case.backbone.prepare(drawn[0]))


def _ranges(case: _Case) -> Iterator[str]:
    yield from _range_holds(case, case.prepared)


def _range_holds(case: _Case, prepared: Tensor) -> Iterator[str]:
    """Few values lie far outside the range that the backbone names: they are cut off in pictures."""
    named = getattr(case.backbone, "value_range", None)
    images = primary(case.backbone.outputs(prepared))
    if named is None or images.ndim != 4:
        return
    low, high = named
    slack = _SLACK * (high - low)
    if float(((images < low - slack) | (images > high + slack)).float().mean()) > _FEW:
        found = f"{float(images.min()):.3g} to {float(images.max()):.3g}"
        yield f"value_range is {low:g} to {high:g}, and yet images reach from {found}."


BACKBONE_CHECKS: tuple[Check[_Case], ...] = (
    _members,
    _prepares,
    _represents,
    _layout_inverts,
    _unedited_is_identical,
    _edits_arrive,
    _given_back,
    _identifies,
    _draws,
    _ranges,
)
"""All checks, in order."""


def attributes(owner: Any, **parts: Any) -> dict[str, Any]:
    """The attributes of an object and of some of its parts, by name, without values of cached properties."""
    return {
        f"{where}{name}": value
        for where, each in {"": owner, **{f"{part}.": found for part, found in parts.items()}}.items()
        for name, value in vars(each).items()
        if not isinstance(getattr(type(each), name, None), cached_property)
    }
