"""Refits: how scores would differ had the fit been given other samples of the same kind.

The samples are shared out to five folds of whole groups. A flow is fitted without each fold and judged on it, so that
every sample is judged once, by a flow and probes that never saw its group. Everything comes from stored rows: no model
is run. Networks are not among the probes, as they take a third of the time, and the kernel probe is the stricter one
where samples are few. The intervals are those of Nadeau and Bengio, "Inference for the generalization error" (2003).
"""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from interpret_inn.data.process import derived_seed, progress
from interpret_inn.errors import InnError, InnWarning, shown
from interpret_inn.explaining.evaluation import Evaluation, probed
from interpret_inn.explaining.evidence import Leakage, Refits
from interpret_inn.explaining.verdicts import verdicts
from interpret_inn.fitting.fit import refit
from interpret_inn.fitting.folds import FOLDS, folds, separable_groups
from interpret_inn.fitting.plans import prepares
from interpret_inn.fitting.store import FitData
from interpret_inn.metrics.probe_folds import FEWEST
from interpret_inn.metrics.probes import chance, score_kind
from interpret_inn.metrics.resampled import resampled_score
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Concept, IntArray, ProbeScores, Score
from interpret_inn.types.numbers import TINY

AUTOMATIC = 500
"""Groups in the training split below which refits are made unless the settings say how many."""
MOST_CONCEPTS = 3
"""Concepts up to which they are: probes take most of the time, and their number grows with the square."""
_FAILURES = (ArithmeticError, RuntimeError, ValueError, IndexError)
"""What NumPy, SciPy and torch raise where a fold leaves too little; errors of torch.linalg are RuntimeErrors."""


class _Refit(NamedTuple):
    """One refit.

    Attributes:
        leakage: Its scores.
        carried: Whether each concept is carried by its factor, by its test split alone.
        weights: How much its score of a concept counts, by concept.
        ratio: Groups in its test split for each group in its training split.
    """

    leakage: Leakage
    carried: Mapping[str, bool]
    weights: Mapping[str, float]
    ratio: float


def with_refits(evaluation: Evaluation, translator: Translator, data: FitData) -> Evaluation:
    """The evaluation with the scores of refits, by which verdicts go; or with why there are none."""
    fitted = translator.fitted
    reason = _reason_against(translator, data)
    refits = Refits(reason=reason) if reason else _measured(translator, data, fitted.settings.refits or FOLDS)
    return dataclasses.replace(evaluation, refits=refits)


def _reason_against(translator: Translator, data: FitData) -> str:
    """Why no refits are made, in a sentence; empty if they are."""
    fitted, asked, pool = translator.fitted, translator.fitted.settings.refits, data.pool
    if asked == 0:
        return "None were asked for (refits=0)."
    if fitted.network.shape.conditional is None:
        return "A flow that is trained is not refitted, as each refit would take as long as the fit."
    valued = sum(concept.values is not None for concept in pool.concepts)
    if not valued:
        return "No concept has values to score refits by."
    planned = [part.source.name for part in pool.parts if prepares(part.source)]
    if planned:
        return f"The source {planned[0]!r} was prepared by this fit's own training split, which refits are judged on."
    groups = separable_groups(pool)
    train = len(np.unique(groups[pool.indices("train").numpy()]))
    if asked is None and train >= AUTOMATIC:
        return f"The training split is large ({train:,} samples or groups). Type fit(…, refits={FOLDS}) for some."
    if asked is None and valued > MOST_CONCEPTS:
        return f"They would take long with {valued} concepts. Type fit(…, refits={FOLDS}) for some."
    fewest = min(
        len(np.unique(groups[part.offset : part.offset + len(part.source.samples)])) for part in pool.parts
    )
    if fewest < FEWEST * FOLDS:
        return f"They need at least {FEWEST * FOLDS} samples (groups of samples), found {fewest}."
    return ""


