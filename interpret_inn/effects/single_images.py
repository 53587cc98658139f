"""Single inputs whose decision would change, as labels tell, where the effect is beyond doubt."""

from __future__ import annotations

import numpy as np
import torch

from interpret_inn.effects.estimated import Estimate
from interpret_inn.effects.labelled_layer import Labelled
from interpret_inn.effects.records import Effect, ImageChange
from interpret_inn.fitting.store import FitData

LEAST = 0.05
"""Lower end of an effect from which inputs are named. Where it is nearer to 0, "nothing changes" is as often right."""
AGREE = 0.9
"""Share of refits that must say that a decision changes."""
_MOST = 12


def single_images(
    effect: Effect, found: Estimate, samples: Labelled, data: FitData
) -> tuple[ImageChange, ...]:
    """The inputs whose decision would change with another value of the concept, those first that are surest.

    Args:
        effect: The record of the estimate.
        found: Its parts.
        samples: What it was made of, with `rows`.
        data: The data of the fit, for names.
    """
    if effect.kind != "classes" or not effect.main.low >= LEAST or samples.rows is None:
        return ()
    surest = named(found)
    chosen = np.flatnonzero(surest >= 0)
    agree = found.agree[surest[chosen], chosen]
    chosen = chosen[np.argsort(-agree, kind="stable")][:_MOST]
    if not len(chosen):
        return ()
    order = chosen[np.argsort(samples.rows[chosen])]
    names = data.inputs_at(torch.from_numpy(samples.rows[order])).names or [str(row) for row in order]
    by_place = dict(zip(order.tolist(), names, strict=True))
    taken, concept = found.taken, samples.concept
    return tuple(
        ImageChange(
            by_place[place],
            concept.text(np.asarray(concept.values)[place]),
            concept.text(taken.values[surest[place], place]),
            float(found.agree[surest[place], place]),
        )
        for place in chosen.tolist()
    )


def named(found: Estimate) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """For each of N samples the alternative of which most refits say that the decision changes, −1 if too few do."""
    best = found.agree.argmax(0)
    enough = found.agree[best, np.arange(len(best))] >= AGREE
    return np.where(enough, best, -1)
