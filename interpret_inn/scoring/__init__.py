"""Scores of a fit's codes by the metrics of all plugins, where the values of concepts are known."""

from interpret_inn.scoring.given import scores_of_inputs
from interpret_inn.scoring.score_table import Wish
from interpret_inn.scoring.scored_part import scores_of_fit, with_scores

__all__ = ["Wish", "scores_of_fit", "scores_of_inputs", "with_scores"]
