"""What tests of the first screen share: the sentences of doubts, and own scores that are given."""

from __future__ import annotations

import dataclasses
import math

from interpret_inn.explaining.doubts import doubts
from interpret_inn.explaining.records import Explanation, ProbeScores
from interpret_inn.types import Score

NAN = math.nan


def texts(explanation: Explanation, level: str | None = None) -> str:
    return " | ".join(doubt.text for doubt in doubts(explanation) if level in (None, doubt.level))


def own_scores(explanation: Explanation, **scores: Score | None) -> Explanation:
    """The same with other scores of own factors; None: the concept has no labels."""
    leakage = explanation.leakage
    cells = {
        name: {**leakage.scores[name], name: ProbeScores(score, score, score)}
        for name, score in scores.items()
        if score is not None
    }
    kept = tuple(name for name in leakage.concepts if scores.get(name, 0) is not None)
    changed = dataclasses.replace(leakage, concepts=kept, scores={**leakage.scores, **cells})
    return dataclasses.replace(explanation, leakage=changed)


NOT, UNSURE = Score(0.1, 0.05, 0.15), Score(0.3, 0.05, 0.6)
NOT_R2, UNSURE_R2 = Score(-0.01, -0.1, 0.1), Score(0.1, -0.2, 0.4)
