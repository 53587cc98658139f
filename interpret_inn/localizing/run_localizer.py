"""Runs localizers: checks their masks, measures their reliability, and puts them into the report."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, get_args

import torch
from torch import Tensor

from interpret_inn.backbones import primary
from interpret_inn.errors import InnError, LocalizerError, shown
from interpret_inn.explaining.explain import Locate
from interpret_inn.explaining.output_pictures import picture_of, thumbnail
from interpret_inn.explaining.records import Place
from interpret_inn.explaining.survey import Survey
from interpret_inn.localizing.factor_reader import prepared_inputs
from interpret_inn.localizing.mask_shapes import overlay
from interpret_inn.localizing.reliability import FLAT, WHOLE, reliability
from interpret_inn.translating.encoding import Prepared
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Localizer, LocalizerFunction, Masks, Picture, Score, Space

LOCALIZED, SHOWN = 10, 6
"""Examples that are localized, so that reliability is measured on more than a few; and examples that are shown."""
FACTORS = 12
"""Factors that are localized, the residual among them: those whose redraws change the output most."""
_EMPTY = 1e-6  # a mask that is nowhere higher shows nothing: pictures have 256 levels
_EDGE = 96  # pixels along the longer side that smaller pictures are enlarged to


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
        localizer: Gives the masks.
        title: The localizer's name in errors.
        seed: Of the measurement of reliability.

    Raises:
        LocalizerError: the localizer failed, or gave no masks of the images' size in [0, 1].
    """
    chosen = translator.factors[factor].name
    prepared = prepared_inputs(translator, inputs)
    # localizers may need gradients, which inference mode has not
    with torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext():
        given = _asked(localizer, title, translator, Prepared(prepared.clone()), chosen)
        found = _checked(_recorded(given, localizer, factor), prepared, title)
    _require_size(found, _image_size(translator, prepared, found), title)
    score, each = reliability(
        translator, Prepared(prepared), chosen, found.values, space=found.space, seed=seed
    )
    notes = (*found.notes, *_doubts(found, score, len(prepared)))
    return dataclasses.replace(
        found, factor=chosen, localizer=found.localizer or title, notes=notes, reliability=score, each=each
    )


def _asked(
    localizer: LocalizerFunction, title: str, translator: Translator, prepared: Prepared, factor: str
) -> Any:
    """What the localizer gives; errors of this library pass unchanged, and so does a want of memory.

    Raises:
        LocalizerError: it raised anything else, which is chained.
    """
    try:
        return localizer(translator, prepared, factor)
    except (InnError, torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        raise LocalizerError(
            f"The localizer {title!r} failed for the factor {factor!r}: {type(error).__name__}: {shown(error)}"
        ) from error


def _recorded(given: Any, localizer: LocalizerFunction, factor: str) -> Any:
    """A bare tensor as a record, with the localizer's own space and notes; anything else unchanged."""
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
    """Notes on masks that are empty, and on why reliability could not be measured."""
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


def places_finder(
    translator: Translator, chosen: tuple[LocalizerFunction, str] | None, *, seed: int
) -> Locate | None:
    """A function that finds the places of an explanation; None if nothing is to be localized.

    Args:
        translator: Of a fitted interpreter.
        chosen: A localizer and its name.
        seed: Of the measurement of reliability.
    """
    if chosen is None:
        return None
    localizer, title = chosen

    def locate(survey: Survey) -> tuple[Place, ...]:
        return report_places(translator, localizer, title, survey, seed=seed)

    return locate


def report_places(
    translator: Translator,
    localizer: LocalizerFunction,
    title: str,
    survey: Survey,
    *,
    seed: int = 0,
) -> tuple[Place, ...]:
    """Masks of every factor over the first examples; nothing if there are no images to point at.

    A factor that the localizer cannot work with gets a record without pictures that says why.

    Args:
        translator: Of a fitted interpreter.
        localizer: Gives the masks.
        title: Its name.
        survey: The survey of all inputs, with the examples.
        seed: Of the measurement of reliability.
    """
    prepared = survey.examples.prepared[:LOCALIZED].clone()
    if prepared.ndim != 4 and survey.outputs.ndim != 4:
        return ()
    chosen = set(survey.strongest(FACTORS))
    found = []
    for name in (name for name in translator.factors.names if name in chosen):
        try:
            masks = localize(translator, Prepared(prepared), name, localizer, title, seed=seed)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # one localizer's fault must not cost the whole report
            said = str(error) if isinstance(error, InnError) else f"{type(error).__name__}: {error}"
            found.append(Place(name, title, "input", Score(math.nan), math.nan, notes=(said,)))
            continue
        found.append(_place(masks, _pictures(translator, prepared, masks, survey)))
    return tuple(found)


def _place(masks: Masks, pictures: list[Picture]) -> Place:
    """The record of a factor's masks over these pictures."""
    shown = tuple(
        _shown(picture, mask) for picture, mask in zip(pictures[:SHOWN], masks.values[:SHOWN], strict=True)
    )
    return Place(
        factor=masks.factor,
        localizer=masks.localizer,
        space=masks.space,
        reliability=masks.reliability or Score(math.nan),
        area=float(masks.area.mean()),
        figures=masks.figures,
        notes=masks.notes,
        pictures=shown,
    )


def _shown(picture: Picture, mask: Tensor) -> Picture:
    """An overlay; small pictures are enlarged first, so that the line around the mask stays thin."""
    times = max(1, _EDGE // max(picture.shape[:2]))
    large = picture.repeat(times, 0).repeat(times, 1)
    return thumbnail(overlay(large, mask.repeat_interleave(times, -2).repeat_interleave(times, -1)))


def _pictures(translator: Translator, prepared: Tensor, masks: Masks, survey: Survey) -> list[Picture]:
    """The images that the masks lie over; inputs that are no pictures are shown by their first channel."""
    if masks.space == "output":
        return [picture_of(image, *survey.value_range) for image in survey.outputs[: len(prepared)]]
    shown = translator.backbone.preprocess.undo(prepared)
    if shown is not None:
        return list(shown)
    images = prepared[:, :1].detach().float().cpu()
    return [picture_of(image, float(image.min()), float(image.max())) for image in images]
