"""Can the reliability of masks be trusted? Donors, masks that look at nothing, and intervals.

On canvases of `two_digits.py` made of the fit's digits, with the interpreter of `where_digits.py`:

* Donors: the library moves a mask's inside into other images of the same batch. `masks` are fitted with blurs of these
  very images, other localizers are not. Does it favour them? The same masks are moved into images of another batch;
  intervals are over pairs of batches.
* Masks that do not look at their image: a blob in the middle, and the masks of other images. Left digits stand left, so
  both are better than random places; what a localizer tells beyond them is the difference.
* Intervals: batches of 24 from a large pool; how often the interval holds the mean of all batches, for maps of
  positions, for a blob and for random masks.

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

PAIRS, BATCH, BATCHES = 6, 24, 20
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


def donors(
    interpreter: inn.Interpreter, factor: str, localizer: str, options: dict[str, Any]
) -> dict[str, str]:
    """Reliability with donors of the masks' own batch and of another one, and the difference, over pairs."""
    found: dict[str, list[float]] = {"own batch": [], "other batch": []}
    for pair in range(PAIRS):
        pictures = canvases("train", 2 * BATCH, seed=200 + pair, missing=0).pictures
        masks = interpreter.localize(pictures[:BATCH], factor, localizer=localizer, **options).values
        for name, first in (("own batch", 0), ("other batch", BATCH)):
            with donors_from(first, first + BATCH):
                each = measure.reliability(
                    interpreter.translator,
                    pictures,
                    factor,
                    torch.cat([masks, masks]),
                    space="input",
                    seed=pair,
                )[1]
            found[name].append(float(np.nanmean(each[:BATCH])))
    own, other = (np.array(values) for values in found.values())
    return {name: _text(values) for name, values in (*found.items(), ("difference", own - other))}


def _text(values: Any) -> str:
    score = bootstrap_mean(values)
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def blob(size: torch.Size) -> Tensor:
    """The same in all images of that many (B, 1, H, W): a Gaussian in the middle."""
    down, right = (torch.linspace(-1, 1, length) for length in size[2:])
    return torch.exp(-3 * (down[:, None] ** 2 + right**2)).expand(size).contiguous()


def at_random(size: torch.Size, seed: int) -> Tensor:
    """Smooth masks (B, 1, H, W) by lot."""
    coarse = torch.rand(size[0], 1, 4, 7, generator=Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size[2:], mode="bilinear")


def intervals(interpreter: inn.Interpreter, factor: str) -> list[dict[str, Any]]:
    """How often intervals of batches hold the mean of all batches; and what masks that see nothing reach."""
    pool = canvases("train", BATCH * BATCHES, seed=96, missing=0).pictures
    found: dict[str, list[Any]] = {}
    for seed, part in enumerate(np.split(pool, BATCHES)):
        masks = interpreter.localize(part, factor, localizer="positions").values
        given = {
            "positions": masks,
            "positions of other images": masks.roll(1, 0),
            "a blob in the middle": blob(masks.shape),
            "random": at_random(masks.shape, seed),
        }
        for name, values in given.items():
            score, _ = measure.reliability(
                interpreter.translator, part, factor, values, space="input", seed=seed
            )
            found.setdefault(name, []).append(score)
    rows = []
    for name, scores in found.items():
        values = np.array([score.value for score in scores])
        held = [score.low <= values.mean() <= score.high for score in scores]
        rows.append(
            {
                "factor": factor,
                "masks": name,
                "mean": values.mean(),
                "1.96 deviations": 1.96 * values.std(ddof=1),
                "half width": np.mean([(score.high - score.low) / 2 for score in scores]),
                "intervals that hold the mean": np.mean(held),
            }
        )
    return rows


def main() -> None:
    """Measures and writes."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", inn.InnWarning)
    interpreter = interpreters({"pooled"})["pooled"]
    covered = [row for factor in FACTORS for row in intervals(interpreter, factor)]
    print(table(covered), flush=True)
    rows = []
    for factor in FACTORS:
        for name, (localizer, options) in WAYS.items():
            rows.append(
                {"factor": factor, "localizer": name} | donors(interpreter, factor, localizer, options)
            )
            print(table(rows[-1:]), flush=True)
    write("mask_reliability", {"donors": rows, "intervals": covered})


if __name__ == "__main__":
    main()
