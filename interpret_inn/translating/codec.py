"""A backbone and a fitted flow together: representations to codes and back, and the stored codes of the data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone, Carried
from interpret_inn.errors import ConceptError, EditError, InputError, suggest
from interpret_inn.metrics.probe_coordinates import UNIFORM
from interpret_inn.metrics.probe_task import LinearProbe
from interpret_inn.metrics.probes import fit_linear_probe
from interpret_inn.translating.axes import FactorAxis, axes_of_inputs, factor_axes
from interpret_inn.translating.encoding import batches
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.holding import hold_probe
from interpret_inn.types import Factor, Factors, FloatArray


class Codec:
    """The part of a `Translator` that needs no batches: codes, the stored codes of the data, probes of concepts.

    Args:
        backbone: The frozen network and its site.
        fitted: The flow, and codes and concepts of its data.
    """

    def __init__(self, backbone: Backbone, fitted: Fitted) -> None:
        self.backbone = backbone
        self.fitted = fitted
        self._probes: dict[str, LinearProbe] = {}

    @property
    def factors(self) -> Factors:
        """All factors of the flow."""
        return self.fitted.factors

    @cached_property
    def axes(self) -> dict[str, FactorAxis]:
        """Main direction of every factor, and how reference codes lie along it: at positions, single positions."""
        return factor_axes(self.fitted)

    @cached_property
    def axes_of_inputs(self) -> dict[str, FactorAxis]:
        """The same directions, and how whole inputs lie along them: at positions, their means over positions.

        A mean over positions varies less than a single position does, so that it is not compared with these.
        """
        return axes_of_inputs(self.fitted, self.axes)

    # --- between representation and code ---------------------------------------------------------------

    def codes(self, z: Tensor) -> tuple[Tensor, Carried]:
        """Codes of representations (B, ...), (B, D) or (B, P, D) at positions; and what the layout carries along.

        Raises:
            InputError: representations of another width than in the fit.
        """
        rows, carried = self.fitted.layout.to_rows(z)
        if rows.shape[1] != self.factors.total:
            raise InputError(
                f"Expected representations of {self.factors.total} axes, as in the fit, "
                f"found {rows.shape[1]}. "
                "Pass inputs of the size that the interpreter was fitted on."
            )
        codes, _ = self.fitted.network(rows.to(self.fitted.network.whitening.mean))
        return (codes.reshape(len(z), -1, codes.shape[1]) if len(rows) != len(z) else codes), carried

    def representation(self, codes: Tensor, carried: Carried, like: Tensor) -> Tensor:
        """Representations (B, ...) of codes (B, D) or (B, P, D), on the device and in the precision of `like`."""
        rows, _ = self.fitted.network.inverse(codes.reshape(-1, codes.shape[-1]))
        z = self.fitted.layout.from_rows(rows.to(like.device), carried)
        return z.to(like.dtype)

    def encode(self, inputs: Any) -> Tensor:
        """Codes of inputs, float (B, D), or (B, P, D) at positions."""
        with self.backbone.session():
            found = [
                self.codes(self.backbone.represent(batch))[0] for batch in batches(self.backbone, inputs)
            ]
        return torch.cat(found)

    # --- codes of the data -----------------------------------------------------------------------------

    @cached_property
    def reference_range(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest reference code of each axis that is stored, float (w,) each."""
        codes = self.fitted.reference_codes
        return codes.amin(0), codes.amax(0)

    def beyond(self, factor: Factor, values: Tensor) -> float:
        """How far codes (..., size) of a factor lie outside the range of the reference codes, at most; 0: inside."""
        low, high = (end[factor.start : factor.stop] for end in self.reference_range)
        stored = values[..., : len(low)].to(low)
        return float(torch.maximum(low - stored, stored - high).clamp_min(0).max()) if stored.numel() else 0.0

    def draw(self, factor: Factor, n: int, generator: Generator) -> Tensor:
        """`n` codes of the factor from the reference codes, float (n, size)."""
        return self.fitted.draw(factor, n, generator)

    def class_code(self, factor: Factor, name: str) -> Tensor:
        """Mean code of a class, float (size,); see `Fitted.class_code`."""
        return self.fitted.class_code(factor, name)

    # --- concepts --------------------------------------------------------------------------------------

    def white(self, codes: Tensor) -> Tensor:
        """The whitened leading axes (n, d) of the representation whose codes are (n, D) or (n, d).

        They are the representation itself, up to a fixed linear map.
        """
        network = self.fitted.network
        white: Tensor = network.blocks.inverse(codes[:, : network.shape.leading])[0]
        return white

    def probe_input(self, codes: Tensor) -> Tensor:
        """What linear probes of concepts read of each input, (n, d): `white`, at positions its mean over positions.

        Args:
            codes: float (n, D), or (n, P, D) at positions; their leading axes will do.
        """
        if codes.ndim == 2:
            return self.white(codes)
        whole: Tensor = self.white(codes.flatten(0, 1)).reshape(*codes.shape[:2], -1).mean(1)
        return whole

    def probe(self, name: str) -> LinearProbe:
        """The linear probe of a concept from `probe_input`, trained on the samples of the reference codes.

        Raises:
            ConceptError: there is no such concept, or it has no values to read.
        """
        if name not in self._probes:
            known = {c.name: (c.values, c.kind) for c in self.fitted.concepts if c.values is not None}
            if name not in known:
                raise ConceptError(
                    f"There is no concept {name!r} with values to read. {suggest(name, known)}"
                )
            means = self.fitted.position_means
            read = self.white(self.fitted.reference_codes) if means is None else means.white
            values, kind = known[name]
            self._probes[name] = fit_linear_probe(
                read.cpu().numpy(), values, kind=kind, groups=self.fitted.reference_groups, systems=UNIFORM
            )
        return self._probes[name]

    def hold(self, before: Tensor, after: Tensor, edited: Factor, concepts: Sequence[str]) -> Tensor:
        """`after`, moved outside the edited factor until the concepts' probed values are those of `before`.

        Args:
            before: Codes, float (n, D), or (n, P, D) at positions, where the mean over positions is held.
            after: Edited codes, likewise.
            edited: The factor that was edited.
            concepts: Names of the concepts.

        Returns:
            float, in the shape of `after`.

        Raises:
            ConceptError: there is no such concept, or it has no values to read.
        """
        axes = self.fitted.network.shape.leading
        # a probe that was trained on single positions, for want of means, is held at every position
        positions = () if self.fitted.position_means is None else after.shape[1:-1]
        weight = np.concatenate([_centred(self.probe(name)) for name in concepts])
        moved = hold_probe(
            before[..., :axes].reshape(-1, *positions, axes),
            after[..., :axes].reshape(-1, *positions, axes),
            edited=edited,
            weight=torch.from_numpy(weight).to(after),
            decode=self.probe_input,
        )
        return placed(after, slice(0, axes), moved.reshape(*after.shape[:-1], axes))


