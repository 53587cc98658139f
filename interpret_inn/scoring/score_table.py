"""A table of scores: the metrics that are asked for, computed for one set of codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from interpret_inn.errors import PluginError, suggest
from interpret_inn.metrics.probe_folds import FEWEST, split_off
from interpret_inn.plugin import get_manager
from interpret_inn.plugin.calling import check_options
from interpret_inn.scoring.known_values import BINS, Known, known_factors
from interpret_inn.types import Concept, Factors, FloatArray, IntArray, MetricSpec, Score, Scores
from interpret_inn.types.metric_calls import parameter_names

_TEST_SHARE = 1 / 3  # of groups, held out from predictors that a metric trains
_TOGETHER = (
    "Several samples are variants of one thing: predictors are tested on other things than they learn from, and there "
    "are no intervals, as samples would be drawn as if each were by itself."
)

_OFFERED = ("groups", "resamples", "seed", "test")
"""Arguments that a metric is given if it takes them; see `MetricSpec`."""

Options = Mapping[str, Mapping[str, Any]]
"""Options of metrics, by the metric's name."""


class ScoreRequest(NamedTuple):
    """Which metrics are computed, and how.

    Attributes:
        names: Names of metrics; None: the quick ones; "all": all.
        options: Options of metrics, by name.
        bins: Classes that numbers are cut into.
        seed: Of all draws.
    """

    names: Sequence[str] | str | None = None
    options: Options | None = None
    bins: int = BINS
    seed: int = 0


class Scored(NamedTuple):
    """Codes to score, and the values of their concepts.

    Attributes:
        codes: float64 (N, D), or the leading axes of them, (N, d).
        factors: All factors of the code.
        concepts: With values for the N samples.
        groups: int64 (N,), samples of one group are variants of one thing; None: all apart.
    """

    codes: FloatArray
    factors: Factors
    concepts: Sequence[Concept]
    groups: IntArray | None = None


def score_table(given: Scored, request: ScoreRequest) -> Scores:
    """Scores codes, grouped by factor, against the values of concepts.

    Raises:
        PluginError: an unknown metric, or options that it does not take.
    """
    chosen, others = _chosen(request)
    known = known_factors(given.concepts, len(given.codes), bins=request.bins, seed=request.seed)
    together = given.groups is not None and len(np.unique(given.groups)) < len(given.groups)
    found: dict[str, Score] = {}
    left_out: dict[str, str] = {}
    for spec in chosen:
        score = known.refusal(spec) or _scored(spec, given, known, request, together)
        if isinstance(score, Score):
            found[spec.name] = score
        else:
            left_out[spec.name] = score
    return Scores(
        scores=found,
        summaries={spec.name: spec.summary for spec in chosen if spec.name in found},
        left_out=left_out,
        on_request=tuple(spec.name for spec in others),
        factors=known.names,
        samples=int(known.rows.sum()) if known.names else len(given.codes),
        notes=(*known.notes, *((_TOGETHER,) if together else ())),
    )


def _chosen(request: ScoreRequest) -> tuple[list[MetricSpec], list[MetricSpec]]:
    """The metrics that are asked for, and all others.

    Raises:
        PluginError: an unknown metric, or options that it does not take.
    """
    manager = get_manager()
    every = list(manager.metrics())
    if request.names is None:
        names = [spec.name for spec in every if spec.quick]
    elif request.names == "all":
        names = [spec.name for spec in every]
    else:
        names = [request.names] if isinstance(request.names, str) else list(request.names)
    chosen = [manager.find("metric", name) for name in names]
    for name, options in (request.options or {}).items():
        if name not in names:
            raise PluginError(
                f"Options were given for the metric {name!r}, which is not asked for. {suggest(name, names)}"
            )
        spec = manager.find("metric", name)
        given = dict.fromkeys(set(_OFFERED) & set(parameter_names(spec.evaluate))) | dict(options)
        check_options(manager.title(spec), spec.evaluate, (None, None), given)
    return chosen, [spec for spec in every if spec.name not in names]


def _scored(
    spec: MetricSpec, given: Scored, known: Known, request: ScoreRequest, together: bool
) -> Score | str:
    """A metric's score, or the reason why there is none."""
    rows = np.ones_like(known.rows) if spec.suits == "none" else known.rows
    # copies, as a metric may write into its arguments
    codes, factors = given.codes[rows], known.columns(spec.suits).copy()
    slices = [slice(f.start, min(f.stop, codes.shape[1])) for f in given.factors if f.start < codes.shape[1]]
    offered: dict[str, Any] = {"groups": slices, "seed": request.seed}
    if together and given.groups is not None:
        groups = given.groups[rows]
        apart = split_off(len(codes), groups, seed=request.seed, share=_TEST_SHARE)
        offered |= {"resamples": 0, "test": (codes[apart], factors[apart])}
    own = (request.options or {}).get(spec.name, {})
    taken = parameter_names(spec.evaluate)
    options = {name: value for name, value in offered.items() if name in taken and name not in own}
    if "test" in options:
        if not apart.any():
            few = len(np.unique(groups))
            return f"It learns from some groups and is tested on others: it needs at least {FEWEST}, found {few}."
        codes, factors = codes[~apart], factors[~apart]
    return get_manager().evaluate(spec, codes, factors, **options, **own)
