"""Scores of a fit's codes by the metrics of all plugins, where the values of concepts are known."""

from interpret_inn.scoring.fit_scores import scores_of_fit, with_scores
from interpret_inn.scoring.input_scores import scores_of_inputs
from interpret_inn.scoring.score_table import ScoreRequest

__all__ = ["ScoreRequest", "scores_of_fit", "scores_of_inputs", "with_scores"]
