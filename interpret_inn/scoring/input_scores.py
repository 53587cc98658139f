"""Scores of the codes of given inputs against given labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.disentanglement.inputs import read_array
from interpret_inn.scoring.score_table import Scored, ScoreRequest, score_table
from interpret_inn.translating.fitted import Fitted
from interpret_inn.types import Concept, ConceptKind, IntArray, Scores


def scores_of_inputs(
    encode: Callable[[Any], Tensor],
    fitted: Fitted,
    inputs: Any,
    labels: Mapping[str, Any] | None,
    *,
    kinds: Mapping[str, ConceptKind] | None = None,
    groups: Any = None,
    request: ScoreRequest,
) -> Scores:
    """Scores the codes of inputs against labels.

    Args:
        encode: From inputs to codes, (N, D) or (N, P, D).
        fitted: The fit. Labels of one of its concepts are of that concept's kind.
        inputs: N inputs.
        labels: By concept, the values of all inputs; None: only metrics that need none.
        kinds: Kinds of labels by name; they take precedence over those of the fit's concepts.
        groups: (N,), inputs of one group are variants of one thing; None: all apart.
        request: Which metrics are computed, and how.

    Raises:
        InputError: labels that are no mapping, or not one for each input.
        PluginError: an unknown metric, or options that it does not take.
    """
    if labels is not None and not isinstance(labels, Mapping):
        names = [concept.name for concept in fitted.concepts]
        raise InputError(
            f"Expected labels by concept, found {type(labels).__name__}. "
            f"Type labels={{{names[0] if names else 'name'!r}: …}}."
        )
    codes = encode(inputs).cpu().double().numpy()
    codes = codes if codes.ndim == 2 else codes.mean(1)
    known = {concept.name: concept.kind for concept in fitted.concepts} | dict(kinds or {})
    concepts = [
        _concept(str(name), given, known.get(str(name), "unlabelled"), len(codes))
        for name, given in (labels or {}).items()
    ]
    numbers = None if groups is None else _numbered(read_array(groups, "groups"), "groups", len(codes))
    return score_table(Scored(codes, fitted.factors, concepts, numbers), request)


def _concept(name: str, given: Any, kind: ConceptKind, count: int) -> Concept:
    """A concept of these values; if its kind is unlabelled, whole numbers and names are taken as categories."""
    array = read_array(given, f"labels of {name!r}")
    if kind == "unlabelled":
        whole = array.dtype.kind != "f" or bool((np.nan_to_num(array) % 1 == 0).all())
        kind = "categorical" if array.ndim == 1 and whole else "numeric"
    if kind == "categorical":
        return Concept(name, kind, _numbered(array, f"labels of {name!r}", count))
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"Expected labels of {name!r} that are numbers, found {array.dtype}.") from error
    if len(numbers) != count or numbers.ndim > 2:
        raise InputError(
            f"Expected one value of {name!r} for each of {count} inputs, found shape {array.shape}."
        )
    return Concept(name, kind, numbers)


def _numbered(array: npt.NDArray[Any], what: str, count: int) -> IntArray:
    """Categories by number, int64 (N,); −1 where missing: None, NaN, or a number below 0."""
    if array.shape != (count,):
        raise InputError(f"Expected {what}: one for each of {count} inputs, found shape {array.shape}.")
    if array.dtype.kind in "iuf":
        missing = ~(array >= 0)
    else:
        missing = np.array([value is None or value != value for value in array.tolist()], np.bool_)
        array = np.array([str(value) for value in array.tolist()])
    found = np.unique(array, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.where(missing, -1, found)
