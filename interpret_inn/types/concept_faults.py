"""What is wrong with the concepts and the groups of a source, in sentences, for the fit and for the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from interpret_inn.types.concepts import LARGEST_ANGLE, LARGEST_NUMBER, Concept, ConceptKind
from interpret_inn.types.factors import RESIDUAL

KINDS: tuple[str, ...] = get_args(ConceptKind)


def is_text(value: Any) -> bool:
    """Whether a value is text that can be written: without lone surrogates, the halves of a pair of UTF-16.

    >>> is_text("hue"), is_text(None), is_text(chr(0xD800))
    (True, False, False)
    """
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def concept_faults(owner: Any, concepts: Sequence[Any]) -> Iterator[str]:
    """What is wrong with the concepts of a source but for their values, in sentences.

    Args:
        owner: The name of the source.
        concepts: Those that it gives.
    """
    wrong = [type(concept).__name__ for concept in concepts if not isinstance(concept, Concept)]
    if wrong:
        yield f"Expected at least one Concept and nothing else, found {wrong}."
        return
    names = [concept.name for concept in concepts]
    if not all(is_text(name) and name for name in [owner, *names]):
        yield f"Expected names of the source and its concepts, found {[owner, *names]!a:.200}."
        return
    if len(set(names)) < len(names):
        yield f"Expected every concept's name once, found {names}."
    if RESIDUAL in names:
        yield f"A concept is named {RESIDUAL!r}, which names what no concept explains."
    unknown = [concept.kind for concept in concepts if concept.kind not in KINDS]
    if unknown:
        yield f"Expected kinds out of {KINDS}, found {unknown!r:.200}."
    for concept in concepts:
        classes = concept.classes
        if (
            not isinstance(classes, Sequence)
            or isinstance(classes, str)
            or not all(isinstance(name, str) for name in classes)
        ):
            yield f"Expected classes of {concept.name!r} as a tuple of names, found {concept.classes!a:.200}."


def group_faults(groups: Any, count: int) -> Iterator[str]:
    """What is wrong with the groups of `count` samples, in sentences."""
    if groups is None:
        return
    dtype, shape = getattr(groups, "dtype", type(groups).__name__), getattr(groups, "shape", ())
    if dtype != np.int64 or shape != (count,):
        yield f"Expected groups to be None or int64 ({count},), found {dtype} of shape {shape}."


def value_faults(concept: Concept, count: int) -> Iterator[str]:
    """What is wrong with the values of a concept of `count` samples, in sentences."""
    faults = list(layout_faults(concept, count))
    yield from faults
    if not faults and concept.values is not None and not concept.known.any():
        yield f"Expected values of {concept.name!r}, found that no sample has a value."


def layout_faults(concept: Concept, count: int) -> Iterator[str]:
    """The same, but all values may be missing, as they may be among some of the samples."""
    yield from _CHECKS.get(concept.kind, _number_values)(concept, count)


def _no_values(concept: Concept, count: int) -> Iterator[str]:  # noqa: ARG001
    if concept.values is not None:
        yield f"{concept.name!r} is unlabelled and yet has values."


def _one_each(concept: Concept, count: int) -> Iterator[str]:
    """What is wrong with the number of values, nothing if there is one for each sample."""
    values = concept.values
    if not isinstance(values, np.ndarray) or not len(values.shape) or len(values) != count:
        found = f"shape {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        wanted = f"an array with a value of {concept.name!r} for each of {count} samples"
        yield f"Expected {wanted}, found {found}."


def _class_values(concept: Concept, count: int) -> Iterator[str]:
    wrong, values = list(_one_each(concept, count)), concept.values
    if wrong or values is None:
        yield from wrong
    elif values.dtype != np.int64 or values.ndim != 1:
        yield f"Expected int64 (N,) for {concept.name!r}, found {values.dtype} {values.shape}."
    elif values.min(initial=-1) < -1 or values.max(initial=-1) >= len(concept.classes):
        yield (
            f"Expected indices of the {len(concept.classes)} classes of {concept.name!r} (-1: missing), "
            f"found {values.min()} to {values.max()}."
        )


def _number_values(concept: Concept, count: int) -> Iterator[str]:
    wrong, values = list(_one_each(concept, count)), concept.values
    if wrong or values is None:
        yield from wrong
    elif values.dtype != np.float64 or values.ndim > 2 or values.shape[1:] == (0,):
        found = f"{values.dtype} {values.shape}"
        yield f"Expected float64 (N,) or (N, d) for {concept.name!r}, found {found}."
    else:
        yield from _range_faults(concept, values)


def _range_faults(concept: Concept, values: np.ndarray[Any, Any]) -> Iterator[str]:
    if np.isinf(values).any():
        yield f"Expected finite values of {concept.name!r} (NaN: missing), found infinite ones."
    elif (np.abs(values) > LARGEST_NUMBER).any():
        largest = np.nanmax(np.abs(values))
        yield f"Expected values of {concept.name!r} up to {LARGEST_NUMBER:g}, found up to {largest:.4g}."


def _angle_values(concept: Concept, count: int) -> Iterator[str]:
    wrong, values = list(_one_each(concept, count)), concept.values
    if wrong or values is None:
        yield from wrong
    elif values.dtype != np.float64 or values.ndim != 1:
        yield f"Expected float64 (N,) for {concept.name!r}, found {values.dtype} {values.shape}."
    elif np.isinf(values).any():
        yield from _range_faults(concept, values)
    elif (np.abs(values) > LARGEST_ANGLE).any():
        yield f"Expected radians for {concept.name!r}, found up to {np.nanmax(np.abs(values)):.4g}."


_CHECKS: Mapping[str, Callable[[Concept, int], Iterator[str]]] = {
    "categorical": _class_values,
    "numeric": _number_values,
    "cyclic": _angle_values,
    "unlabelled": _no_values,
}
