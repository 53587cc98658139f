"""Scores of a fit on its own test split."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Generator

from interpret_inn.errors import FitError, InputError
from interpret_inn.explaining.evaluation import CHUNK, MOST_SAMPLES, Evaluation
from interpret_inn.fitting.store import FitData
from interpret_inn.plugin import get_manager
from interpret_inn.scoring.score_table import Scored, ScoreRequest, score_table
from interpret_inn.translating.fitted import WIDEST_REFERENCE, Fitted
from interpret_inn.types import FloatArray, Scores

_FEWEST = 500
"""Samples that are scored at least, however wide codes are."""
_NUMBERS = 2**21
"""Samples times axes that are scored at most, so that scores take seconds."""


def scores_of_fit(
    fitted: Fitted,
    data: FitData | None,
    request: ScoreRequest,
    *,
    given: object = None,
    saved: Evaluation | None = None,
) -> Scores:
    """Scores of the test split.

    At most 4,000 samples are used; fewer of codes with more than 524 axes, so that samples times axes stay below two
    million, but 500 at least. Of codes with more than 4,096 axes only the leading ones are scored, which enter the
    blocks.

    Args:
        fitted: The fit.
        data: The data of the fit; None: they are no longer available.
        request: Which metrics are computed, and how.
        given: Labels that were given without inputs, which is refused.
        saved: The evaluation that was saved with the fit, for the error if there are no data.

    Raises:
        InputError: labels were given.
        FitError: there are no data.
        PluginError: an unknown metric, or options that it does not take.
    """
    if given is not None:
        raise InputError("Expected inputs with the labels, found labels alone. Type scores(images, labels).")
    if data is None:
        names = [concept.name for concept in fitted.concepts if concept.values is not None]
        measured = saved is not None and saved.scores is not None
        raise FitError(
            "Expected inputs and labels: the data of the fit are not saved with it. Type "
            f"scores(images, {{{names[0] if names else 'name'!r}: …}}). "
            + (
                "The scores that were saved with it stand in interpreter.evaluation.scores."
                if measured
                else "No scores were saved with it: not measured; fit again."
            )
        )
    width = fitted.network.shape.width
    kept = width if width <= WIDEST_REFERENCE else fitted.network.shape.leading
    most = min(MOST_SAMPLES, max(_FEWEST, _NUMBERS // kept))
    indices = data.pool.some("test", most, Generator().manual_seed(fitted.seed))
    codes = np.concatenate([_codes(fitted, data, chunk, kept) for chunk in indices.split(CHUNK)])
    pool = data.pool
    return score_table(
        Scored(codes, fitted.factors, pool.concepts_at(indices), pool.groups_at(indices)), request
    )


def with_scores(evaluation: Evaluation, fitted: Fitted, data: FitData | None) -> Evaluation:
    """The evaluation with the quick scores of all metrics that are registered now; without data, unchanged."""
    if data is None:
        return evaluation
    wanted = {spec.name for spec in get_manager().metrics() if spec.quick}
    if evaluation.scores is not None and {*evaluation.scores, *evaluation.scores.left_out} == wanted:
        return evaluation
    return dataclasses.replace(evaluation, scores=scores_of_fit(fitted, data, ScoreRequest(seed=fitted.seed)))


@torch.no_grad()
def _codes(fitted: Fitted, data: FitData, indices: torch.Tensor, kept: int) -> FloatArray:
    """Codes float64 (n, D), means over positions."""
    rows = data.rows(indices).to(fitted.network.whitening.mean)
    codes = fitted.network(rows.flatten(0, 1))[0][:, :kept].reshape(len(rows), -1, kept)
    found: FloatArray = codes.cpu().double().mean(1).numpy()
    return found
