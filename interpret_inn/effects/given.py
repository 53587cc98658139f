"""Counterfactuals as the caller gives them: pairs of images by concept, or functions that render."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from interpret_inn.data import OrderedSamples, is_stream, samples, stream
from interpret_inn.effects.inputs import InputPairs, Rendering
from interpret_inn.errors import ConceptError, suggest
from interpret_inn.types import Concept, IntArray

_READ = 64
"""Inputs of a stream that are read at a time."""


def read_counterfactuals(
    given: Mapping[str, Any] | None, concepts: Sequence[Concept]
) -> list[InputPairs | Rendering]:
    """What effects are to be measured on, by concept; see `Interpreter.explain`.

    Args:
        given: By concept `(first, second)`, `(first, second, values, values)` or a function.
        concepts: Of the fit, with the values of its data.

    Raises:
        ConceptError: unknown concepts, sides of unlike lengths, values that cannot be read, or something else.
        DataError: images that cannot be read.
    """
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise ConceptError(
            f"Expected counterfactuals by the name of the concept in which they differ, found {type(given).__name__}. "
            "Type counterfactuals={'colour': (images_a, images_b)}."
        )
    known = {concept.name: concept for concept in concepts}
    for name in given:
        if name not in known:
            raise ConceptError(
                f"Counterfactuals were given for {name!r}, which is no concept of this fit. {suggest(str(name), known)}"
            )
    return [_read(known[name], one) for name, one in given.items()]


def _read(concept: Concept, given: Any) -> InputPairs | Rendering:
    if callable(given):
        if concept.values is None:
            raise ConceptError(
                f"Expected pairs of images for {concept.name!r}, of which the fit knows no values to render, found a "
                f"function. Type counterfactuals={{{concept.name!r}: (images_a, images_b)}}."
            )
        return Rendering(concept, given)
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 4):
        found = f"{type(given).__name__} of {len(given)}" if isinstance(given, (tuple, list)) else type(given)
        raise ConceptError(
            f"Expected (images_a, images_b), (images_a, images_b, values_a, values_b) or a function (images, value) "
            f"as the counterfactuals of {concept.name!r}, found {found}."
        )
    first, second = (
        _side(concept.name, part, which) for part, which in zip(given, ("first", "second"), strict=False)
    )
    if len(first) != len(second):
        raise ConceptError(
            f"Expected as many second images of {concept.name!r} as first ones, found {len(first)} and {len(second)}. "
            "The first image makes a pair with the first one on the other side, and so on."
        )
    if len(first) < 2:
        raise ConceptError(
            f"Expected at least 2 pairs of images of {concept.name!r}, found {len(first)}. Give more."
        )
    before, after = _both_values(concept, given[2:], len(first)) if len(given) == 4 else (None, None)
    places = np.repeat(np.arange(len(first), dtype=np.int64)[:, None], 2, 1)
    return InputPairs(concept, first, second, places, before, after, groups=first.groups)


def _side(name: str, given: Any, which: str) -> OrderedSamples:
    """One side of the pairs; what was left out of it would move all that come after to other places."""
    read = samples([one for batch in stream(given, _READ) for one in batch] if is_stream(given) else given)
    if read.skipped:
        raise ConceptError(
            f"Expected to read all of the {which} images of {name!r}, found {len(read.skipped)} that cannot be read, "
            f"after which pairs would be of other images: {'; '.join(list(read.skipped)[:3])}. Take them out, and "
            "their counterparts."
        )
    return read


def _both_values(concept: Concept, given: Sequence[Any], count: int) -> tuple[Concept, Concept]:
    """The values on both sides, as the concept has them."""
    arrays = [_listed(concept.name, one, count) for one in given]
    try:
        both = np.concatenate(arrays)
    except ValueError:
        raise ConceptError(
            f"Expected values of {concept.name!r} of one shape on both sides, found {arrays[0].shape} and "
            f"{arrays[1].shape}. Give one value for each image."
        ) from None
    whole = _unlabelled(concept, both) if concept.values is None else _labelled(concept, both)
    indices: IntArray = np.arange(count, dtype=np.int64)
    return whole.at(indices), whole.at(indices + count)


def _listed(name: str, given: Any, count: int) -> npt.NDArray[Any]:
    found = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
    if found.ndim not in (1, 2) or len(found) != count:
        raise ConceptError(
            f"Expected one value of {name!r} for each of {count} images on each side, found an array {found.shape}. "
            "Give (images_a, images_b, values_a, values_b) as many values as images, with None or NaN for those that "
            "are not known."
        )
    return found


def _labelled(concept: Concept, values: npt.NDArray[Any]) -> Concept:
    """Values of a concept that the fit knows values of: names or indices of its classes, or numbers like its own."""
    own = np.asarray(concept.values)
    if concept.indicators is None:
        found = _numbers(concept.name, values)
        if found.shape[1:] != own.shape[1:]:
            raise ConceptError(
                f"Expected values of {concept.name!r} like those of the fit, of shape (n, {own.shape[1:]}), found "
                f"{found.shape}."
            )
        return Concept(concept.name, concept.kind, found, concept.classes)
    return Concept(concept.name, concept.kind, _classes(concept, values, own), concept.classes)


def _classes(concept: Concept, values: npt.NDArray[Any], own: npt.NDArray[Any]) -> IntArray:
    """Indices of classes, −1 if missing."""
    known = max(len(concept.classes), int(own.max()) + 1)
    found = []
    for value in values.reshape(-1).tolist():
        if isinstance(value, str):
            if value not in concept.classes:
                raise ConceptError(
                    f"The concept {concept.name!r} has no value {value!r}. {suggest(value, concept.classes)}"
                )
            found.append(concept.classes.index(value))
        elif value is None or value != value:  # NaN
            found.append(-1)
        elif not isinstance(value, (int, float)) or value != int(value) or not -1 <= value < known:
            raise ConceptError(
                f"Expected values of {concept.name!r} that are names of its classes, or their indices from 0 to "
                f"{known - 1}, found {value!r}."
            )
        else:
            found.append(int(value))
    return np.array(found, np.int64)


def _unlabelled(concept: Concept, values: npt.NDArray[Any]) -> Concept:
    """Values of a concept that the fit knows none of: numbers with fractions are numbers, all else names classes."""
    if values.dtype.kind == "f":
        return Concept(concept.name, "numeric", _numbers(concept.name, values))
    listed = values.reshape(-1).tolist()
    classes = sorted(
        {value for value in listed if value is not None}, key=lambda value: (str(type(value)), value)
    )
    indices = np.array([-1 if value is None else classes.index(value) for value in listed], np.int64)
    return Concept(concept.name, "categorical", indices, tuple(map(str, classes)))


def _numbers(name: str, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(values, np.float64)  # None becomes NaN
    except (TypeError, ValueError):
        raise ConceptError(
            f"Expected numbers as values of {name!r}, found {values.reshape(-1)[:1].tolist()[0]!r}."
        ) from None
