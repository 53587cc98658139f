"""Groups of axes, each made independent of the groups before it: moved by its mean given these, and scaled.

Every group is an affine function of itself given the codes of others, so the whole is exactly invertible whatever these
functions are. Nothing is trained: means and scales have closed forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from nflows.transforms import Transform
from torch import Tensor, nn

from interpret_inn.flows.gated_scale import Gate, GatedScale
from interpret_inn.flows.kernel_mean import KernelMean


@dataclass(frozen=True)
class StepShape:
    """How one group depends on others.

    Attributes:
        moved: The group that is moved and scaled.
        given: The groups that its mean is a function of; they come earlier.
        centres: Centres of that function; 0: the mean is 0.
        gates: For each scale, in their order: the group that it is a function of, and the number of its anchors.
    """

    moved: int
    given: tuple[int, ...]
    centres: int
    gates: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ConditionalShape:
    """What is needed to build the transform before its numbers are loaded.

    Attributes:
        sizes: Axes of each group, in the order of the code.
        steps: In the order in which groups are made independent; groups without a step stay.
    """

    sizes: tuple[int, ...]
    steps: tuple[StepShape, ...]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> ConditionalShape:
        """The shape that `dataclasses.asdict` made a mapping of."""
        steps = tuple(
            StepShape(
                step["moved"], tuple(step["given"]), step["centres"], tuple((a, b) for a, b in step["gates"])
            )
            for step in stored["steps"]
        )
        return cls(tuple(stored["sizes"]), steps)


class Step(nn.Module):
    """One group's mean and scales.

    Args:
        shape: Of the step.
        sizes: Axes of each group.
    """

    def __init__(self, shape: StepShape, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        axes, inputs = sizes[shape.moved], sum(sizes[group] for group in shape.given)
        self.mean = KernelMean(shape.centres, inputs, axes) if shape.centres else None
        self.scales = nn.ModuleList(
            GatedScale(Gate(sizes[group], anchors), axes) for group, anchors in shape.gates
        )

    def forward(self, rows: Tensor, codes: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Makes rows (B, r) of the group independent of the codes of the given groups; also log|det| (B,)."""
        moved = rows.new_zeros(len(rows))
        rows = rows - self._mean(codes, rows)
        for (group, _), scale in self._gated():
            rows, scaled = scale(rows, codes[group])
            moved = moved + scaled
        return rows, moved

    def inverse(self, rows: Tensor, codes: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Undoes it."""
        moved = rows.new_zeros(len(rows))
        for (group, _), scale in reversed(self._gated()):
            rows, scaled = scale.inverse(rows, codes[group])
            moved = moved + scaled
        return rows + self._mean(codes, rows), moved

    def _mean(self, codes: list[Tensor], rows: Tensor) -> Tensor:
        if self.mean is None:
            return torch.zeros_like(rows)
        found: Tensor = self.mean(torch.cat([codes[group] for group in self.shape.given], 1))
        return found

    def _gated(self) -> list[tuple[tuple[int, int], GatedScale]]:
        """The scales with what they are functions of."""
        return list(zip(self.shape.gates, cast(Iterable[GatedScale], self.scales), strict=True))


class Conditional(Transform):
    """All steps, one after the other, in double precision: scales may magnify rounding in single precision.

    Args:
        shape: Of the transform.
    """

    def __init__(self, shape: ConditionalShape) -> None:
        super().__init__()
        self.shape = shape
        self.steps = nn.ModuleList(Step(step, shape.sizes) for step in shape.steps)

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Maps (B, d); returns the result and log|det| (B,)."""
        codes = list(inputs.double().split(self.shape.sizes, 1))
        total = codes[0].new_zeros(len(inputs))
        for step in cast(Iterable[Step], self.steps):
            codes[step.shape.moved], moved = step(codes[step.shape.moved], codes)
            total = total + moved
        return torch.cat(codes, 1).to(inputs), total.to(inputs)

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Undoes it: (B, d) to (B, d) and log|det| of the inverse (B,)."""
        codes = list(inputs.double().split(self.shape.sizes, 1))
        rows, total = list(codes), codes[0].new_zeros(len(inputs))
        for step in cast(Iterable[Step], self.steps):
            rows[step.shape.moved], moved = step.inverse(codes[step.shape.moved], codes)
            total = total + moved
        return torch.cat(rows, 1).to(inputs), total.to(inputs)
