"""Fitting scikit-learn's models without their complaints."""

from __future__ import annotations

import warnings
from typing import Any

import numpy.typing as npt

from interpret_inn.types import IntArray


def fit_quietly(model: Any, codes: npt.NDArray[Any], labels: IntArray) -> Any:
    """The model, fitted: that it did not converge is no news where the number of iterations is part of a definition."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(codes, labels)
