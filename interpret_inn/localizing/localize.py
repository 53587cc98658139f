"""Runs a localizer, checks what it gave, and measures how far it can be trusted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, get_args

import torch
from torch import Tensor

from interpret_inn.backbones import primary
from interpret_inn.errors import LocalizerError
from interpret_inn.localizing.inputs import prepared_inputs
from interpret_inn.localizing.reliability import FLAT, WHOLE, reliability
from interpret_inn.translating.encoding import Prepared
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Localizer, LocalizerFunction, Masks, Score, Space

_EMPTY = 1e-6  # a mask that is nowhere higher shows nothing: no picture has so many levels


def localize(
    translator: Translator,
    inputs: Any,
    factor: str,
    localizer: LocalizerFunction,
    title: str,
    *,
    seed: int = 0,
) -> Masks:
    """Masks of a factor with their reliability; see `Interpreter.localize`.

    Args:
        translator: Of a fitted interpreter.
        inputs: `B` inputs.
        factor: Name of the factor.
        localizer: What gives the masks.
        title: What errors call it.
        seed: Of the measurement of reliability.

    Raises:
        LocalizerError: it gave no masks of the images' size in [0, 1].
    """
    chosen = translator.factors[factor].name
    prepared = prepared_inputs(translator, inputs)
    # gradients cannot be had in inference mode, whoever asks for them
    with torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext():
        given = localizer(translator, Prepared(prepared.clone()), chosen)
        found = _checked(_recorded(given, localizer, factor), prepared, title)
    _require_size(found, _image_size(translator, prepared, found), title)
    score, each = reliability(
        translator, Prepared(prepared), chosen, found.values, space=found.space, seed=seed
    )
    notes = (*found.notes, *_doubts(found, score, len(prepared)))
    return dataclasses.replace(
        found, factor=chosen, localizer=found.localizer or title, notes=notes, reliability=score, each=each
    )


def _recorded(given: Any, localizer: LocalizerFunction, factor: str) -> Any:
    """A bare tensor with what its localizer says of all masks; anything else as it is."""
    if not isinstance(given, Tensor):
        return given
    space, notes = (getattr(localizer, name, getattr(Localizer, name)) for name in ("space", "notes"))
    return Masks(factor, given, space, notes=notes)


def _checked(found: Any, prepared: Tensor, title: str) -> Masks:
    if not isinstance(found, Masks) or not isinstance(found.values, Tensor):
        raise LocalizerError(
            f"Expected the localizer {title!r} to give masks, a tensor (B, 1, H, W) or Masks, found "
            f"{type(getattr(found, 'values', found)).__name__}."
        )
    _require_record(found, title)
    if not found.values.is_floating_point() or found.values.layout != torch.strided or found.values.is_meta:
        what = "on no device" if found.values.is_meta else f"of {found.values.dtype}, {found.values.layout}"
        raise LocalizerError(
            f"Expected the localizer {title!r} to give masks of floats that are not sparse, found a tensor {what}. "
            "Type .float(), or .to_dense()."
        )
    values = found.values.detach().float().cpu()
    if found.space not in get_args(Space):
        raise LocalizerError(
            f'Expected the localizer {title!r} to say space="input" or space="output", found {found.space!r}.'
        )
    if values.ndim != 4 or values.shape[1] != 1 or len(values) != len(prepared):
        raise LocalizerError(
            f"Expected the localizer {title!r} to give masks ({len(prepared)}, 1, H, W), one for each input, "
            f"found {tuple(values.shape)}."
        )
    if not bool(torch.isfinite(values).all()) or float(values.min()) < 0 or float(values.max()) > 1:
        low, high = float(values.min()), float(values.max())
        raise LocalizerError(
            f"Expected the localizer {title!r} to give masks in [0, 1], found {low:.3g} to {high:.3g}. "
            "heat_to_masks of interpret_inn.localizing scales heat."
        )
    return dataclasses.replace(found, values=values)


def _require_record(found: Masks, title: str) -> None:
    strange = isinstance(found.notes, str) or not isinstance(found.notes, Sequence)
    if strange or not all(isinstance(note, str) for note in found.notes):
        raise LocalizerError(
            f"Expected the notes of the localizer {title!r} to be a sequence of sentences, found {found.notes!r:.60}."
        )
    figures = found.figures
    if not isinstance(figures, Mapping) or not all(isinstance(one, Score) for one in figures.values()):
        raise LocalizerError(
            f"Expected the figures of the localizer {title!r} to be Scores by name, found {figures!r:.60}."
        )


def _image_size(translator: Translator, prepared: Tensor, found: Masks) -> tuple[int, ...]:
    images = prepared
    if found.space == "output":
        images = primary(translator.backbone.outputs(prepared[:1]))
    if images.ndim != 4:
        raise LocalizerError(
            f"Expected images (B, C, H, W) as the model's {found.space}s, found {tuple(images.shape)}: there is no "
            "place in them for masks to point at."
        )
    return tuple(images.shape[2:])


def _require_size(found: Masks, size: tuple[int, ...], title: str) -> None:
    if tuple(found.values.shape[2:]) != size:
        raise LocalizerError(
            f"Expected the localizer {title!r} to give masks of the size of the model's {found.space}s, {size}, found "
            f"{tuple(found.values.shape[2:])}. fit_size of interpret_inn.localizing scales maps."
        )


def _doubts(found: Masks, score: Score, count: int) -> list[str]:
    empty = int((found.values.amax((1, 2, 3)) <= _EMPTY).sum())
    said = any("empty" in note for note in found.notes)
    if empty == count:
        text = f"The masks of {found.factor} are empty: this localizer finds nothing that it does."
        return [] if said else [text]
    doubts = [f"{empty} of {count} masks are empty."] if empty and not said else []
    if math.isnan(score.value):
        if count == 1 and found.space == "input":
            why = "one input alone has no other to move into; pass two or more"
        elif float(found.area.min()) >= WHOLE:
            why = "they cover the whole image, or nearly so"
        elif bool((found.values.amax((1, 2, 3)) - found.values.amin((1, 2, 3)) <= FLAT).all()):
            why = "they are the same everywhere"
        else:
            why = "nothing changes here that could be measured, or parts at random places do as well as any"
        doubts.append(f"How far these masks can be trusted is not known: {why}.")
    return doubts
