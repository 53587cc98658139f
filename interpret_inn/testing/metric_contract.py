"""The contract of metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from interpret_inn.errors import InputError
from interpret_inn.testing.contract import Check, hold, misfits, same
from interpret_inn.types import FloatArray, MetricSpec, Score
from interpret_inn.types.metric_calls import parameter_names, score_fault

_FACTORS = 3
"""Known factors, unless the metric wants more."""


@dataclass(frozen=True)
class _Case:
    spec: MetricSpec

    @property
    def known(self) -> dict[str, _Known]:
        """Codes of known worth: the factors themselves, and noise that is independent of them.

        Beside the axes of the three factors (more if the metric wants more) there are two of the residual. Each check
        gets new ones, as a bad metric may change them.
        """
        rng, count = np.random.default_rng(0), max(_FACTORS, self.spec.fewest_concepts)
        factors = rng.integers(0, 5, (500, count)).astype(np.float64)
        noise, rest = rng.normal(size=(500, count)), rng.normal(size=(500, 2))
        return {
            "perfect": _Known(np.hstack([factors, rest]), factors),
            "noise": _Known(np.hstack([noise, rest]), factors),
        }

    @property
    def unusual(self) -> dict[str, _Known]:
        """Other codes that the library may give. A metric that does not suit them raises InputError.

        The library leaves out a metric that wants more concepts than there are.
        """
        codes, factors, _ = self.known["perfect"]
        constant = codes.copy()
        constant[:, 0] = 0.0
        several = {"test": (codes[:150].copy(), factors[:150].copy()), "resamples": 0}
        alone = {"one concept": _Known(codes[:, [0, -2, -1]], factors[:, :1], {"resamples": 0})}
        left_out = self.spec.suits != "none" and self.spec.fewest_concepts > 1
        return {
            **({} if left_out else alone),
            "a constant axis": _Known(constant, factors, {"resamples": 0}),
            "samples in groups": _Known(codes[150:], factors[150:], several),
        }

    @cached_property
    def asked(self) -> dict[str, _Known]:
        """The plain codes that the metric is asked about first; it may have spoiled them."""
        return self.known

    @cached_property
    def first(self) -> dict[str, Any]:
        """The first scores of the codes of known worth."""
        return {name: self.score(known) for name, known in self.asked.items()}

    def score(self, known: _Known) -> Any:
        """What the metric gives, called as the library calls it."""
        count = known.factors.shape[1]
        residual = slice(count, known.codes.shape[1])
        offered = {"groups": [*(slice(k, k + 1) for k in range(count)), residual], "seed": 0, **known.further}
        taken = parameter_names(self.spec.evaluate)
        factors = np.empty((len(known.codes), 0)) if self.spec.suits == "none" else known.factors
        options = {name: value for name, value in offered.items() if name in taken}
        return self.spec.evaluate(known.codes, factors, **options)


class _Known(NamedTuple):
    """Codes (N, D), values of factors (N, K), both float64, and what else is offered to a metric by name."""

    codes: FloatArray
    factors: FloatArray
    further: Mapping[str, Any] = MappingProxyType({})


def check_metric(spec: MetricSpec) -> tuple[str, ...]:
    """Checks a metric on codes of known worth: 500 samples, 3 factors of 5 values, and two axes of the residual.

    There are more factors if the metric's `fewest_concepts` is more, and one concept alone is tried only if that is 1.
    It is called as the library calls it: with `groups`, `seed`, `test` and `resamples` if it takes them. One concept, a
    constant axis and samples in groups are tried, too.

    Args:
        spec: The record that the plugin contributes.

    Returns:
        The names of the checks, all of which held.

    Raises:
        ContractError: everything that is broken, at once.
    """
    # It draws from Python's generator as it is imported, for which no metric that imports it is to blame.
    import sklearn.linear_model  # noqa: F401

    return hold(f"The metric {getattr(spec, 'name', spec)!r}", METRIC_CHECKS, _Case(spec))


def _is_metric(case: _Case) -> Iterator[str]:
    if not isinstance(case.spec, MetricSpec):
        yield f"Expected a MetricSpec, found {type(case.spec).__name__}."
        return
    if not isinstance(case.spec.quick, bool):
        yield f"Expected quick to be True or False, found {case.spec.quick!r:.60}."
    needed = {"groups", "seed", "test", "resamples"} & set(parameter_names(case.spec.evaluate))
    by_name = partial(case.spec.evaluate, **dict.fromkeys(needed))
    yield from misfits(by_name, "evaluate", "codes", "factors")


def _gives_scores(case: _Case) -> Iterator[str]:
    for name, score in case.first.items():
        if not isinstance(score, Score):
            yield f"Expected a Score, found {type(score).__name__}."
            return
        fault = score_fault(score)
        if fault:
            yield f"Of {name} codes: {fault}"
        elif not math.isfinite(score.value):
            yield f"Of {name} codes: Expected a finite score, found {score.value}."


def _handles_unusual_codes(case: _Case) -> Iterator[str]:
    for name, known in case.unusual.items():
        try:
            score = case.score(known)
        except InputError:
            continue
        except Exception as error:
            yield f"Of {name}: raised {type(error).__name__}: {error}"
            continue
        fault = (
            score_fault(score)
            if isinstance(score, Score)
            else f"Expected a Score, found {type(score).__name__}."
        )
        if fault:
            yield f"Of {name}: {fault}"


def _repeats_scores(case: _Case) -> Iterator[str]:
    if not same(case.first["noise"], case.score(case.known["noise"])):
        yield "The same codes get another score the second time."


def _tells_perfect_from_noise(case: _Case) -> Iterator[str]:
    if case.spec.suits == "none":  # it is given no factors
        return
    perfect, noise = (case.first[name].value for name in ("perfect", "noise"))
    if perfect == noise:
        yield f"Perfect codes and noise get the same score, {perfect}."


def _leaves_arrays(case: _Case) -> Iterator[str]:
    assert case.first  # it has been asked by now
    if not all(same(known[:2], case.asked[name][:2]) for name, known in case.known.items()):
        yield "Changes the arrays that it is given."


METRIC_CHECKS: tuple[Check[_Case], ...] = (
    _is_metric,
    _gives_scores,
    _handles_unusual_codes,
    _repeats_scores,
    _tells_perfect_from_noise,
    _leaves_arrays,
)
"""All checks, in order."""
