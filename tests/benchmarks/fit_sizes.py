"""The default flow at every size: from ten samples to ten thousand, and from 8 axes to 2,048.

Layers are made up, so that truth is known: of 8 latent numbers two tell a class of four and one tells a number; of the
rest, one bends with the number, one is wider for two of the classes than for the others, and three are noise. The
latents are turned into a layer of any width by a random orthogonal map, under a tenth of noise whose variance falls
from axis to axis. Each cell is the mean over three draws, with its standard error; fresh samples, 2,000 to train probes
on and 2,000 to score them, judge both fits.

* `own`: linear probe of the concept from its own factor; `rest`: kernel probe from all other axes. Accuracy or R²;
  means over both concepts, of rest what it tells above guessing.
* `behind`: in which of the two the default is worse than the rotation by more than one standard error of the paired
  difference *and* by more than .01.
* `trip`: largest error of a round trip of fresh samples and of edits of them, in units of the layer's root mean
  variance.

    python tests/benchmarks/fit_sizes.py [--samples 10 40 100 1000 10000] [--widths 8 64 512 2048] [--draws 3]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from common import table, write
from rival_codes import Code, fitted
from rival_measures import chance
from rival_networks import Samples
from torch import nn

from interpret_inn.metrics.probes import linear_probe_score, probe_scores
from interpret_inn.types import Concept

Array = np.ndarray
JUDGES = 2_000
"""Fresh samples to train probes on, and as many to score them on."""
MARGIN = 0.01


def layer(count: int, width: int, *, seed: int) -> Samples:
    """Rows (count, width) of a made-up layer with a class of four and a number."""
    world, random = np.random.default_rng(1000 + seed), np.random.default_rng([seed, count])
    turn = np.linalg.qr(world.normal(size=(width, 8)))[0]
    kind, number = random.integers(0, 4, count), random.normal(size=count)
    latent = random.normal(size=(count, 8))
    corners = 2.0 * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    latent[:, :2] = corners[kind] + latent[:, :2]
    latent[:, 2] = 2 * number + 0.3 * latent[:, 2]
    latent[:, 3] += number**2
    latent[:, 4] *= np.where(kind < 2, 0.5, 1.5)
    noise = 0.1 * random.normal(size=(count, width)) * np.arange(1, width + 1) ** -0.5
    rows = (latent @ turn.T + noise).astype(np.float32)
    concepts = (
        Concept("kind", "categorical", kind.astype(np.int64), ("a", "b", "c", "d")),
        Concept("number", "numeric", number),
    )
    return Samples(rows, concepts, None)


def judged(code: Code, train: Samples, test: Samples) -> dict[str, float]:
    """What probes read of both concepts from fresh samples."""
    codes, told = code.encode(train.z), code.encode(test.z)
    own, rest = [], []
    for concept, truth in zip(train.concepts, test.concepts, strict=True):
        axes = code.axes[concept.name]
        others = np.setdiff1d(np.arange(codes.shape[1]), axes)
        if len(axes):
            values = concept.values, told[:, axes], truth.values
            own.append(linear_probe_score(codes[:, axes], *values, kind=concept.kind).value)
        else:
            own.append(chance(truth))
        if not len(others):
            rest.append(0.0)
            continue
        found = probe_scores(
            codes[:, others], concept.values, told[:, others], truth.values, kind=concept.kind
        )
        assert found.kernel is not None
        rest.append(max(found.kernel.value - chance(truth), 0.0))
    unit = float(np.sqrt(test.z.var(0).mean()))
    trip = float(np.abs(code.decode(told) - test.z).max())
    for axes in code.axes.values():  # and of edits, which give each row the factor of another one
        edited = told.copy()
        edited[:, axes] = np.roll(told[:, axes], 1, 0)
        rows = code.decode(edited)
        trip = max(trip, float(np.abs(code.decode(code.encode(rows.astype(np.float32))) - rows).max()))
    trip /= unit
    return {"own": float(np.mean(own)), "rest": float(np.mean(rest)), "trip": trip, "seconds": code.seconds}


def cell(count: int, width: int, draws: int) -> dict[str, Any]:
    """Both fits at one size."""
    head, found = nn.Linear(width, 4), {}
    for method in ("default", "rotation"):
        found[method] = [
            judged(
                fitted(method, layer(count, width, seed=draw), head, seed=draw),
                layer(JUDGES, width, seed=draw),
                layer(JUDGES + 1, width, seed=draw),
            )
            for draw in range(draws)
        ]
    row: dict[str, Any] = {"samples": count, "axes": width}
    behind = []
    for measure, sign in (("own", 1), ("rest", -1)):
        mine, theirs = (np.array([one[measure] for one in found[name]]) for name in ("default", "rotation"))
        apart = sign * (mine - theirs)
        error = float(apart.std(ddof=1) / draws**0.5) if draws > 1 else 0.0
        row |= {
            measure: float(mine.mean()),
            f"{measure} rotation": float(theirs.mean()),
            f"{measure} ±": error,
        }
        if apart.mean() < -max(error, MARGIN):
            behind.append(measure)
    row["behind"] = " ".join(behind) or "–"
    row["trip"] = max(one["trip"] for one in found["default"])
    row |= {f"fit, s {name}": float(np.mean([one["seconds"] for one in found[name]])) for name in found}
    return row


def main() -> None:
    """Measures every size, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", nargs="+", type=int, default=[10, 40, 100, 1_000, 10_000])
    parser.add_argument("--widths", nargs="+", type=int, default=[8, 64, 512, 2048])
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for count in options.samples:
        for width in options.widths:
            rows.append(cell(count, width, options.draws))
            print(rows[-1], flush=True)
    print(table(rows))
    print(f"behind the rotation in {sum(row['behind'] != '–' for row in rows)} of {len(rows)} sizes")
    write("fit_sizes", rows)


if __name__ == "__main__":
    main()