def _measured(translator: Translator, data: FitData, count: int) -> Refits:
    """Makes refits and sums them up; whatever fails in them gives a reason, as the fit they belong to holds."""
    began = time.perf_counter()
    try:
        # what is made in inference mode cannot be trained on by probes
        with torch.inference_mode(False), warnings.catch_warnings():
            # sources said the same of the fit, or speak of pairs, which refits do not draw
            warnings.simplefilter("ignore", InnWarning)
            splits = folds(data, count, seed=derived_seed(translator.fitted.seed, "refits"))
            found = [_refit(translator, fold) for fold in progress(splits, "refitting", total=count)]
        every = data.pool.concepts_at(torch.arange(data.pool.rows))
        groups = separable_groups(data.pool)
        apart = {c.name: len(np.unique(groups[c.known])) for c in every if c.values is not None}
        guessing = {c.name: chance(c.values, kind=c.kind) for c in every if c.values is not None}
        return dataclasses.replace(
            _summary(found, apart), chance=guessing, seconds=time.perf_counter() - began
        )
    except InnError as error:
        return Refits(reason=f"One of them failed. {error}")
    except _FAILURES as error:
        return Refits(reason=f"One of them failed. {type(error).__name__.lstrip('_')}: {shown(error)}")


@torch.no_grad()
def _refit(translator: Translator, fold: FitData) -> _Refit:
    """A flow that is fitted without a fold, and judged on it as any fit is."""
    fitted = translator.fitted
    flow = refit(translator.backbone, fold, seed=fitted.seed, settings=fitted.settings)
    anew = dataclasses.replace(fitted, network=flow.network, factors=flow.factors)
    table = probed(Translator(translator.backbone, anew), fold, networks=False).leakage
    test = fold.pool.indices("test")
    groups = separable_groups(fold.pool)
    sizes = [len(np.unique(groups[fold.pool.indices(split).numpy()])) for split in ("train", "test")]
    return _Refit(
        table,
        {name: verdict.carried.holds is True for name, verdict in verdicts(table).items()},
        {c.name: _weight(c, test.numpy()) for c in fold.pool.concepts_at(torch.arange(fold.pool.rows))},
        sizes[1] / sizes[0],
    )


def _weight(concept: Concept, test: IntArray) -> float:
    """How much the score of some samples counts: their number, or for an R² their share of the sum of squares.

    The mean over folds of an R² with these weights is that of all folds together, errors and squares summed; each fold
    counted alike, one whose values hardly differ by chance would bring it down without limit.
    """
    if concept.values is None:
        return 0.0
    mine = concept.at(test)
    if score_kind(concept.kind) == "accuracy":
        return float(mine.known.sum())
    values, every = (one.targets[one.known] for one in (mine, concept))
    if not len(values):
        return 0.0
    squares = np.square(values - values.mean(0)).sum(0) / np.maximum(every.var(0), TINY)
    return float(squares.mean())


def _summary(found: Sequence[_Refit], apart: Mapping[str, int]) -> Refits:
    """Means and intervals over refits; `apart` has the number of groups that have a value, by concept."""
    tables = [one.leakage for one in found]
    ratio = float(np.mean([one.ratio for one in found]))
    weights = {name: [one.weights[name] for one in found] for name in tables[0].concepts}

    def together(name: str, scores: Sequence[float]) -> Score:
        share_of = apart[name] if tables[0].kind[name] == "accuracy" else None
        return resampled_score(scores, weights[name], ratio=ratio, share_of=share_of)

    def probes(name: str, cells: Sequence[ProbeScores]) -> ProbeScores:
        linear, kernel = (
            together(name, [getattr(cell, probe).value for cell in cells]) for probe in ("linear", "kernel")
        )
        return ProbeScores(linear, Score(math.nan), kernel)

    return Refits(
        count=len(found),
        scores={
            name: {
                factor: probes(name, [t.scores[name][factor] for t in tables]) for factor in tables[0].factors
            }
            for name in weights
        },
        representation={name: probes(name, [t.representation[name] for t in tables]) for name in weights},
        unfitted={
            name: together(name, [t.unfitted[name].value for t in tables]).value
            for name in tables[0].unfitted
        },
        carried={name: sum(one.carried[name] for one in found) for name in found[0].carried},
    )
