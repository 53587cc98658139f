"""Probes: how well a code predicts a concept.

Probes learn from training codes and are scored on test codes. Categorical concepts are scored by accuracy; numbers by
R² (mean over their columns); angles by the R² of cosine and sine. Chance is the best that one constant answer reaches
on the test split: the share of its most frequent class, or 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.metrics.predictors import train_networks
from interpret_inn.metrics.probe_coordinates import SYSTEMS
from interpret_inn.metrics.probe_kernel import KERNEL_SYSTEMS, train_kernel
from interpret_inn.metrics.probe_kinds import Measure, probe_kind
from interpret_inn.metrics.probe_task import Lesson, LinearProbe, Task, read_task, with_values
from interpret_inn.types import ConceptKind, FloatArray, IntArray, ProbeScores, Score


def fit_linear_probe(
    codes: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    kind: ConceptKind,
    groups: IntArray | None = None,
    seed: int = 0,
    systems: Sequence[str] = SYSTEMS,
) -> LinearProbe:
    """Trains a linear probe: logistic regression, or ridge regression of the values.

    Some of these codes (whole groups) choose the penalty, and whether columns count as they are, standardised, or by
    how much they tell: a fifth of them, of up to 500 each fifth in turn. The test split stays untouched. Then the probe
    is fitted to all of them.

    Args:
        codes: Shape (n, d).
        values: As in `Concept.values`, for these rows; rows with missing values are left out.
        kind: `categorical`, `numeric` or `cyclic`.
        groups: Shape (n,) or None.
        seed: Of the fifths.
        systems: Of coordinates, to choose from: `probe_coordinates.SYSTEMS`.

    Raises:
        InputError: Codes that are not finite, lengths that differ, no value at all, or an unlabelled kind.
    """
    x, targets, kept_groups = with_values(codes, values, kind=kind, groups=groups)
    if not len(x):
        raise InputError("Expected at least one sample with a value to train a probe on, found none.")
    return Lesson(kind, x, targets, kept_groups, seed, systems).linear[0]


def probe_scores(
    train_codes: npt.ArrayLike,
    train_values: npt.ArrayLike,
    test_codes: npt.ArrayLike,
    test_values: npt.ArrayLike,
    *,
    kind: ConceptKind,
    groups: IntArray | None = None,
    train_groups: IntArray | None = None,
    seed: int = 0,
    networks: bool = True,
) -> ProbeScores:
    """How well probes predict a concept: a linear one, small networks, and kernel ridge regression.

    Coordinates, penalties, the kernel's width and the number of steps are chosen on training rows, by what was not
    fitted to them. The test rows choose nothing but which of the three networks is reported: the median one.

    Args:
        train_codes: Shape (N, d), to train on.
        train_values: As in `Concept.values`, (N,) or (N, k); rows with missing values are left out.
        test_codes: Shape (M, d), to score on.
        test_values: Shape (M,) or (M, k). Classes never seen on the training split count as predicted wrongly.
        kind: `categorical` (accuracy), `numeric` or `cyclic` (R²).
        groups: Shape (M,), groups of the test rows, for the intervals; None: all apart.
        train_groups: Shape (N,), groups of the training rows, for choosing penalties and when to stop.
        seed: Of all draws.
        networks: Whether networks are trained, which takes a third of the time; else their score is NaN.

    Returns:
        The scores with 95 % bootstrap intervals; NaN if fewer than 5 values are there in either split
        or the values of the training split are all the same.

    Raises:
        InputError: Codes that are not finite, lengths that differ, or an unlabelled kind.
    """
    found = probe_readings(
        train_codes, train_values, test_codes, test_values, kind=kind, groups=groups, train_groups=train_groups,
        seed=seed, networks=networks,
    )  # fmt: skip
    return found.scores


class ProbeReadings(NamedTuple):
    """The scores of probes, and the draws that their intervals are made of.

    Attributes:
        scores: NaN where there are too few values, and of networks if none were trained.
        draws: By probe, its score in each draw of the test groups, (resamples,), NaN where a draw has none; empty if
            there are too few values.
        groups: How many test groups are drawn from.
    """

    scores: ProbeScores
    draws: Mapping[str, FloatArray]
    groups: int


def probe_readings(
    train_codes: npt.ArrayLike,
    train_values: npt.ArrayLike,
    test_codes: npt.ArrayLike,
    test_values: npt.ArrayLike,
    *,
    kind: ConceptKind,
    groups: IntArray | None = None,
    train_groups: IntArray | None = None,
    seed: int = 0,
    networks: bool = True,
) -> ProbeReadings:
    """The scores of `probe_scores` with their draws; arguments and errors as there.

    With the same test rows and seed, the draws of other codes hold the same samples: differences of them are paired.

    Args:
        train_codes: As there.
        train_values: As there.
        test_codes: As there.
        test_values: As there.
        kind: As there.
        groups: As there.
        train_groups: As there.
        seed: As there.
        networks: As there.
    """
    task = read_task(train_codes, train_values, test_codes, test_values, kind, groups, train_groups, seed)
    if task is None:
        return ProbeReadings(ProbeScores(Score(math.nan), Score(math.nan)), {}, 0)
    told = _told(task, networks=networks)
    scores = {probe: task.score(found) for probe, found in told.items()}
    scores.setdefault("network", Score(math.nan))
    draws = {probe: task.draws(found) for probe, found in told.items() if math.isfinite(scores[probe].value)}
    return ProbeReadings(ProbeScores(**scores), draws, task.count)


def _told(task: Task, *, networks: bool) -> dict[str, FloatArray]:
    """What each probe makes of the test rows, (M, out); of three networks the median one."""
    lesson = task.lesson
    linear, system = lesson.linear
    # the kernel tries few systems, as each costs much: the network reads by the one that did best
    kernel, system = train_kernel(
        lesson.x, lesson.coded.values, folds=lesson.folds,
        names=tuple(dict.fromkeys((*KERNEL_SYSTEMS, system))), seed=lesson.seed,
    )  # fmt: skip
    found = {"linear": linear.scores(task.test_x), "kernel": lesson.decoded(kernel(task.test_x))}
    if networks:
        read = train_networks(
            lesson.x, lesson.coded.values, classes=bool(len(linear.classes)), folds=lesson.folds, system=system,
            seed=lesson.seed,
        )  # fmt: skip
        three = [lesson.decoded(each) for each in read(task.test_x)]
        found["network"] = sorted(three, key=lambda each: task.score(each).value)[len(three) // 2]
    return found


def linear_probe_score(
    train_codes: npt.ArrayLike,
    train_values: npt.ArrayLike,
    test_codes: npt.ArrayLike,
    test_values: npt.ArrayLike,
    *,
    kind: ConceptKind,
    groups: IntArray | None = None,
    train_groups: IntArray | None = None,
    seed: int = 0,
) -> Score:
    """The linear score of `probe_scores`, by the same rules; arguments and errors as there."""
    task = read_task(train_codes, train_values, test_codes, test_values, kind, groups, train_groups, seed)
    return Score(math.nan) if task is None else task.score(task.lesson.linear[0].scores(task.test_x))


def chance(test_values: npt.ArrayLike, *, kind: ConceptKind) -> float:
    """What the best constant answer reaches: the most frequent class's share, or an R² of 0.

    Raises:
        InputError: an unlabelled kind.

    >>> chance([0, 0, 1, -1], kind="categorical"), chance([0.1, 0.5], kind="numeric")
    (0.6666666666666666, 0.0)
    """
    return probe_kind(kind).chance(np.asarray(test_values))


def score_kind(kind: ConceptKind) -> Measure:
    """How concepts of this kind are scored.

    Raises:
        InputError: an unlabelled kind.
    """
    return probe_kind(kind).measure
