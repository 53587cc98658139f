"""How many axes each factor gets."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from interpret_inn.errors import ConceptError, suggest
from interpret_inn.types import RESIDUAL, SAME, Factors, Pairs
from interpret_inn.types.numbers import TINY


class Sizes(NamedTuple):
    """Factors, and the raw score each size was estimated from (NaN: the size was given)."""

    factors: Factors
    raw_scores: dict[str, float]


def concept_scores(rows: Tensor, pairs: Pairs) -> Tensor:
    """The score of each concept of Esser, Rombach and Ommer (2020): what its pairs have in common, of all variance.

    `s = Σᵢ cov(zᵃᵢ, zᵇᵢ) / Σᵢ var(zᵢ)` over the pairs that share it; for graded pairs the least squares
    slope of the covariance over ρ, `s = Σ ρ c / Σ ρ²` with ρ in units of `SAME`. The two agree if ρ is 0 or `SAME` in
    every pair.

    Pairs that share the residual share all but one concept, and differ by that concept alone. The score of a concept
    with such pairs is the share of the variance that it moves in them, `s = Σᵢ E[(zᵃᵢ − zᵇᵢ)²] / 2 Σᵢ var(zᵢ)`
    (opposites, with ρ < 0, differ more, and are scaled down accordingly).

    Args:
        rows: float (N, d), the representation along the axes that enter the blocks.
        pairs: Pairs of rows; `rho` is (n, K + 1).

    Returns:
        float64 (K,); 0 for a concept that no pair shares.
    """
    rows = rows.double()
    mean, variance = rows.mean(0), rows.var(0, correction=0).sum()
    product = ((rows[pairs.first] - mean) * (rows[pairs.second] - mean)).sum(1) / variance
    rest = pairs.rho[:, -1:].double()
    rho = torch.where(rest == 0, pairs.rho[:, :-1].double() / SAME, 0.0)
    moved = (rows[pairs.first] - rows[pairs.second]).square().sum(1) / (2 * variance)
    apart = torch.where(rest == 0, 0.0, 1 - pairs.rho[:, :-1].double() / torch.where(rest == 0, 1.0, rest))
    return torch.where(apart.any(0), _slope(apart, moved), _slope(rho, product))


def _slope(weights: Tensor, measured: Tensor) -> Tensor:
    """Least squares slopes of measurements (n,) over each column of weights (n, K), through 0."""
    # Dividing by Σρ² and not by Σρ lets pairs of little correlation count little.
    total = weights.square().sum(0)
    return torch.where(total > 0, (weights * measured[:, None]).sum(0) / total.clamp_min(TINY), 0.0)


def choose_sizes(
    names: tuple[str, ...],
    scores: Tensor,
    *,
    leading: int,
    total: int,
    given: Mapping[str, int] | None = None,
) -> Sizes:
    """Sizes from scores: a softmax over the concepts and the residual (scored 1), times `leading`.

    Args:
        names: Of the K concepts.
        scores: float (K,), from `concept_scores`.
        leading: Axes that enter the blocks; all factors but the residual lie in them.
        total: All axes of the code.
        given: Sizes by concept; all other concepts share the axes that are left, as estimated.

    Raises:
        ConceptError: as many concepts as axes, an unknown name, a size that is no whole number from 1, or sizes that
            leave no residual.
    """
    for name, size in (given or {}).items():
        if name not in names:
            raise ConceptError(f"A size was given for {name!r}, which is no concept. {suggest(name, names)}")
        if isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < 1:
            raise ConceptError(f"Expected a whole number of axes, at least 1, for {name!r}, found {size!r}.")
    given = {name: int(size) for name, size in (given or {}).items()}
    if len(names) >= leading:
        raise ConceptError(
            f"Expected fewer concepts than axes, found {len(names)} concepts and {leading} axes. "
            "Choose a wider site or fewer concepts; few samples cap the axes (give more of them), and so "
            "does explained=."
        )
    open_names = [name for name in names if name not in given]
    left = leading - sum(given.values())
    open_scores = torch.stack([scores[names.index(name)] for name in open_names] + [scores.new_tensor(1.0)])
    shares = open_scores.softmax(0)
    estimated = {
        name: max(1, int(share * left)) for name, share in zip(open_names, shares.tolist()[:-1], strict=True)
    }
    while sum(estimated.values()) >= left and any(size > 1 for size in estimated.values()):
        estimated[max(estimated, key=estimated.__getitem__)] -= 1
    chosen = given | estimated
    sizes = {name: chosen[name] for name in names}
    if sum(sizes.values()) >= leading:
        raise ConceptError(
            f"Expected sizes that leave at least 1 of {leading} axes to the {RESIDUAL}, found {sizes}. "
            "Give smaller sizes."
        )
    raw = {
        name: float("nan") if name in given else float(score)
        for name, score in zip(names, scores.tolist(), strict=True)
    }
    return Sizes(Factors.from_sizes(sizes, total=total), raw | {RESIDUAL: 1.0})
