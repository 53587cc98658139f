"""The field's scores of codes against known factors, as metrics.

```python
print(interpreter.scores())
print(interpreter.scores(names=("mig", "dci"), options={"dci": {"estimator": "forest"}}))
```

Each is the function of the same name in `interpret_inn.metrics`, with its options; `score` is given on, and its parts
are further scores of the same computation and the part `chance`. Those that are slow on some thousand samples are
computed on request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from interpret_inn import hookimpl, metrics
from interpret_inn.types import FloatArray, MetricSpec, Score, Suits

__all__ = ["inn_metrics"]

_RESAMPLES = 200  # draws of rows for an interval
_FEWEST_CONCEPTS = 2
"""Concepts that scores of which one a code tells need at least: of a single one they would be trivial."""
_SHUFFLES = 5  # orders of the rows that chance is measured by: their mean is steady to some .04 on 100 rows


Scored = Callable[..., metrics.CodeScore]


def _score(function: Scored) -> Callable[..., Score]:
    """A metric of a function of codes and factors; its signature is that function's."""

    @wraps(function)
    def evaluate(codes: FloatArray, factors: FloatArray, **options: Any) -> Score:
        found = function(codes, factors, **options)
        score, parts = found.score, {name: float(further) for name, further in found.further.items()}
        if "chance" in found.parts:
            parts["chance"] = float(found.parts["chance"])
        return Score(score.value, score.low, score.high, parts)

    return evaluate


def _total_correlation(
    codes: FloatArray,
    factors: FloatArray,  # noqa: ARG001 - what every metric is given
    *,
    groups: Any = None,
    resamples: int = 0,
    seed: int = 0,
) -> metrics.CodeScore:
    return metrics.total_correlation(codes, groups=groups, resamples=resamples, seed=seed)


def _sap_continuous(
    codes: FloatArray, factors: FloatArray, *, groups: Any = None, resamples: int = 0, seed: int = 0
) -> metrics.CodeScore:
    return metrics.sap(codes, factors, kind="continuous", groups=groups, resamples=resamples, seed=seed)


@hookimpl
def inn_metrics() -> Iterable[MetricSpec]:
    """Contributes the scores of `interpret_inn.metrics`."""
    yield _spec("mig", "Does one code tell of a factor what no other tells? 1 is best.", _drawn(metrics.mig))
    yield _spec(
        "dci", "Does each code matter to one factor alone? 1 is best.", metrics.dci, fewest_concepts=_FEWEST_CONCEPTS
    )  # fmt: skip
    yield _spec(
        "sap", "How much better does the best code tell a factor than the next? High is good.",
        _drawn(metrics.sap), quick=True,
    )  # fmt: skip
    yield _spec(
        "sap_continuous", "The same by squared correlations, for numbers. 1 is best.", _sap_continuous,
        suits="numbers", quick=True,
    )  # fmt: skip
    yield _spec(
        "modularity", "Does each code tell of one factor alone? 1 is best.", _drawn(metrics.modularity),
        fewest_concepts=_FEWEST_CONCEPTS,
    )  # fmt: skip
    yield _spec(
        "explicitness", "Can each value be read linearly from all codes? 1 is best, 0.5 is chance.",
        _drawn(metrics.explicitness),
    )  # fmt: skip
    yield _spec(
        "factor_vae_score",
        "Does the same code keep still whenever a factor is held? 1 is best, chance is what shuffled codes reach.",
        _shuffled(metrics.factor_vae_score), quick=True, fewest_concepts=_FEWEST_CONCEPTS,
    )  # fmt: skip
    yield _spec(
        "beta_vae_score",
        "Can the factor that samples share be told from their codes? 1 is best, chance is what shuffled codes reach.",
        _shuffled(metrics.beta_vae_score), fewest_concepts=_FEWEST_CONCEPTS,
    )  # fmt: skip
    yield _spec(
        "irs", "Does a code stay where it is while other factors change? 1 is best.", metrics.irs, quick=True
    )
    yield _spec(
        "total_correlation", "How dependent are the codes, in nats? 0 is independent.", _total_correlation,
        suits="none",
    )  # fmt: skip


def _spec(
    name: str,
    summary: str,
    function: Scored,
    *,
    suits: Suits = "classes",
    quick: bool = False,
    fewest_concepts: int = 1,
) -> MetricSpec:
    return MetricSpec(
        name, summary, _score(function), suits=suits, quick=quick, fewest_concepts=fewest_concepts
    )


def _drawn(function: Scored) -> Scored:
    """The same with an interval by default, for scores that cost little to compute again."""

    @wraps(function)
    def scored(codes: FloatArray, factors: FloatArray, **options: Any) -> metrics.CodeScore:
        return function(codes, factors, **{"resamples": _RESAMPLES, **options})

    return scored


def _shuffled(function: Scored) -> Scored:
    """The same with the level that shuffled codes reach, by default."""

    @wraps(function)
    def scored(codes: FloatArray, factors: FloatArray, **options: Any) -> metrics.CodeScore:
        return function(codes, factors, **{"shuffles": _SHUFFLES, **options})

    return scored
