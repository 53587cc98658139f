"""The contract of a concept source's optional members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interpret_inn.errors import PluginError
from interpret_inn.translating.settings import requested_settings
from interpret_inn.types import ConceptSource, Gallery
from interpret_inn.types.completing import wrong_members
from interpret_inn.types.counterfactuals import counterfactual_faults
from interpret_inn.types.sample_weights import weight_faults


def extras(source: ConceptSource) -> Iterator[str]:
    """What is wrong with optional members as they are before `prepare`."""
    yield from wrong_members(source)
    valued = [concept.name for concept in source.concepts if concept.values is not None]
    if source.ordered and valued:
        yield f"Is ordered, which only unlabelled concepts can be, and yet {valued} have values."
    try:
        requested_settings([source])
    except PluginError as error:
        yield str(error)
    key = source.key
    if isinstance(key, str) and source.key != key:
        yield "Expected a key that stays the same, found another at the second look, so no fit could be resumed."


def illustrations(source: ConceptSource) -> Iterator[str]:
    """What is wrong with the galleries that a source shows of its pairs."""
    for gallery in source.illustrations():
        if not isinstance(gallery, Gallery):
            yield f"Expected illustrations() to give Gallery records, found {type(gallery).__name__}."
            continue
        texts = (gallery.title, gallery.caption, gallery.group)
        if not all(isinstance(text, str) for text in texts) or not gallery.title:
            yield f"Expected a title, a caption and a group in plain text, found {texts!r:.120}."
        widths = {len(row) for row in gallery.cells}
        if len(widths) != 1 or 0 in widths:
            yield f"Expected rows of one length in {gallery.title!r}, found {sorted(widths) or 'no row'}."
            continue
        sides = {"rows": (gallery.rows, len(gallery.cells)), "columns": (gallery.columns, max(widths))}
        for name, (heads, wanted) in sides.items():
            if len(heads) not in (0, wanted):
                yield f"Expected no heads or {wanted} of the {name} of {gallery.title!r}, found {len(heads)}."
        for cell in [*gallery.rows, *gallery.columns, *(cell for row in gallery.cells for cell in row)]:
            if not isinstance(cell, str) and not _is_picture(cell):
                yield f"Expected texts or uint8 (H, W, 3) in {gallery.title!r}, found {_described(cell)}."
                break


def sample_weights(source: ConceptSource, among: Tensor) -> Iterator[str]:
    """What is wrong with the weights that a source gives its samples."""
    yield from weight_faults(source.sample_weights(among), len(among))


def counterfactual_pairs(source: ConceptSource, among: Tensor) -> Iterator[str]:
    """What is wrong with the pairs that a source says differ in one concept alone."""
    kept = among.clone()
    yield from counterfactual_faults(source.counterfactual_pairs(among), source.concepts, kept)
    if not torch.equal(among, kept):
        yield "Changes `among` in counterfactual_pairs(among), which belongs to the caller."


def _is_picture(cell: Any) -> bool:
    whole = isinstance(cell, np.ndarray) and cell.dtype == np.uint8
    return whole and cell.ndim == 3 and cell.shape[2] == 3 and cell.size > 0


def _described(cell: Any) -> str:
    return f"{cell.dtype} {cell.shape}" if isinstance(cell, np.ndarray) else type(cell).__name__
