"""From what people have (lists, arrays, columns of a table) to concepts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from interpret_inn.errors import ConceptError, suggest
from interpret_inn.types import RESIDUAL, Concept, ConceptKind, Remark
from interpret_inn.types.concepts import LARGEST_ANGLE
from interpret_inn.types.numbers import BoolArray
from interpret_inn_labels.columns import Array, Column, read_column
from interpret_inn_labels.guessing import guess_kind, numbers_in, spells_numbers


def read_concepts(
    labels: Any, kinds: Mapping[str, str] | None = None, *, count: int, skipped: int = 0
) -> tuple[tuple[Concept, ...], tuple[str, ...]]:
    """Reads every column of labels.

    Missing labels are None, NaN, "", masked entries of a masked array, and −1 among integer categories of
    which the others are 0 or more (−1 beside one other value, as in {−1, 1}, is a category).

    Args:
        labels: One column (the concept is then named "label"), or a mapping (or data frame) of columns by
            name. A column holds N values, or (N, d) numbers.
        kinds: `categorical`, `numeric` or `cyclic` by name; guessed if not given.
        count: N, the number of samples.
        skipped: How many items of the data were left out as unreadable, for messages.

    Returns:
        The concepts, and what was guessed or left out, in sentences.

    Raises:
        ConceptError: the labels cannot be used; the text says which, why and what to give instead.
    """
    columns = _columns(labels)
    kinds = dict(kinds or {})
    for name, kind in kinds.items():
        if name not in columns:
            raise ConceptError(
                f"A kind was given for {name!r}, which is no concept. {suggest(name, columns)}"
            )
        if kind not in _WAYS:
            known = tuple(_WAYS)
            raise ConceptError(
                f"Expected a kind of {known} for {name!r}, found {kind!r}. {suggest(kind, known)}"
            )
    concepts, notes = [], []
    for name, raw in columns.items():
        column = read_column(name, raw)
        _check_length(name, len(column.values), count, skipped)
        concept, said = _concept(name, column, cast("ConceptKind | None", kinds.get(name)))
        concepts.append(concept)
        notes.extend(said)
    return tuple(concepts), tuple(notes)


def _columns(labels: Any) -> dict[str, Any]:
    if hasattr(labels, "columns") and hasattr(labels, "to_dict"):  # a data frame
        labels = {str(name): labels[name] for name in labels.columns}
    if not isinstance(labels, Mapping):
        return {"label": labels}
    if not labels:
        raise ConceptError(
            'Expected at least one concept in labels, found an empty mapping. Try {"digit": digits}.'
        )
    for name in labels:
        if not isinstance(name, str) or not name:
            raise ConceptError(
                f"Expected concept names that are text, found {name!r}. Try {{'digit': digits}}."
            )
        if name == RESIDUAL:
            raise ConceptError(
                f"A concept is named {RESIDUAL!r}, which names what no concept explains. Rename it."
            )
    return dict(labels)


def _check_length(name: str, found: int, count: int, skipped: int) -> None:
    if found == count:
        return
    reason = f" ({skipped} items of the data could not be read and were skipped)" if skipped else ""
    raise ConceptError(
        f"Expected one label of {name!r} for each of {count} samples{reason}, found {found} labels. "
        "Give labels in the order of the data, with None where a label is missing."
    )


def _concept(name: str, column: Column, kind: ConceptKind | None) -> tuple[Concept, list[str]]:
    values, known = column
    given = None if kind is None else _way(kind)
    if values.dtype.kind == "U" and not (given and given.names):
        numbers = numbers_in(values, known, required_by=name if given else None)
        values = values if numbers is None else numbers
    values, known, note = _without_minus_one(name, values, known, given)
    notes = [note] if note else []
    way = given or _way(guess_kind(name, values, known))
    concept = way.build(name, values, known, given is None)
    missing = int((~known).sum())
    if missing and not note:
        notes.append(
            Remark(
                f"{name}: {missing} of {len(known)} labels are missing; those samples are not paired by it."
            )
        )
    is_text = values.dtype.kind == "U" and not spells_numbers(values, known)
    if given is None and not is_text:  # such text can be nothing but categories
        found = (
            f"{len(concept.classes)} classes"
            if concept.classes
            else f"{values.shape[1]} numbers each"
            if values.ndim == 2
            else "numbers"
        )
        said = (
            f'{name}: taken as {concept.kind} ({found}); kinds={{"{name}": "{way.other}"}} would change that.'
        )
        notes.append(Remark(said))
    return concept, notes


def _without_minus_one(
    name: str, values: Array, known: BoolArray, given: _Way | None
) -> tuple[Array, BoolArray, str | None]:
    """Takes −1 among integer categories as missing if there are two others at least, none of them negative."""
    if values.dtype.kind != "i" or values.ndim != 1 or (given and not given.names):
        return values, known, None
    minus = known & (values == -1)
    others = np.unique(values[known & ~minus])
    if not minus.any() or len(others) < 2 or others[0] < 0:
        return values, known, None
    if given is None and not _way(guess_kind(name, values, known & ~minus)).names:
        return values, known, None
    note = Remark(f"{name}: {int(minus.sum())} labels are −1, taken as missing; give text if −1 is a class.")
    return values, known & ~minus, note


def _categorical(name: str, values: Array, known: BoolArray, guessed: bool) -> Concept:
    if values.ndim != 1:
        raise ConceptError(
            f"Expected one class for each sample as labels of {name!r}, found shape {values.shape}. "
            "Give one concept for each column: labels={'a': table[:, 0], 'b': table[:, 1]}."
        )
    classes, index = np.unique(values[known], return_inverse=True)
    if len(classes) < 2:
        raise ConceptError(
            f"Expected at least 2 classes of {name!r}, found one only: {_text(classes[0])!r}. "
            "Give data in which it varies, or leave it out."
        )
    codes = np.full(len(values), -1, dtype=np.int64)
    codes[known] = index.reshape(-1)
    return Concept(name, "categorical", codes, tuple(_text(value) for value in classes), guessed)


def _numeric(name: str, values: Array, known: BoolArray, guessed: bool) -> Concept:
    numbers = values.astype(np.float64)
    numbers[~known] = math.nan
    if (numbers[known] == numbers[known][0]).all():
        raise ConceptError(
            f"Expected numbers of {name!r} that vary, found all equal to {numbers[known][0].tolist()}. "
            "Give data in which it varies, or leave it out."
        )
    return Concept(name, "numeric", numbers, (), guessed)


def _cyclic(name: str, values: Array, known: BoolArray, guessed: bool) -> Concept:
    if values.ndim != 1:
        raise ConceptError(
            f"Expected one angle for each sample as labels of {name!r}, found shape {values.shape}. "
            "Give one concept for each angle."
        )
    largest = float(np.abs(values[known].astype(np.float64)).max())
    if largest > LARGEST_ANGLE:
        raise ConceptError(
            f"Expected angles of {name!r} in radians (−2π to 2π), found {largest:g}, which looks like "
            f"degrees. Pass radians: np.deg2rad({name})."
        )
    return _with_kind(_numeric(name, values, known, guessed))


def _with_kind(concept: Concept) -> Concept:
    return Concept(concept.name, "cyclic", concept.values, (), concept.guessed)


class _Way(NamedTuple):
    """How labels of one kind are read.

    Attributes:
        build: Makes the concept of its name, values, which of them are known, and whether the kind was guessed.
        names: Values name categories: they may be text, and −1 among whole numbers may stand for a missing one.
        other: The kind to suggest if this one was guessed.
    """

    build: Callable[[str, Array, BoolArray, bool], Concept]
    names: bool
    other: ConceptKind


_WAYS: Mapping[str, _Way] = {
    "categorical": _Way(_categorical, names=True, other="numeric"),
    "numeric": _Way(_numeric, names=False, other="categorical"),
    "cyclic": _Way(_cyclic, names=False, other="categorical"),
}


def _way(kind: ConceptKind) -> _Way:
    return _WAYS[kind]


def _text(value: Any) -> str:
    whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
    return str(int(value)) if whole else str(value)
