"""Effects that are measured: the model runs on inputs and on counterparts that differ in one concept alone."""

from __future__ import annotations

import dataclasses

import numpy as np

from interpret_inn.backbones import Backbone
from interpret_inn.effects.changes import Target
from interpret_inn.effects.inputs import InputPairs, Rendering
from interpret_inn.effects.moves import Moves, as_in_data, evenly, moves_of, shares
from interpret_inn.effects.records import Effect
from interpret_inn.effects.rendered import run_renderings
from interpret_inn.effects.running import Runner, RunPairs, run_pairs
from interpret_inn.effects.summary import CaseTable, effect_of
from interpret_inn.types import Concept, FloatArray, Samples


def effect_of_pairs(backbone: Backbone, pairs: InputPairs, *, target: Target = None, seed: int = 0) -> Effect:
    """The effect that pairs of inputs show which share all but a concept.

    Args:
        backbone: The model, which runs whole; no site is needed.
        pairs: Pairs whose values are equal, or missing on one side alone, are left out.
        target: What of the output to watch; see `measure`.
        seed: Of the bootstrap.

    Raises:
        ConceptError: fewer than two pairs differ.
    """
    differing = pairs.differing()
    runner = Runner(backbone, target)
    with backbone.session():
        run = run_pairs(runner, differing)
    table, notes = _table(differing, run)
    if run.unchanged:
        notes.append(f"In {run.unchanged} of {len(differing.places)} pairs both inputs are the same.")
    return effect_of(
        pairs.concept.name,
        "measured",
        runner.kind,
        table,
        inputs=len(differing.places),
        notes=(*differing.notes, *notes),
        class_names=backbone.class_names,
        seed=seed,
    )


def effect_of_renderings(
    backbone: Backbone,
    rendering: Rendering,
    inputs: Samples,
    own: Concept | None = None,
    *,
    target: Target = None,
    seed: int = 0,
) -> Effect:
    """The effect that inputs show which a function renders with other values of a concept.

    Args:
        backbone: The model, which runs whole; no site is needed.
        rendering: The function, and the concept.
        inputs: N inputs.
        own: The concept with the values of these inputs, (N,); None: not known.
        target: What of the output to watch; see `measure`.
        seed: Of the bootstrap.

    Raises:
        ConceptError: the function gives another number of images, or the data have one value alone.
        PluginError: the function raised.
    """
    runner = Runner(backbone, target)
    with backbone.session():
        run = run_renderings(runner, rendering, inputs, own)
    return effect_of(
        rendering.concept.name,
        "measured",
        runner.kind,
        run.table,
        inputs=run.inputs,
        notes=run.notes,
        class_names=backbone.class_names,
        seed=seed,
    )


def _table(pairs: InputPairs, run: RunPairs) -> tuple[CaseTable, list[str]]:
    """The cases of pairs with their groups, moves and weights, and what to know of these."""
    cases = run.cases
    groups = run.firsts if pairs.groups is None else pairs.groups
    plain = CaseTable(cases.changes, cases.predicted, np.asarray(groups)[cases.pair])
    if pairs.before is None or pairs.after is None:
        return plain, []
    concept = pairs.before if pairs.concept.values is None else pairs.concept
    moves = moves_of(concept, pairs.before, pairs.after)
    if moves is None:
        return plain, []
    if pairs.both_ways:
        before, after = (
            np.concatenate(ends) for ends in ((moves.before, moves.after), (moves.after, moves.before))
        )
        moves = Moves(before, after, moves.names)
    weights, even, notes = _weights(pairs, moves)
    return dataclasses.replace(plain, moves=moves, weights=weights, even=even), notes


def _weights(pairs: InputPairs, moves: Moves) -> tuple[FloatArray | None, FloatArray | None, list[str]]:
    """Weights of cases as values occur in the data, and evenly; None for numbers, or where the data have no values."""
    count = len(moves.names)
    share = shares(pairs.concept, count)
    own = share
    if own is None and pairs.concept.values is None and pairs.before is not None:
        own = shares(pairs.before, count)
    if own is None:
        return None, None, []
    even = moves.spread(evenly(own, moves))
    if share is None:
        return (
            None,
            even,
            [f"How often each {pairs.concept.name} is in the data is not known: all pairs count alike."],
        )
    lacking = int((moves.counts == 0).sum()) - count
    notes = []
    if lacking:
        notes.append(
            f"{lacking} of {count * (count - 1)} changes from one {pairs.concept.name} to another are in no pair, and "
            "count for nothing."
        )
    return moves.spread(as_in_data(share)), even, notes
