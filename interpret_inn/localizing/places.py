"""The report's masks: where every factor acts in the first examples of an explanation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from interpret_inn.errors import InnError
from interpret_inn.explaining.explain import Locate
from interpret_inn.explaining.places import Place
from interpret_inn.explaining.view import View, thumbnail
from interpret_inn.explaining.wording import picture_of
from interpret_inn.localizing.localize import localize
from interpret_inn.localizing.maps import overlay
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.encoding import Prepared
from interpret_inn.translating.translator import Translator
from interpret_inn.types import LocalizerFunction, Masks, Picture, Score

LOCALIZED, SHOWN = 10, 6
"""Examples that are localized, so that reliability is of more than a few; and those that are shown."""
FACTORS = 12
"""Factors that are localized, the residual among them: those that the output answers to most."""
_EDGE = 96  # pixels along the longer side that smaller pictures are enlarged to


def places_finder(
    translator: Translator, chosen: tuple[LocalizerFunction, str] | None, *, seed: int
) -> Locate | None:
    """What finds the places of an explanation; None where nothing is to be localized.

    Args:
        translator: Of a fitted interpreter.
        chosen: A localizer and what to call it.
        seed: Of the measurement of reliability.
    """
    if chosen is None:
        return None
    localizer, title = chosen

    def locate(batch: Batch, view: View) -> tuple[Place, ...]:
        return report_places(translator, localizer, title, batch, view, seed=seed)

    return locate


def report_places(
    translator: Translator,
    localizer: LocalizerFunction,
    title: str,
    batch: Batch,
    view: View,
    *,
    seed: int = 0,
) -> tuple[Place, ...]:
    """Masks of every factor over the first examples; nothing where there are no images to point at.

    A factor that the localizer cannot work with gets a record without pictures that says why.

    Args:
        translator: Of a fitted interpreter.
        localizer: What gives the masks.
        title: Its name.
        batch: The examples.
        view: What was found of all inputs.
        seed: Of the measurement of reliability.
    """
    prepared = batch.prepared[:LOCALIZED].clone()
    if prepared.ndim != 4 and view.outputs.ndim != 4:
        return ()
    strength = {
        factor.name: float(view.redraw_effects[factor.name].change.mean()) for factor in translator.factors
    }
    chosen = set(sorted(strength, key=lambda name: -strength[name])[:FACTORS])
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
        found.append(_place(masks, _pictures(translator, prepared, masks, view)))
    return tuple(found)


def _place(masks: Masks, pictures: list[Picture]) -> Place:
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


def _pictures(translator: Translator, prepared: Tensor, masks: Masks, view: View) -> list[Picture]:
    """What the masks lie over, in their size; inputs that are no pictures as their first channel."""
    if masks.space == "output":
        return [picture_of(image, *view.value_range) for image in view.outputs[: len(prepared)]]
    shown = translator.backbone.preprocess.undo(prepared)
    if shown is not None:
        return list(shown)
    images = prepared[:, :1].detach().float().cpu()
    return [picture_of(image, float(image.min()), float(image.max())) for image in images]