def _centred(probe: LinearProbe) -> FloatArray:
    """Weights (C, d) of the values to hold: of classes, logits relative to their mean."""
    return probe.weight - probe.weight.mean(0) if len(probe.classes) else probe.weight


def held_names(hold: Sequence[str]) -> tuple[str, ...]:
    """Names of the concepts to hold in an edit.

    Raises:
        EditError: one text in place of a list.
    """
    if isinstance(hold, str):
        raise EditError(f"Expected hold to be a list of concepts, found {hold!r}. Type hold=[{hold!r}].")
    return tuple(hold)


def placed(codes: Tensor, where: slice, values: Tensor) -> Tensor:
    """Copies of codes with some axes replaced.

    Args:
        codes: float (..., D); they do not change.
        where: The axes.
        values: float, broadcasts with (..., size); more axes in front give more copies.

    Returns:
        float (..., D), the leading axes broadcast.

    Raises:
        EditError: values of another size, or for other numbers of codes.

    >>> placed(torch.zeros(2, 3), slice(0, 1), torch.tensor([[1.0], [2.0]])).tolist()
    [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]
    >>> placed(torch.zeros(2, 3), slice(1, 3), torch.ones(5, 1, 2)).shape
    torch.Size([5, 2, 3])
    """
    size = codes[..., where].shape[-1]
    try:
        shape = torch.broadcast_shapes(values.shape, (*codes.shape[:-1], size))
    except RuntimeError:
        shape = torch.Size()
    if not shape or shape[-1] != size or shape[-codes.ndim : -1] != codes.shape[:-1]:
        raise EditError(
            f"Expected values that fit {size} axes of codes {tuple(codes.shape)}, found {tuple(values.shape)}."
        )
    changed = codes.expand(*shape[:-1], codes.shape[-1]).clone()
    changed[..., where] = values.to(codes)
    return changed
