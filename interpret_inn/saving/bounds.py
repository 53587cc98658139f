"""Whether sizes that an artefact states are those of its tensors, before anything of these sizes is built."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from interpret_inn.flows import ConditionalShape, FlowShape, StepShape

DEEPEST = 64
"""Lists and mappings within each other in the JSON files; records of this library have fewer than ten."""
LARGEST = 2**24
"""Numbers in one tensor whose shape is a stored option, such as the latents of a generator: 64 MiB in float32."""

_FLOW = "flow."


def require_stored(shape: FlowShape, tensors: Mapping[str, Tensor]) -> None:
    """Raises unless a flow of this shape has exactly the stored tensors.

    Raises:
        ValueError: the tensors have another shape, or this one holds no sizes.
    """
    found = {name: tuple(value.shape) for name, value in tensors.items() if name.startswith(_FLOW)}
    inner = shape.conditional
    sizes = [shape.width, shape.leading, shape.blocks, shape.hidden, shape.depth, shape.outer]
    if inner is not None:
        sizes += [*inner.sizes, *(number for step in inner.steps for number in _numbers_of(step))]
    if any(type(size) is not int or size < 0 for size in sizes):
        raise ValueError(f"expected whole numbers from 0 for the flow, found {shape!r:.200}")
    if inner is not None:
        _require_groups(shape, inner)
        # settings of coupling blocks, of which no tensor tells: only those are written that stand for none
        if shape != FlowShape(shape.width, shape.leading, 0, conditional=inner, outer=shape.outer):
            raise ValueError(f"expected no blocks in a conditional flow, found {shape!r:.200}")
    # Counted first, as a list of what a flow of a million blocks holds would itself be too long: 5 of the whitening, 1
    # of the rotation, and for each block 2 orders and, in 2 conditioners, weight and bias of `depth + 1` layers.
    count = 6 + shape.blocks * (2 + 4 * (shape.depth + 1)) if inner is None else len(found)
    if len(found) != count or found != dict(_expected(shape)):
        raise ValueError(f"expected the tensors of {shape!r:.200}, found {len(found)} others")


def _numbers_of(step: StepShape) -> Iterator[int]:
    """All numbers of a step's shape."""
    yield from (step.moved, step.centres, *step.given)
    for group, anchors in step.gates:
        yield from (group, anchors)


def _require_groups(shape: FlowShape, inner: ConditionalShape) -> None:
    """Raises unless the groups are all leading axes, and each step depends on groups that are final by then.

    Sides of length 0 are refused, too: a tensor that has one takes no room in the file, however long its other side.

    Raises:
        ValueError: they do not.
    """
    groups, waiting = set(range(len(inner.sizes))), {step.moved for step in inner.steps}
    fits = sum(inner.sizes) == shape.leading and min(inner.sizes, default=0) > 0
    fits = fits and len(waiting) == len(inner.steps) and (not shape.outer or len(groups) > 1)
    for step in inner.steps:
        told = {*step.given, *(group for group, _ in step.gates)}
        fits = fits and told.isdisjoint(waiting) and {step.moved, *told} <= groups
        fits = fits and bool(step.given) and all(anchors for _, anchors in step.gates)
        waiting.discard(step.moved)
    if not fits:
        raise ValueError(f"expected steps between groups of {shape.leading} axes, found {inner!r:.200}")


def _expected(shape: FlowShape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of all tensors of a flow."""
    width, leading = shape.width, shape.leading
    for name, sides in {
        "mean": (width,), "reflectors": (width, leading), "scales": (width,), "log_scale": (), "noise": (),
    }.items():  # fmt: skip
        yield f"{_FLOW}whitening.{name}", sides
    if shape.conditional is None:
        yield from _expected_of_blocks(shape)
        return
    inner, blocks = shape.conditional, f"{_FLOW}blocks._transforms."
    square = (leading, leading)
    for name, sides in {"mean": (leading,), "matrix": square, "back": square, "log_scale": ()}.items():
        yield f"{blocks}0.{name}", sides
    yield f"{blocks}1.matrix", square
    for number, step in enumerate(inner.steps):
        yield from _expected_of_step(f"{blocks}2.steps.{number}.", step, inner.sizes)
    if shape.outer:
        yield from _expected_of_mean(f"{_FLOW}outer.", shape.outer, sum(inner.sizes[:-1]), width - leading)


def _expected_of_step(
    place: str, step: StepShape, sizes: tuple[int, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    axes = sizes[step.moved]
    if step.centres:
        inputs = sum(sizes[group] for group in step.given)
        yield from _expected_of_mean(f"{place}mean.", step.centres, inputs, axes)
    for number, (group, anchors) in enumerate(step.gates):
        here = f"{place}scales.{number}."
        yield f"{here}factors", (anchors, axes, axes)
        yield from ((f"{here}gate.slopes", (sizes[group], anchors)), (f"{here}gate.offsets", (anchors,)))


def _expected_of_mean(
    place: str, centres: int, inputs: int, axes: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from ((f"{place}centres", (centres, inputs)), (f"{place}weights", (centres, axes)))
    yield from ((f"{place}sharpness", ()), (f"{place}scales", (inputs,)))


def _expected_of_blocks(shape: FlowShape) -> Iterator[tuple[str, tuple[int, ...]]]:
    leading = shape.leading
    yield f"{_FLOW}blocks._transforms.0.matrix", (leading, leading)
    half, other = leading // 2, leading - leading // 2
    for block in range(1, shape.blocks + 1):
        place = f"{_FLOW}blocks._transforms.{block}."
        yield from ((f"{place}order", (leading,)), (f"{place}back", (leading,)))
        for conditioner, inputs, outputs in (("second", half, other), ("first", other, half)):
            widths = [inputs, *[shape.hidden] * shape.depth, 2 * outputs]
            for layer in range(shape.depth + 1):
                here = f"{place}{conditioner}.layers.{layer}."
                yield f"{here}weight", (widths[layer + 1], widths[layer])
                yield f"{here}bias", (widths[layer + 1],)


def require_shallow(value: Any) -> Any:
    """The value itself, if recursion can go through all that lies in it.

    Raises:
        ValueError: lists and mappings lie too deep within each other.
    """
    inside = [value]
    for _ in range(DEEPEST):
        inside = [
            item
            for one in inside
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not inside:
            return value
    raise ValueError(f"lists or mappings more than {DEEPEST} deep")


def is_too_large(name: str, value: Any) -> bool:
    """Whether an option whose name ends with "shape" or "size" stands for more than `LARGEST` numbers."""
    if not name.endswith(("shape", "size")):
        return False
    sides = value if isinstance(value, list) else [value]
    numbers = [min(abs(side), 2 * LARGEST) for side in sides if isinstance(side, int | float)]
    return math.prod(float(max(number, 1)) for number in numbers) > LARGEST
