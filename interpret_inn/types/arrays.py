"""Arrays by what they hold."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Picture = npt.NDArray[np.uint8]
"""A picture to show, uint8 (H, W, 3)."""
