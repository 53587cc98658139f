"""Bootstrap draws of figures: whole groups of samples, and figures by form joined over draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from interpret_inn.effects.changes import OutputKind
from interpret_inn.effects.figures import Key
from interpret_inn.types import FloatArray, IntArray

Figures = dict[str, dict[Key, float]]
"""Figures by form, then by name."""


class Drawn(NamedTuple):
    """Figures, and how they scatter.

    Attributes:
        found: The figures by form.
        draws: The same over B bootstrap draws of groups, (B,) each.
        kind: What outputs are.
    """

    found: Figures
    draws: dict[str, dict[Key, FloatArray]]
    kind: OutputKind

    def deviation(self, form: str, key: Key) -> float:
        """How far a figure scatters over the draws."""
        return float(np.nanstd(self.draws[form][key]))


def weights_drawn(members: IntArray, groups: int, random: np.random.Generator) -> FloatArray:
    """How often each sample counts, float64 (N,), if as many groups are drawn as there are."""
    counts = np.bincount(random.integers(groups, size=groups), minlength=groups)
    return np.asarray(counts[members], np.float64)


def by_form(rows: Sequence[Figures], forms: Sequence[str]) -> dict[str, dict[Key, FloatArray]]:
    """Figures of R draws, (R,) each; NaN in draws that lack one."""
    if not rows:
        return {form: {} for form in forms}
    return {
        form: {key: np.array([row[form].get(key, np.nan) for row in rows]) for key in rows[0][form]}
        for form in forms
    }
