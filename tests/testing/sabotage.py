"""Ways to break one thing of a good concept source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from interpret_inn.types import Concept, Gallery, LossContext, Pairs, Plan, Preparation

from .good_source import CLASSES, IMAGES, LABELS, Good


def changed(**members: Any) -> Callable[[Good], None]:
    def change(source: Good) -> None:
        for name, value in members.items():
            setattr(source, name, value)

    return change


def concept(
    name: str = "shape", kind: Any = "categorical", values: Any = None, classes: Any = CLASSES
) -> Any:
    """Another first concept."""
    values = LABELS["shape"] if values is None else values
    return lambda source: setattr(
        source, "concepts", [Concept(name, kind, values, classes), source.concepts[1]]
    )


def pairs(change: Callable[[Pairs, Any], Any]) -> Callable[[Good], None]:
    """Pairs that are changed after they were drawn as they should be."""

    def sabotage(source: Good) -> None:
        draw = source.sample_pairs
        source.sample_pairs = lambda n, generator, among: change(draw(n, generator, among), among)  # type: ignore

    return sabotage


def sample(**members: Any) -> Callable[[Good], None]:
    """Samples of which something is changed."""

    def sabotage(source: Good) -> None:
        for name, value in members.items():
            setattr(source.samples, name, value)

    return sabotage


def drifting(batch_size: int) -> Iterator[Any]:
    for start in range(0, 120, batch_size):
        yield IMAGES[start : start + batch_size] + np.uint8(batch_size % 7)


counter = iter(range(10**6))


def unrepeatable(source: Good) -> None:
    draw = source.sample_pairs
    source.sample_pairs = lambda n, generator, among: draw(  # type: ignore[method-assign]
        n, torch.Generator().manual_seed(next(counter)), among
    )


def constant(source: Good) -> None:
    draw = source.sample_pairs
    source.sample_pairs = lambda n, generator, among: draw(  # type: ignore[method-assign]
        n, torch.Generator().manual_seed(0), among
    )


def scramble(found: Pairs, among: torch.Tensor) -> Pairs:
    kept = found._replace(rho=found.rho.clone())
    among.copy_(among.flip(0))
    return kept


def swapped(found: Pairs, among: torch.Tensor) -> Pairs:
    return found._replace(rho=found.rho[:, [1, 0, 2]])


def planning(**fields: Any) -> Callable[[Good], None]:
    """A source whose plan has these."""
    return changed(prepare=lambda context: Plan(**fields))


def choosing(choose: Callable[[Good], list[Any]]) -> Callable[[Good], None]:
    """A source that plans other concepts."""

    class Curious(Good):
        def prepare(self, context: Preparation) -> Plan:
            self.concepts = choose(self)
            return Plan(concepts=self.concepts)

    def sabotage(source: Good) -> None:
        source.__class__ = Curious

    return sabotage


def rotating(rotation: Callable[[torch.Tensor], Any]) -> Callable[[Good], None]:
    """A source that rotates axes so, given as many as there are."""
    return planning(rotation=rotation)


def losing(loss: Callable[[LossContext], Any], **fields: Any) -> Callable[[Good], None]:
    """A source with a loss of its own."""
    return planning(loss=loss, **fields)


def of_codes(context: LossContext) -> torch.Tensor:
    """A loss as it should be."""
    codes = context.network.blocks(torch.randn(4, 64, generator=context.generator))[0]
    return codes[:, context.axes].square().mean()


def unlike(context: LossContext) -> torch.Tensor:
    """A loss that draws from a generator of its own."""
    own = torch.Generator().manual_seed(next(counter))
    return context.network.blocks(torch.randn(4, 64, generator=own))[0].square().mean()


def eye(span: torch.Tensor) -> torch.Tensor:
    return torch.eye(span.shape[1])


class Restless(Good):
    """Its key is another every time."""

    @property
    def key(self) -> str:
        return str(next(counter))


def gallery(**fields: Any) -> Callable[[Good], None]:
    """A gallery of two cells, of which something is changed."""
    whole = {"title": "Pairs", "caption": "Two and two.", "cells": ((IMAGES[0], "a text"),)}
    return changed(illustrations=lambda: [Gallery(**whole | fields)])
