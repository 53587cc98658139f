"""The contract of concept sources."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Generator, Tensor

from interpret_inn.testing import optional, preparing
from interpret_inn.testing.concept_values import agreement
from interpret_inn.testing.contract import Check, hold, lacks, misfits, same
from interpret_inn.types import Concept, ConceptSource, Pairs
from interpret_inn.types.completing import NEEDED, completed, strange_members
from interpret_inn.types.concept_faults import concept_faults, group_faults, value_faults

_SAMPLE_MEMBERS = ("__len__", "batches", "take", "fingerprint", "groups", "names", "skipped")
_ENOUGH = 20
"""Pairs needed to measure what they have in common."""
_SHARED, _NOT_SHARED = 0.9, 0.05
"""|rho| from which a pair is said to share a concept (`SAME` is 0.975), and up to which it says nothing of it."""


@dataclass(frozen=True)
class _Case:
    source: Any
    seed: int
    chosen: tuple[Concept, ...] | None = None

    @property
    def concepts(self) -> Sequence[Concept]:
        """Those that were chosen in `prepare`, or else the source's."""
        found: Sequence[Concept] = self.source.concepts if self.chosen is None else self.chosen
        return found

    @cached_property
    def rehearsal(self) -> preparing.Rehearsal:
        """What a copy of the source, which may choose other concepts in it, plans for made-up data."""
        apart = copy.copy(self.source)
        with suppress(AttributeError, TypeError):  # a property, or fields that cannot be assigned
            apart.concepts = list(self.source.concepts)
        return preparing.rehearsed(completed(apart), seed=self.seed)

    def draw(self, n: int, *, seed: int | None = None, among: Tensor | None = None) -> Pairs:
        """Draws pairs as a fit does, with a generator of its own."""
        generator = Generator().manual_seed(self.seed if seed is None else seed)
        with warnings.catch_warnings():
            # A source may warn of a class too small to be drawn from; that is no fault.
            warnings.simplefilter("ignore")
            pairs: Pairs = self.source.sample_pairs(n, generator, self.among if among is None else among)
        return pairs

    @cached_property
    def among(self) -> Tensor:
        """Seven samples of ten (all of them if there are few), as a fit has."""
        count = len(self.source.samples)
        order = torch.randperm(count, generator=Generator().manual_seed(self.seed))
        return (order if count < 20 else order[: 7 * count // 10]).sort().values


def check_concept_source(source: ConceptSource, *, seed: int = 0) -> tuple[str, ...]:
    """Checks everything that a fit relies on in a concept source. Nothing can be left out.

    Args:
        source: A built source, of at least 2 samples; 100 or more let all checks speak.
        seed: Draws the pairs that are looked at.

    Returns:
        The names of the checks, all of which held.

    Raises:
        ContractError: everything that is broken, at once.
    """
    title = f"The concept source {getattr(source, 'name', type(source).__name__)!r}"
    return hold(title, CONCEPT_SOURCE_CHECKS, _Case(source, seed))


def _members(case: _Case) -> Iterator[str]:
    yield from lacks(case.source, NEEDED)
    if hasattr(case.source, "sample_pairs"):
        yield from misfits(case.source.sample_pairs, "sample_pairs", "n", "generator", "among")
    if hasattr(case.source, "samples"):
        yield from lacks(case.source.samples, _SAMPLE_MEMBERS)


def _names(case: _Case) -> Iterator[str]:
    yield from strange_members(case.source)


def _concepts(case: _Case) -> Iterator[str]:
    concepts = list(case.concepts)
    if not concepts:
        yield "Expected at least one Concept and nothing else, found none."
    yield from concept_faults(case.source.name, concepts)


def _values(case: _Case) -> Iterator[str]:
    count = len(case.source.samples)
    for concept in case.concepts:
        yield from value_faults(concept, count)


def _sample_fields(case: _Case) -> Iterator[str]:
    samples, count = case.source.samples, len(case.source.samples)
    if count < 2:
        yield f"Expected at least 2 samples, found {count}."
    yield from group_faults(samples.groups, count)
    if samples.names is not None and len(samples.names) != count:
        yield f"Expected names to be None or {count} names, found {len(samples.names)}."
    if isinstance(samples.skipped, str) or not all(isinstance(reason, str) for reason in samples.skipped):
        yield "Expected skipped to be a sequence of reasons."
    first, second = samples.fingerprint(), samples.fingerprint()
    if not isinstance(first, str) or not first or first != second:
        yield f"Expected a fingerprint that stays, found {first!r} and then {second!r}."


def _sample_order(case: _Case) -> Iterator[str]:
    samples, count = case.source.samples, len(case.source.samples)
    at_once = [image for batch in samples.batches(count) for image in batch]
    in_bits = [image for batch in samples.batches(max(1, count // 3)) for image in batch]
    if len(at_once) != count or len(in_bits) != count:
        found = f"{len(at_once)} and {len(in_bits)}"
        yield f"Expected batches to give each of {count} samples once, found {found}."
    elif not all(map(same, at_once, in_bits)):
        yield "The samples change from read to read, or with the size of a batch."
    else:
        places = [count - 1, 0, count // 2]
        if not all(map(same, samples.take(places), [at_once[place] for place in places])):
            yield f"take({places}) gives other samples than stand there in batches."


def _pairs_form(case: _Case) -> Iterator[str]:
    for n in (1, 64):
        pairs = case.draw(n)
        wanted = {"first": (n,), "second": (n,), "rho": (n, len(case.concepts) + 1)}
        for name, shape in wanted.items():
            value, dtype = getattr(pairs, name, None), torch.float32 if name == "rho" else torch.int64
            if not isinstance(value, Tensor) or value.shape != shape or value.dtype != dtype:
                found = (
                    f"{value.dtype} {tuple(value.shape)}"
                    if isinstance(value, Tensor)
                    else type(value).__name__
                )
                yield f"Expected {name} of {n} pairs to be {dtype} {shape}, found {found}."
                return
    if not (pairs.rho.abs() < 1).all():
        yield "Expected rho between -1 and 1, both left out, in every factor and the residual; found others."


def _pairs_among(case: _Case) -> Iterator[str]:
    among = case.among
    kept = among.clone()
    for name, found in (("sorted", case.draw(256)), ("shuffled", case.draw(256, among=among.flip(0)))):
        drawn = torch.cat([found.first, found.second])
        strangers = drawn[~torch.isin(drawn, kept)].unique().tolist()
        if strangers:
            yield f"Draws samples that do not stand in `among` ({name}): {strangers[:5]}."
        selves = int((found.first == found.second).sum())
        if selves:
            yield f"Pairs {selves} of 256 samples with themselves."
    if not torch.equal(among, kept):
        yield "Changes `among`, which belongs to the caller."


def _pairs_repeatable(case: _Case) -> Iterator[str]:
    if not all(map(torch.equal, case.draw(64), case.draw(64))):
        yield "Draws other pairs from the same state of the generator, so no fit could be resumed."
    if len(case.among) >= 10 and all(map(torch.equal, case.draw(64), case.draw(64, seed=case.seed + 1))):
        yield "Draws the same pairs from generators of different seeds."


def _pairs_meaning(case: _Case) -> Iterator[str]:
    pairs = case.draw(1024)
    for column, concept in enumerate(case.concepts):
        rho = pairs.rho[:, column]
        if not (rho.abs() > _NOT_SHARED).any():
            if concept.values is None:  # it may be an independent factor
                continue
            yield f"No pair shares {concept.name!r}, so nothing of it can be learnt."
            continue
        close = (rho >= _SHARED).numpy()
        found = agreement(concept, pairs.first.numpy()[close], pairs.second.numpy()[close])
        if found is not None and found.known >= _ENOUGH and found.value < found.enough:
            yield (
                f"Pairs said to share {concept.name!r} (rho of {_SHARED:g} or more) do not: {found.measure} is "
                f"{found.value:.2f}, expected at least {found.enough}. Are rho's columns in the concepts' order?"
            )


def _extras(case: _Case) -> Iterator[str]:
    yield from optional.extras(completed(case.source))


def _preparing(case: _Case) -> Iterator[str]:
    rehearsal = case.rehearsal
    if rehearsal.error is not None:
        raise rehearsal.error
    yield from rehearsal.broken
    plan = rehearsal.plan
    if plan is None or plan.concepts is None:
        return
    after = _Case(rehearsal.source, case.seed, tuple(plan.concepts))
    for check in (_concepts, _values, _pairs_form):
        yield from (f"After prepare(): {line}" for line in check(after))


def _rotating(case: _Case) -> Iterator[str]:
    plan = case.rehearsal.plan
    if plan is not None and plan.rotation is not None:
        yield from preparing.rotated_axes(plan.rotation, seed=case.seed)


def _losing(case: _Case) -> Iterator[str]:
    plan = case.rehearsal.plan
    if plan is not None and plan.loss is not None:
        concepts = case.concepts if plan.concepts is None else plan.concepts
        axes = sum(int(plan.sizes.get(concept.name, 1)) for concept in concepts)
        if axes < preparing.AXES:  # else its plan is refused already
            yield from preparing.added_loss(plan.loss, plan.modules, axes=axes, seed=case.seed)


def _illustrations(case: _Case) -> Iterator[str]:
    yield from optional.illustrations(completed(case.source))


def _weights(case: _Case) -> Iterator[str]:
    yield from optional.sample_weights(completed(case.source), case.among)


def _counterfactuals(case: _Case) -> Iterator[str]:
    yield from optional.counterfactual_pairs(completed(case.source), case.among)


CONCEPT_SOURCE_CHECKS: tuple[Check[_Case], ...] = (
    _members,
    _names,
    _concepts,
    _values,
    _sample_fields,
    _sample_order,
    _pairs_form,
    _pairs_among,
    _pairs_repeatable,
    _pairs_meaning,
    _extras,
    _preparing,
    _rotating,
    _losing,
    _illustrations,
    _weights,
    _counterfactuals,
)
"""All checks, in order."""
