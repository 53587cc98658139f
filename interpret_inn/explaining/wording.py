"""Outputs and probes in a few words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from interpret_inn.explaining.records import Outcome
from interpret_inn.explaining.redraws import OutputKind, Target
from interpret_inn.translating.translator import Translator
from interpret_inn.types.concepts import class_name
from interpret_inn.types.numbers import TINY

_TOP = 3


def outcomes(
    outputs: Tensor, *, kind: OutputKind, names: Sequence[str] | None, target: Target = None
) -> list[Outcome]:
    """What the model says of each input, outputs (B, ...): its top classes, or a number."""
    if kind == "classes":
        values, classes = outputs.double().softmax(1).topk(min(_TOP, outputs.shape[1]))
        return [
            Outcome(tuple(class_name(c, names) for c in row), tuple(map(float, shares)))
            for row, shares in zip(classes.tolist(), values.tolist(), strict=True)
        ]
    if callable(target):
        return [Outcome(("score",), (float(v),)) for v in torch.as_tensor(target(outputs)).flatten()]
    if kind == "image":
        return [Outcome((), ()) for _ in outputs]
    column = outputs.reshape(len(outputs), -1)[:, target or 0]
    return [Outcome(("output",), (float(v),)) for v in column]


def readings(translator: Translator, name: str, codes: Tensor) -> list[str]:
    """What the linear probe says of a concept, as text, for codes (n, d); empty for what has none."""
    concept = next((c for c in translator.fitted.concepts if c.name == name and c.values is not None), None)
    if concept is None:
        return [""] * len(codes)
    read = translator.probe(name)
    values = read.predict(translator.white(codes.to(translator.fitted.reference_codes)).cpu().numpy())
    return [concept.text(value) for value in values]


def picture_of(image: Tensor, low: float, high: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """An output image (C, H, W) as a picture, uint8 (H, W, 3): `low` becomes black and `high` white."""
    scaled = ((image.float() - low) / max(high - low, TINY)).clamp(0, 1)
    colours = scaled[:3] if len(scaled) >= 3 else scaled[:1].expand(3, -1, -1)
    return (colours.permute(1, 2, 0) * 255).round().byte().numpy()
