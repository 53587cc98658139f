"""Pairs in the two forms in which they come: of images, and of indices of images."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from interpret_inn.data import OrderedSamples, samples
from interpret_inn.errors import ConceptError, suggest
from interpret_inn.types import RESIDUAL, IntArray, Samples
from interpret_inn_pairs.grouping import Held
from interpret_inn_pairs.joined_samples import TogetherSamples
from interpret_inn_pairs.pair_source import NamedPairs

Read = tuple[Samples, list[NamedPairs], list[Held]]
"""The images, the pairs of each concept, and what the caller holds together."""

_FORM = "{'shape': (first_images, second_images)}"
_INDICES = "indices={'shape': pairs}"


def read_images(data: Any, groups: Any = None) -> Read:
    """Reads pairs of images.

    Args:
        data: A mapping from concepts to `(first, second)`, n images each.
        groups: None, or a mapping from concepts to one value for each pair, (n,).

    Raises:
        ConceptError: no pairs, other names, or two sides of different lengths.
        DataError: images that cannot be read.
    """
    named = _named(data, f"data={_FORM}, or images and {_INDICES}")
    parts: dict[int, tuple[OrderedSamples, str]] = {}
    places: dict[str, tuple[int, int]] = {}
    for name, both in named.items():
        if not isinstance(both, (tuple, list)) or len(both) != 2:
            raise ConceptError(
                f"Expected two sets of images for {name!r}, the first and the second of each pair, found "
                f"{_described(both)}. Type {_FORM}; or data=images and {_INDICES}, whose pairs are told by index."
            )
        for side, part in zip(("first", "second"), both, strict=True):
            if id(part) not in parts:
                parts[id(part)] = (
                    _readable(samples(part), f"the {side} images of {name!r}"),
                    f"{name}, {side}",
                )
        places[name] = (id(both[0]), id(both[1]))
    whole = TogetherSamples([part for part, _ in parts.values()], [title for _, title in parts.values()])
    begins = np.cumsum([0, *(len(part) for part, _ in parts.values())])
    starts = dict(zip(parts, begins.tolist(), strict=False))
    found = []
    for name, (first, second) in places.items():
        _refuse_sides(name, len(parts[first][0]), len(parts[second][0]), same=first == second)
        ends = np.arange(len(parts[first][0]))[:, None] + np.array([starts[first], starts[second]])
        found.append(NamedPairs(name, ends.astype(np.int64)))
    held = _groups_of_pairs(groups, found)
    if any(part.groups is not None for part, _ in parts.values()):
        held.append(Held(np.arange(len(whole)), np.asarray(whole.groups)))
    return whole, found, held


def read_indices(data: Any, indices: Any, groups: Any = None) -> Read:
    """Reads images and pairs of their indices.

    Args:
        data: N images.
        indices: A mapping from concepts to indices of images, int (n, 2).
        groups: None, or one value for each image, (N,).

    Raises:
        ConceptError: no pairs, other names, or indices of images that there are not.
        DataError: images that cannot be read, or groups of another length.
    """
    named = _named(indices, _INDICES)
    read = _readable(samples(data, groups=groups), "images whose pairs are told by index")
    whole = copy.copy(read)  # its groups are set anew, and the caller's own samples stay as they are
    found = [NamedPairs(name, _indices(name, given, len(whole))) for name, given in named.items()]
    own = [] if read.groups is None else [Held(np.arange(len(whole)), np.asarray(read.groups))]
    return whole, found, own


def _refuse_sides(name: str, first: int, second: int, *, same: bool) -> None:
    """Refuses two sides of different lengths, and the same images on both."""
    if first != second:
        raise ConceptError(
            f"Expected as many second images of {name!r} as first ones, found {first} and {second}. The first image "
            "makes a pair with the first one on the other side, and so on."
        )
    if same:
        raise ConceptError(
            f"Expected two images in each pair of {name!r}, found the same images on both sides, so that each is "
            "paired with itself. Type (first_images, second_images)."
        )


def _named(given: Any, form: str) -> dict[str, Any]:
    """Pairs by concept, of a mapping or of a list of (name, pairs)."""
    items: Any = given.items() if isinstance(given, Mapping) else given
    if not isinstance(given, Mapping) and not _are_items(given):
        raise ConceptError(
            f"Expected pairs by the name of what they share, found {_described(given)}. Type {form}."
        )
    found: dict[str, Any] = {}
    for name, pairs in items:
        if not isinstance(name, str) or not name.strip() or name == RESIDUAL:
            raise ConceptError(
                f"Expected names of what pairs share, other than {RESIDUAL!r}, which names all that no concept "
                f"explains, found {name!r}. Rename it."
            )
        if name in found:
            raise ConceptError(
                f"Expected every concept once, found pairs of {name!r} twice. Put them together."
            )
        found[name] = pairs
    if not found:
        raise ConceptError(f"Expected pairs of at least one concept, found none. Type {form}.")
    return found


def _are_items(given: Any) -> bool:
    """Whether this is a list of (name, pairs)."""
    listed = isinstance(given, (list, tuple))
    return listed and all(
        isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str) for one in given
    )


def _readable(found: OrderedSamples, what: str) -> OrderedSamples:
    """Refuses data of which some were left out: all that come after those have moved to other places."""
    if found.skipped:
        raise ConceptError(
            f"Expected to read all of {what}, found {len(found.skipped)} that cannot be read, after which pairs would "
            f"be of other images: {'; '.join(list(found.skipped)[:3])}. Take them out, and their pairs."
        )
    return found


def _indices(name: str, given: Any, count: int) -> IntArray:
    """Indices of images, int64 (n, 2)."""
    found: npt.NDArray[Any] = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
    if found.ndim != 2 or found.shape[1] != 2 or found.dtype.kind not in "iu" or not len(found):
        raise ConceptError(
            f"Expected indices of images in pairs of {name!r}, whole numbers (n, 2), found {found.dtype} of shape "
            f"{found.shape}. Type indices={{{name!r}: [[0, 1], [2, 3]]}}, say."
        )
    if found.min() < 0 or found.max() >= count:
        wrong = np.flatnonzero(((found < 0) | (found >= count)).any(1))
        raise ConceptError(
            f"Expected indices of images from 0 to {count - 1} in pairs of {name!r}, found "
            f"{found[wrong[0]].tolist()} in pair {wrong[0]}{_and_others(wrong)}. Indices count from 0."
        )
    alone = np.flatnonzero(found[:, 0] == found[:, 1])
    if len(alone):
        raise ConceptError(
            f"Expected two images in each pair of {name!r}, found image {found[alone[0], 0]} paired with itself in "
            f"pair {alone[0]}{_and_others(alone)}. Leave such pairs out."
        )
    return found.astype(np.int64)


def _groups_of_pairs(groups: Any, named: list[NamedPairs]) -> list[Held]:
    """What values for each pair hold together; a value means the same in all concepts."""
    if groups is None:
        return []
    if not isinstance(groups, Mapping):
        raise ConceptError(
            f"Expected groups as a mapping from concepts to one value for each pair, found {_described(groups)}. "
            "Type groups={'shape': people}; or data=images and indices={…}, and a value for each image."
        )
    known = {one.name: one.ends for one in named}
    indices, values = [np.empty(0, np.int64)], [np.empty(0, str)]
    for name, given in groups.items():
        if name not in known:
            raise ConceptError(
                f"Groups were given for {name!r}, which is no concept. {suggest(str(name), known)}"
            )
        listed = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
        if listed.shape != (len(known[name]),):
            raise ConceptError(
                f"Expected groups with one value for each of {len(known[name])} pairs of {name!r}, found shape "
                f"{listed.shape}. Give a list of as many numbers or names."
            )
        indices.append(known[name][:, 0])
        values.append(listed.astype(str))
    return [Held(np.concatenate(indices), np.concatenate(values))]


def _and_others(places: Iterable[Any]) -> str:
    more = len(list(places)) - 1
    return f" and in {more} more" if more else ""


def _described(given: Any) -> str:
    """What was found, in a few words."""
    shape = getattr(given, "shape", None)
    if shape is not None:
        return f"{type(given).__name__} of shape {tuple(shape)}"
    length = f" of {len(given)}" if isinstance(given, (list, tuple, dict)) else ""
    return f"{type(given).__name__}{length}"
