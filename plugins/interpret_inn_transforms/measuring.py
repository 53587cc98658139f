"""How much a layer is moved by each transform, what it knows of it, and what the output does with that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn import Interpreter
from interpret_inn.backbones import primary
from interpret_inn.data import samples as read_samples
from interpret_inn.errors import ConceptError
from interpret_inn.types import IntArray
from interpret_inn.types.numbers import TINY
from interpret_inn_transforms.known_transforms import TRANSFORMS, Transform, named_transforms
from interpret_inn_transforms.variants import TransformedSamples

_BATCH = 64  # pictures in one forward


@dataclass(frozen=True)
class Nuisance:
    """One transform at one site.

    Attributes:
        name: Of the transform and of its factor.
        axes: Axes of the factor.
        share: How far the transform moves the layer, squared, in units of how far two pictures lie apart: 0 not at
            all, 1 as far as to another picture.
        captured: Share of that move that happens in the factor, of the axes in the blocks, in [0, 1].
        known: How well the amount can be read from the whole layer, on the test split: R², accuracy for done and not
            done; NaN if it cannot be measured.
        factor_knows: The same from the factor alone.
        factor_response: Change of the output when the factor alone takes the code that it has in the transformed
            picture.
        response: The same scaled to the whole move, `factor_response / captured`: what the output would do if all that
            the transform does to the layer were like the part that the factor holds.
        direct: Change of the output for the transformed picture itself.
    """

    name: str
    axes: int
    share: float
    captured: float
    known: float
    factor_knows: float
    factor_response: float
    response: float
    direct: float


@torch.no_grad()
def nuisances(
    interpreter: Interpreter,
    images: Any,
    *,
    transforms: Any = None,
    strength: float = 1.0,
    variants: int = 2,
    seed: int = 0,
) -> tuple[Nuisance, ...]:
    """Measures every transform that the interpreter was fitted to.

    The response is the change by the edit `swap(name, transformed pictures)`: the factor alone takes the code that it
    has in the transformed picture, everything else keeps the code of the picture as it is. Transforms
    overlap in a layer (blur and noise move much the same axes) while factors do not, so that a factor holds a part of
    what its transform does. `response` is scaled to all of it, as KL divergences and mean squares grow with the square
    of a small move.

    Changes are KL divergences to the changed prediction in nats for outputs that are logits (B, C), and mean squared
    differences for others.

    Args:
        interpreter: Fitted with the source "transforms".
        images: Pictures that it was not fitted on.
        transforms: As in the fit; None: those of its factors that are known by name.
        strength: As in the fit.
        variants: Amounts drawn for each picture and transform.
        seed: Of the amounts.

    Returns:
        In the order of the factors.

    Raises:
        ConceptError: none of the factors is a transform, or a transform has no factor.
        DataError: images that are no pictures.
    """
    named = _of_fit(interpreter) if transforms is None else named_transforms(transforms)
    made = TransformedSamples(read_samples(images), named, variants=variants, strength=strength, seed=seed)
    asis, changed, own = _places(made, len(named))
    before = _looked_at(interpreter, made.take(asis.tolist()))
    return tuple(
        _measured(
            interpreter, name, before.of(mine), made.take(asis[mine].tolist()), made.take(places.tolist())
        )
        for name, places, mine in zip(named, changed, own, strict=True)
    )


class _Layer(NamedTuple):
    """What a layer carries for some pictures, and what the model makes of it.

    Attributes:
        codes: (B, D), or (B, P, D) at positions.
        rows: The representation, (B, …) flattened.
        outputs: (B, …).
        apart: How far the rows of two of the pictures that were read lie apart on average, squared.
    """

    codes: Tensor
    rows: Tensor
    outputs: Tensor
    apart: float

    def of(self, indices: IntArray) -> _Layer:
        """Those of some of the pictures; `apart` stays the same."""
        return _Layer(self.codes[indices], self.rows[indices], self.outputs[indices], self.apart)


def _measured(interpreter: Interpreter, name: str, before: _Layer, asis: Any, changed: Any) -> Nuisance:
    """The figures of one transform.

    Args:
        interpreter: Fitted with the source "transforms".
        name: Of the transform and of its factor.
        before: Of the pictures `asis`.
        asis: Pictures as they are, one for each of `changed`.
        changed: Their variants.
    """
    factor, leading = interpreter.factors[name], interpreter.fitted.network.shape.leading
    after = _looked_at(interpreter, changed)
    step = (after.codes - before.codes)[..., :leading].square().flatten(0, -2).sum(0)
    captured = float(step[factor.slice].sum() / step.sum().clamp_min(TINY))
    swapped = before.codes.clone()
    swapped[..., factor.slice] = after.codes[..., factor.slice]
    answer = float(_change(before.outputs, _rerun(interpreter, asis, swapped)).mean())
    leakage = interpreter.evaluation.leakage
    known = name in leakage.scores
    return Nuisance(
        name=name,
        axes=factor.size,
        share=float((after.rows - before.rows).square().sum(1).mean()) / before.apart,
        captured=captured,
        known=leakage.representation[name].linear.value if known else float("nan"),
        factor_knows=leakage.scores[name][name].linear.value if known else float("nan"),
        factor_response=answer,
        response=answer / max(captured, TINY),
        direct=float(_change(before.outputs, after.outputs).mean()),
    )


@torch.no_grad()
def direct_changes(
    interpreter: Interpreter,
    images: Any,
    *,
    transforms: Any = tuple(TRANSFORMS),
    strength: float = 1.0,
    variants: int = 2,
    seed: int = 0,
) -> Mapping[str, float]:
    """The output's mean change under each transform itself, by name; nothing has to be fitted for it.

    Args:
        interpreter: Any, fitted or not.
        images: Pictures.
        transforms: Names or functions, see `build`.
        strength: Of the transforms.
        variants: Amounts drawn for each picture and transform.
        seed: Of the amounts.

    Returns:
        KL divergences in nats for logits (B, C), mean squared differences for other outputs.
    """
    named = named_transforms(transforms)
    made = TransformedSamples(read_samples(images), named, variants=variants, strength=strength, seed=seed)
    asis, changed, own = _places(made, len(named))
    outputs = _outputs(interpreter.run(made.take(asis.tolist())))
    return {
        name: float(_change(outputs[mine], _outputs(interpreter.run(made.take(places.tolist())))).mean())
        for name, places, mine in zip(named, changed, own, strict=True)
    }


def _of_fit(interpreter: Interpreter) -> dict[str, Transform]:
    found = {name: TRANSFORMS[name] for name in interpreter.factors.names if name in TRANSFORMS}
    if not found:
        raise ConceptError(
            f"Expected factors that are transforms, found {list(interpreter.factors.names)}. "
            'Fit with fit("transforms", data=images), or type transforms={"name": function}.'
        )
    return found


def _places(made: TransformedSamples, count: int) -> tuple[IntArray, list[IntArray], list[IntArray]]:
    """Samples as they are; for each transform its samples; and for each of these which of the first it is of."""
    asis = np.flatnonzero(made.transform == -1)
    changed = [np.flatnonzero(made.transform == number) for number in range(count)]
    return asis, changed, [made.source[places] for places in changed]


def _outputs(outputs: Any) -> Tensor:
    found: Tensor = primary(outputs)
    return found.detach().cpu().double()


def _looked_at(interpreter: Interpreter, images: Any) -> _Layer:
    """Codes, rows and outputs of pictures."""
    backbone, translator, found = interpreter.backbone, interpreter.translator, []
    with backbone.session():
        for batch in read_samples(images).batches(_BATCH):
            seen = translator.batch(backbone.prepare(batch), outputs=True)
            rows = interpreter.fitted.layout.to_rows(seen.z)[0].reshape(len(seen), -1).cpu().double()
            found.append((seen.codes.cpu(), rows, _outputs(seen.outputs())))
    codes, rows, outputs = (torch.cat(parts) for parts in zip(*found, strict=True))
    apart = max(2 * float(rows.var(0, correction=0).sum()), TINY)
    return _Layer(codes, rows, outputs, apart)


def _rerun(interpreter: Interpreter, images: Any, codes: Tensor) -> Tensor:
    """Outputs for pictures whose codes were replaced."""
    backbone, found, done = interpreter.backbone, [], 0
    with backbone.session():
        for batch in read_samples(images).batches(_BATCH):
            part = codes[done : done + len(batch)]
            found.append(_outputs(interpreter.translator.outputs_of(backbone.prepare(batch), part)))
            done += len(batch)
    return torch.cat(found)


def _change(before: Tensor, after: Tensor) -> Tensor:
    """How far outputs (B, …) changed, float64 (B,)."""
    if before.ndim == 2 and before.shape[1] > 1:
        one, other = before.log_softmax(1), after.log_softmax(1)
        return (one.exp() * (one - other)).sum(1)
    return (after - before).reshape(len(before), -1).square().mean(1)
