"""Which images stay together when data are split: those of a pair, and those of the caller's groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from interpret_inn.errors import ConceptError
from interpret_inn.types import IntArray
from interpret_inn_pairs.pair_source import NamedPairs

FEWEST = 10
"""Groups that the pairs of a concept come from, at least: they are split for training, validation and test."""
LARGEST = 0.5
"""Share of the paired images beyond which a group leaves too little for the other splits."""


class Held(NamedTuple):
    """Images that equal values hold together.

    Attributes:
        indices: int64 (m,), images.
        values: (m,), numbers or text; images of equal values are never split.
    """

    indices: IntArray
    values: npt.NDArray[Any]


def held_together(
    count: int, named: Sequence[NamedPairs], held: Sequence[Held] = ()
) -> tuple[IntArray, tuple[str, ...]]:
    """Numbers the groups that must not be split: what pairs and values connect, directly or in steps.

    Args:
        count: N images.
        named: Pairs by concept.
        held: What else is held together; values of one have nothing to do with values of another.

    Returns:
        int64 (N,), the group of each image; and sentences on what is worth knowing.

    Raises:
        ConceptError: a concept's pairs are of too few groups, or one group is too large.
    """
    links = [one.ends for one in named]
    size = count
    for one in held:  # each value is a place of its own, which its images are linked to
        values, hubs = np.unique(one.values, return_inverse=True)
        links.append(np.stack([one.indices, size + hubs.reshape(-1)], 1))
        size += len(values)
    ends = np.concatenate(links)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    found = connected_components(graph, directed=False)[1][:count]
    groups = np.unique(found, return_inverse=True)[1].reshape(-1).astype(np.int64)
    _refuse_few(groups, named)
    paired = np.unique(np.concatenate([one.ends.reshape(-1) for one in named]))
    sizes = np.bincount(groups[paired])
    largest, total = int(sizes.max()), int((sizes > 0).sum())
    if largest > LARGEST * len(paired):
        raise ConceptError(
            f"Expected pairs that can be split, found {largest} of {len(paired)} paired images connected in steps, all "
            "of which must be fitted on or none. Put each image into fewer pairs, or make pairs within separate sets "
            "of images; coarse groups= connect, too."
        )
    if largest <= 2:
        return groups, ()
    return groups, (
        f"Images that pairs connect are never split: {len(paired)} paired images are in {total} groups, the largest of "
        f"{largest}.",
    )


def _refuse_few(groups: IntArray, named: Sequence[NamedPairs]) -> None:
    for one in named:
        found = len(np.unique(groups[one.ends[:, 0]]))
        if found < FEWEST:
            raise ConceptError(
                f"Expected pairs of {one.name!r} from at least {FEWEST} groups of images that no pair connects, to "
                f"train, validate and test on, found {len(one.ends)} pairs in {found}. Give more pairs of other images."
            )
