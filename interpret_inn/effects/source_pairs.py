"""Pairs among the test samples of a fit that its sources say differ in one concept alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from interpret_inn.effects.inputs import InputPairs
from interpret_inn.errors import warn
from interpret_inn.fitting.pool import PooledSource
from interpret_inn.fitting.store import FitData
from interpret_inn.types import IntArray
from interpret_inn.types.counterfactuals import as_index_pairs, counterfactual_faults

MOST = 256
"""Pairs of a concept that are run, spread evenly: with both ends, as many inputs as are explained."""


def source_pairs(data: FitData) -> Iterator[InputPairs]:
    """The pairs of the sources in the test split; a source that fails is passed over, with a warning."""
    for part in data.pool.parts:
        for name, given in _asked(part).items():
            ends = as_index_pairs(given)
            if ends is not None and len(ends) > 1:
                yield _input_pairs(part, name, ends)


def _asked(part: PooledSource) -> Mapping[str, Any]:
    """What one source gives."""
    try:
        found = part.source.counterfactual_pairs(part.split.test)
        faults = list(counterfactual_faults(found, part.concepts, part.split.test))
        if faults:
            raise TypeError(" ".join(faults))
    except Exception as error:
        warn(
            f"counterfactual_pairs() of the concept source {part.source.name!r} failed and is passed over. "
            f"{type(error).__name__}: {error}"
        )
        return {}
    return found


def _input_pairs(part: PooledSource, name: str, ends: IntArray) -> InputPairs:
    concept = next(concept for concept in part.concepts if concept.name == name)
    chosen = np.unique(np.linspace(0, len(ends) - 1, min(MOST, len(ends))).round().astype(np.int64))
    notes = [
        f"The pairs are of samples that the fit never saw, and come from the source {part.source.name!r}."
    ]
    if len(chosen) < len(ends):
        notes.append(f"{len(chosen)} of {len(ends)} pairs were run, spread evenly.")
    places = ends[chosen]
    valued = concept.values is not None
    return InputPairs(
        concept,
        part.source.samples,
        part.source.samples,
        places,
        before=concept.at(places[:, 0]) if valued else None,
        after=concept.at(places[:, 1]) if valued else None,
        groups=None if part.groups is None else np.asarray(part.groups)[places[:, 0]],
        both_ways=True,
        notes=tuple(notes),
    )
