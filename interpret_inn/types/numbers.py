"""Types of arrays, and tolerances that several rooms share, each with a word of why."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]
"""A picture to show, uint8 (H, W, 3)."""

TINY = 1e-12
"""Divisors of quantities of order one are at least this, so that 0 / 0 is 0: smaller ones are rounding."""
ROUNDING = 1e-12
"""Numbers that differ by a smaller share of the largest are equal: float64 rounds sums of them further apart."""
SMALLEST = 1e-300
"""Added to divisors of any scale, in float64: it changes none but 0."""
NEGLIGIBLE = 1e-6
"""Axes with a smaller share of the strongest one's strength carry rounding (of float32 codes), and are left out."""
SAME_OUTPUT = 1e-3
"""Outputs of a model that change by a smaller share of their spread are the same: rounding in the model gives less."""
SLACK = 1e-3
"""Pixels may lie this far outside their range of one: float rounding, and the overshoot of bicubic resizing."""
