"""The contract of what a concept source may have beside what it must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Generator, nn

from interpret_inn.errors import PluginError
from interpret_inn.testing.views import ToyView
from interpret_inn.translating.settings import wished_settings
from interpret_inn.types import Gallery

_SEEN_AXES = 64


def extras(source: Any) -> Iterator[str]:
    """What is wrong with `modules`, `extra_loss`, `notes`, `ordered`, `key`, `settings` and `sizes`."""
    modules = getattr(source, "modules", None)
    loss = getattr(source, "extra_loss", None)
    if loss is not None and not callable(loss):
        yield f"Expected extra_loss to be callable, found {type(loss).__name__}."
    if modules is not None and loss is None:
        yield "Has modules() but no extra_loss that would train them."
    notes = getattr(source, "notes", ())
    if (
        not isinstance(notes, Sequence)
        or isinstance(notes, str)
        or not all(isinstance(n, str) for n in notes)
    ):
        yield f"Expected notes to be a sequence of sentences, found {notes!r:.80}."
    valued = [concept.name for concept in source.concepts if concept.values is not None]
    if getattr(source, "ordered", False) and valued:
        yield f"Is ordered, which only unlabelled concepts can be, and yet {valued} have values."
    try:
        wished_settings([source])
    except PluginError as error:
        yield str(error)
    yield from _key(source)
    yield from _sizes(source)


def trained_modules(source: Any) -> Iterator[str]:
    """What is wrong with `modules()`, which a fit asks for after the source has seen and turned."""
    modules = getattr(source, "modules", None)
    if modules is not None and not isinstance(modules(), nn.Module):
        yield f"Expected modules() to give an nn.Module, found {type(modules()).__name__}."


def _key(source: Any) -> Iterator[str]:
    if not hasattr(source, "key"):
        return
    key = source.key
    if not isinstance(key, str):
        yield f"Expected key to be a string, found {type(key).__name__}."
    elif source.key != key:
        yield "Expected a key that stays the same, found another at the second look, so no fit could be resumed."


def _sizes(source: Any) -> Iterator[str]:
    sizes = getattr(source, "sizes", None)
    if sizes is None:
        return
    if not isinstance(sizes, Mapping):
        yield f"Expected sizes to be a mapping from concepts to numbers of axes, found {type(sizes).__name__}."
        return
    strange = sorted(map(str, set(sizes) - {concept.name for concept in source.concepts}))
    if strange:
        yield f"Expected sizes of its own concepts, found some of {strange}."
    for name, size in sizes.items():
        if not isinstance(size, Integral) or isinstance(size, bool) or int(size) < 1:
            yield f"Expected a whole number of axes, at least 1, for {name!r}, found {size!r}."


def shown_representation(source: Any, *, seed: int) -> Iterator[str]:
    """Calls `see` as a fit does, and says what is wrong with how it looks."""
    count = 7 * len(source.samples) // 10
    white = torch.randn(count, _SEEN_AXES, generator=Generator().manual_seed(seed))
    variances = torch.linspace(2, 0, _SEEN_AXES).exp()
    kept = white.clone(), variances.clone()
    if hasattr(source, "watch"):
        source.watch(ToyView(_SEEN_AXES, seed=seed))
    source.see(white, variances)
    if not (torch.equal(white, kept[0]) and torch.equal(variances, kept[1])):
        yield "Changes what it sees, which belongs to the fit."
    if len(list(source.concepts)) >= _SEEN_AXES:
        yield f"Wants {len(list(source.concepts))} factors of {_SEEN_AXES} axes, of which the residual needs one."


def heard_answers(source: Any, *, seed: int) -> Iterator[str]:
    """Calls `listen` and then `see` as a fit does, and says what is wrong with how the source listens."""
    generator = Generator().manual_seed(seed)
    pulled = torch.randn(2 * _SEEN_AXES, _SEEN_AXES, generator=generator, dtype=torch.float64)
    matrix = pulled.T @ pulled
    kept = matrix.clone()
    source.listen(lambda: matrix)
    if hasattr(source, "see"):
        yield from (f"After listen(): {line}" for line in shown_representation(source, seed=seed))
    if not torch.equal(matrix, kept):
        yield "Changes the answers that it hears, which belong to the fit."


def turned_axes(source: Any, *, seed: int) -> Iterator[str]:
    """Calls `turn` as a fit does, for all axes and where other sources have some, and says what is wrong with it."""
    generator = Generator().manual_seed(seed)
    for count in (_SEEN_AXES, _SEEN_AXES - 10):
        drawn = torch.randn(_SEEN_AXES, count, generator=generator)
        span = torch.linalg.qr(drawn).Q
        kept = span.clone()
        found = torch.as_tensor(source.turn(span))
        if not torch.equal(span, kept):
            yield "Changes the axes that it is to turn, which belong to the fit."
        if found.shape != (count, count):
            yield f"Expected turn() to give a matrix {(count, count)} for {count} axes, found {tuple(found.shape)}."
            return
        wanted = torch.eye(count)
        if not torch.allclose(found.float().T @ found.float(), wanted, atol=1e-3):
            yield f"Expected turn() to give an orthogonal matrix for {count} axes, found one that stretches axes."
            return
        if not torch.equal(found, torch.as_tensor(source.turn(kept))):
            yield "Turns the same axes another way at the second time, so no fit could be resumed."
            return


def illustrations(source: Any) -> Iterator[str]:
    """What is wrong with the galleries that a source shows of its pairs."""
    if not hasattr(source, "illustrations"):
        return
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


def _is_picture(cell: Any) -> bool:
    whole = isinstance(cell, np.ndarray) and cell.dtype == np.uint8
    return whole and cell.ndim == 3 and cell.shape[2] == 3 and cell.size > 0


def _described(cell: Any) -> str:
    return f"{cell.dtype} {cell.shape}" if isinstance(cell, np.ndarray) else type(cell).__name__
