"""Can the reliability of masks be trusted? Donors, masks that look at nothing, and intervals.

On canvases of `two_digits.py` made of the fit's digits, with the interpreter of `where_digits.py`:

* Donors: the library moves a mask's inside into other images of the same batch. `masks` are fitted with blurs of these
  very images, other localizers are not. Does it favour them? The same masks are moved into images of another batch.
* Masks that do not look at their image: a blob in the middle, and the masks of other images. Left digits stand left, so
  both are better than random places; what a localizer tells beyond them is the difference.
* Intervals: batches of 24 from a large pool; how often the interval holds the mean of all batches.

    INTERPRET_INN_REAL=… python tests/benchmarks/mask_reliability.py
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from common import table, write
from torch import Generator, Tensor
from two_digits import canvases
from where_digits import CAPTUM, interpreters

import interpret_inn as inn
from interpret_inn.metrics.bootstrap import bootstrap_mean

IMAGES, BATCH, BATCHES = 32, 24, 20
FACTORS = ("left digit", "right colour")
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "masks": ("masks", {}),
    "positions": ("positions", {}),
    "IntegratedGradients": ("captum", CAPTUM["IntegratedGradients"]),
    "GradCAM": ("captum", CAPTUM["GradCAM"]),
}
measure: Any = importlib.import_module(
    "interpret_inn.localizing.reliability"
)  # the package exports its function


@contextmanager
def donors_from(first: int, last: int) -> Iterator[None]:
    """Images are moved into those of these numbers, two each, drawn by lot and never into themselves."""

    def drawn(codes: Tensor, generator: Generator) -> Tensor:
        step = torch.randint(1, last - first, (len(codes), 2), generator=generator)
        return first + (torch.arange(len(codes))[:, None] + step) % (last - first)

    kept = measure._others
    measure._others = drawn
    try:
        yield
    finally:
        measure._others = kept


def donors(interpreter: inn.Interpreter, pictures: np.ndarray, factor: str, values: Tensor) -> dict[str, str]:
    """Reliability with donors of the masks' own batch, with others, and the paired difference."""
    whole = torch.cat([values, values])
    found = {}
    for name, bounds in (("own batch", (0, IMAGES)), ("other batch", (IMAGES, 2 * IMAGES))):
        with donors_from(*bounds):
            found[name] = measure.reliability(interpreter, pictures, factor, whole, space="input")[1][:IMAGES]
    found["difference"] = found["own batch"] - found["other batch"]
    return {name: _text(each) for name, each in found.items()}


def _text(each: np.ndarray) -> str:
    score = bootstrap_mean(each[np.isfinite(each)])
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def unseeing(
    interpreter: inn.Interpreter, pictures: np.ndarray, factor: str, values: Tensor
) -> dict[str, float]:
    """Reliability of masks that do not depend on their image."""
    down, right = (torch.linspace(-1, 1, size) for size in values.shape[2:])
    blob = torch.exp(-3 * (down[:, None] ** 2 + right**2)).expand(values.shape)
    given = {"a blob in the middle": blob, "masks of other images": values.roll(1, 0)}
    return {
        name: measure.reliability(interpreter, pictures, factor, masks, space="input")[0].value
        for name, masks in given.items()
    }


def intervals(interpreter: inn.Interpreter, factor: str) -> dict[str, float]:
    """How often intervals of batches hold the mean of all batches, and how wide they are."""
    pool = canvases("fit", BATCH * BATCHES, seed=96, missing=0).pictures
    found = [
        interpreter.localize(part, factor, localizer="positions", seed=seed).reliability
        for seed, part in enumerate(np.split(pool, BATCHES))
    ]
    values = np.array([score.value for score in found if score is not None])
    held = [score.low <= values.mean() <= score.high for score in found if score is not None]
    half = np.mean([(score.high - score.low) / 2 for score in found if score is not None])
    return {
        "held": float(np.mean(held)),
        "1.96 deviations": 1.96 * values.std(ddof=1),
        "half width": float(half),
    }


def main() -> None:
    """Measures and writes."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", inn.InnWarning)
    interpreter = interpreters({"pooled"})["pooled"]
    pictures = canvases("fit", 2 * IMAGES, seed=95, missing=0).pictures
    rows, blind = [], []
    for factor in FACTORS:
        for name, (localizer, options) in WAYS.items():
            masks = interpreter.localize(pictures[:IMAGES], factor, localizer=localizer, **options).values
            rows.append({"factor": factor, "localizer": name} | donors(interpreter, pictures, factor, masks))
            if name == "positions":
                blind.append({"factor": factor} | unseeing(interpreter, pictures[:IMAGES], factor, masks))
    print(table(rows) + "\n\n" + table(blind))
    covered = intervals(interpreter, FACTORS[0])
    print(covered)
    write("mask_reliability", {"donors": rows, "unseeing": blind, "intervals": covered})


if __name__ == "__main__":
    main()
