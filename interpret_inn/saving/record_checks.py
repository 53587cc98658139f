"""Whether the records of an artefact fit each other and its flow, before anything is computed from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

from interpret_inn.explaining.evaluation import Evaluation
from interpret_inn.saving.noted import note_texts
from interpret_inn.translating.fitted import WIDEST_REFERENCE, Fitted
from interpret_inn.translating.settings import LARGEST_SEED, MOST_REFITS
from interpret_inn.types.concept_faults import KINDS, is_text, layout_faults
from interpret_inn.types.factors import RESIDUAL


def require_main(about: Mapping[str, Any]) -> None:
    """Raises unless plain fields of `interpreter.json` hold what they stand for.

    Raises:
        ValueError: a seed, a split, a shape, a size, a name, a note or a time is something else.
    """
    width, sizes = about["flow"]["width"], about["factors"]
    concepts, notes = about["concepts"], note_texts(about)
    names = [c["name"] for c in concepts]
    classes = [name for c in concepts for name in _listed(c["classes"])]
    lines = {
        "a seed from 0 to 2**63 - 1": _are_whole([about["seed"]], 0) and about["seed"] <= LARGEST_SEED,
        "a split of three whole numbers": len(about["split"]) == 3 and _are_whole(about["split"], 0),
        "the shape of a representation": _are_whole(_listed(about["z_shape"]), 1),
        f"sizes of factors that sum to {width}": _are_whole(sizes.values(), 1)
        and sum(sizes.values()) == width,
        "the residual as the last factor": [*sizes][-1:] == [RESIDUAL],
        "names of factors and concepts in text": all(map(is_text, [*sizes, *names])) and all(names),
        "each concept once": len(set(names)) == len(names),
        "classes and notes in text": all(isinstance(text, str) for text in [*classes, *notes]),
        "kinds of concepts": all(c["kind"] in KINDS and isinstance(c["guessed"], bool) for c in concepts),
        "times and raw scores that are finite or null": all(
            map(_is_figure, [*about["timings"].values(), *about["raw_scores"].values()])
        ),
    }
    for wanted, holds in lines.items():
        if not holds:
            raise ValueError(f"expected {wanted}")


def require_records(fitted: Fitted, evaluation: Evaluation) -> None:
    """Raises unless reference codes and the evaluation are those of this fit.

    Raises:
        ValueError: they have other shapes, values that are not finite, or names of another fit.
    """
    _require_reference(fitted)
    for sentence in _evaluation_faults(fitted, evaluation):
        raise ValueError(sentence)


def _require_reference(fitted: Fitted) -> None:
    codes, groups = fitted.reference_codes, fitted.reference_groups
    width = min(fitted.network.shape.width, WIDEST_REFERENCE)
    fits = codes.dtype == torch.float32 and codes.ndim == 2 and len(codes) > 0 and codes.shape[1] == width
    if not fits or not bool(torch.isfinite(codes).all()):
        raise ValueError(
            f"expected finite reference codes, float32 (M, {width}), found {codes.dtype} {tuple(codes.shape)}"
        )
    if groups.dtype.kind != "i" or groups.shape != (len(codes),):
        raise ValueError(f"expected a group for each of {len(codes)} reference codes, found {groups.shape}")
    for means in fitted.position_means or ():
        if means.ndim != 2 or len(means) != len(codes) or not bool(torch.isfinite(means).all()):
            raise ValueError(f"expected finite means for each of {len(codes)} reference codes")
    for concept in fitted.concepts:
        if concept.values is not None:
            for sentence in layout_faults(concept, len(codes)):
                raise ValueError(sentence)


def _evaluation_faults(fitted: Fitted, evaluation: Evaluation) -> Iterator[str]:
    """What in an evaluation is not of this fit's concepts and factors."""
    concepts, factors = {concept.name for concept in fitted.concepts}, {*fitted.factors.names}
    table, refits = evaluation.leakage, evaluation.refits
    if not {*table.concepts} <= concepts or table.factors != fitted.factors.names:
        yield f"expected leakage of {sorted(concepts)} in {sorted(factors)}, found others"
    for part in (table.kind, table.scores, table.representation, table.chance):
        if {*part} != {*table.concepts}:
            yield f"expected leakage of each of {table.concepts}, found {sorted(part)!r:.200}"
    if any({*row} != factors for row in table.scores.values()):
        yield f"expected leakage in each of {sorted(factors)}, found others"
    paired = (table.association, table.samples)
    if not {*table.unfitted, *(name for rows in paired for name in (*rows, *_inner(rows)))} <= {
        *table.concepts
    }:
        yield f"expected leakage of {table.concepts}, found others"
    if not {*(evaluation.erasure or ())} <= concepts:
        yield f"expected erasure of {sorted(concepts)}, found others"
    if any(
        name not in concepts or effect.concept != name for name, effect in (evaluation.effects or {}).items()
    ):
        yield f"expected effects of {sorted(concepts)}, found others"
    if {line.name for line in evaluation.summaries} - factors or {*evaluation.maps} - factors:
        yield f"expected lines and maps of {sorted(factors)}, found others"
    if refits is None:
        return
    if refits.count != 0 and not 2 <= refits.count <= MOST_REFITS:
        yield f"expected 0 or 2 to {MOST_REFITS} refits, found {refits.count}"
    if not {*refits.scores, *refits.representation, *refits.chance, *refits.unfitted} <= concepts:
        yield f"expected refits of {sorted(concepts)}, found others"
    if not {*refits.scores} <= {*refits.representation} & {*refits.chance}:
        yield "expected what guessing and the whole layer reach of each concept that refits score"
    if not {*_inner(refits.scores), *refits.carried} <= factors:
        yield f"expected refits in {sorted(factors)}, found others"


def _inner(rows: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {name for row in rows.values() for name in row}


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {type(value).__name__}")
    return value


def _are_whole(values: Iterable[Any], least: int) -> bool:
    return all(type(value) is int and value >= least for value in values)


def _is_figure(value: Any) -> bool:
    """Whether a value is a finite number, or null for one that was not measured."""
    return value is None or (type(value) in (int, float) and math.isfinite(value))
