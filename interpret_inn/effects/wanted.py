"""Which images, with which other values, would settle an effect that labels alone tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from interpret_inn.data.process import derived_seed
from interpret_inn.effects.alternatives import alternatives
from interpret_inn.errors import ConceptError, suggest
from interpret_inn.fitting.store import FitData
from interpret_inn.types import Concept, IntArray, Samples


@dataclass(frozen=True)
class Wanted:
    """Images that would settle the effect of a concept, if each were rendered or photographed with another value.

    Attributes:
        concept: Its name.
        images: The images as they are, n of them.
        names: Of these images: paths in the folder of the data, or indices.
        before: Their values: names of classes, indices if they have none, or numbers.
        after: The values that are wanted.
    """

    concept: str
    images: Samples
    names: Sequence[str]
    before: Sequence[Any]
    after: Sequence[Any]

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        rows = zip(self.names, self.before, self.after, strict=True)
        lines = [f"{name}: {_short(before)} to {_short(after)}" for name, before, after in rows]
        others = (
            f"{len(self)} images with another {self.concept}, all else the same, would settle its effect:"
        )
        return "\n".join([others, *lines])

    def counterfactuals(self, others: Any) -> dict[str, tuple[Any, ...]]:
        """What `explain` and `report` take: these images with their counterparts, in this order."""
        return {self.concept: (self.images, others, list(self.before), list(self.after))}


def wanted_counterparts(data: FitData, name: str, *, count: int = 50, seed: int = 0) -> Wanted:
    """Images drawn at random, one of a group, and for each another value, drawn as often as it is in the data.

    Images of the test split come first. So drawn, pairs say without bias how often decisions change, where groups are
    alike.

    Args:
        data: The data of the fit.
        name: Of a concept with values.
        count: How many, at most.
        seed: Of the draw.

    Raises:
        ConceptError: no such concept, one without values or with one value alone, or a count below 2.
    """
    if count < 2:
        raise ConceptError(f"Expected at least 2 images to be wanted, found {count}. Type count=50.")
    concept = _concept(data, name)
    rows = torch.cat([data.pool.indices(split) for split in ("test", "validation", "train")])
    own = next(one for one in data.pool.concepts_at(rows) if one.name == name)
    rows, own = rows[torch.from_numpy(own.known)], own.at(own.known)
    taken = alternatives(own, seed=derived_seed(seed, "wanted values"))
    if taken is None:
        raise ConceptError(f"Expected a concept of at least two values, found {name!r}, which has one alone.")
    random = np.random.default_rng(derived_seed(seed, "wanted images"))
    chosen = _one_of_each_group(data, rows, count, random)
    ways = [random.choice(len(taken.data), p=taken.data[:, index]) for index in chosen]
    before, after = np.asarray(own.values)[chosen], taken.values[ways, chosen]
    images = data.inputs_at(rows[torch.from_numpy(chosen)])
    names = images.names or [str(index) for index in range(len(images))]
    return Wanted(name, images, list(names), _told(concept, before), _told(concept, after))


def _concept(data: FitData, name: str) -> Concept:
    known = {concept.name: concept for concept in data.pool.concepts}
    if name not in known:
        raise ConceptError(f"There is no concept {name!r} in this fit. {suggest(name, known)}")
    if known[name].values is None:
        raise ConceptError(
            f"Expected a concept with values, found {name!r}, of which the fit knows none. Give pairs of images that "
            f"differ in it alone: counterfactuals={{{name!r}: (images_a, images_b)}}."
        )
    return known[name]


def _one_of_each_group(
    data: FitData, rows: torch.Tensor, count: int, random: np.random.Generator
) -> IntArray:
    """Places among rows, of those of the test split before others; in the order of the rows."""
    in_test = np.isin(rows.numpy(), data.pool.indices("test").numpy())
    order = np.lexsort((random.permutation(len(rows)), ~in_test))
    groups = data.pool.groups_at(rows)[order]
    firsts = np.sort(np.unique(groups, return_index=True)[1])[:count]
    chosen = order[firsts]
    return np.asarray(chosen[np.argsort(rows.numpy()[chosen])])


def _told(concept: Concept, values: np.ndarray[Any, Any]) -> list[Any]:
    """Values as `counterfactuals` takes them."""
    if concept.indicators is None:
        return list(values.tolist())
    return [concept.classes[int(value)] if concept.classes else int(value) for value in values]


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "(" + ", ".join(f"{part:.4g}" for part in value) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
