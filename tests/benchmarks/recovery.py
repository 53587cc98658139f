"""Recovery of a known truth, and what happens without one.

* `truth`: independent factors (a category of 5, a number, an angle, a position of 2 numbers) and nuisance are
  mixed by a known invertible non-linear map: random rotations, an elementwise monotone function and an additive
  coupling. The probes on the factors' codes are scored on the test split: own factor at least 0.95 (R²;
  accuracy of the category), every other at most 0.05 (R²; of the category: above chance). The own probe is
  linear, but that of the angle is the network: a normally distributed code of two axes holds the angle as its
  direction, of which a linear probe tells at most π/4.
* `shuffled`: 20 fits, of 20 seeds, with labels that were shuffled: a category and a number in each. At most 1
  of 20 may be called carried.

    python tests/benchmarks/recovery.py [truth shuffled] [--width 20] [--fits 20]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from common import leakage_rows, table, verdict_rows, write
from torch import Tensor, nn

import interpret_inn as inn

CLASSES = 5
KINDS = {"category": "categorical", "number": "numeric", "angle": "cyclic", "position": "numeric"}
OWN, OTHERS = 0.95, 0.05


class Mixing(nn.Module):
    """A known bijection of R^D: rotate, bend each axis, rotate, let one half push the other, rotate."""

    def __init__(self, width: int, *, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        rotations = torch.linalg.qr(torch.randn(3, width, width, generator=generator)).Q
        self.register_buffer("rotations", rotations)
        self.register_buffer("inner", torch.randn(width // 2, width // 2, generator=generator) * 0.5)
        self.register_buffer("outer", torch.randn(width // 2, width - width // 2, generator=generator) * 0.25)

    def forward(self, sources: Tensor) -> Tensor:
        """Mixes (B, D)."""
        turned = sources @ self.rotations[0]
        turned = (turned + 0.8 * torch.tanh(turned)) @ self.rotations[1]
        return self._pushed(turned, +1) @ self.rotations[2]

    def inverse(self, mixed: Tensor) -> Tensor:
        """Undoes it, (B, D); the elementwise function by Newton's method."""
        pushed = self._pushed(mixed @ self.rotations[2].T, -1) @ self.rotations[1].T
        bent = pushed.clone()
        for _ in range(30):
            slope = 1 + 0.8 / torch.cosh(bent).square()
            bent = bent - (bent + 0.8 * torch.tanh(bent) - pushed) / slope
        return bent @ self.rotations[0].T

    def _pushed(self, rows: Tensor, sign: int) -> Tensor:
        half = len(self.inner)
        a, b = rows[:, :half], rows[:, half:]
        return torch.cat((a, b + sign * torch.tanh(a @ self.inner) @ self.outer), 1)


class SignHead(nn.Module):
    """A network whose input is the representation: its head says the sign of each of four directions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = nn.Linear(width, 4)

    def forward(self, rows: Tensor) -> Tensor:
        """Maps (B, D) to logits (B, 4)."""
        return self.head(rows)


def sources(count: int, width: int, *, seed: int) -> tuple[Tensor, dict[str, np.ndarray]]:
    """Independent sources (count, width), 4 + 1 + 2 + 2 axes of factors and the rest nuisance; and labels."""
    generator = np.random.default_rng(seed)
    category = generator.integers(0, CLASSES, count)
    number = generator.standard_normal(count)
    angle = generator.uniform(0, 2 * np.pi, count)
    position = generator.standard_normal((count, 2))
    corners = np.linalg.qr(np.eye(CLASSES) - 1 / CLASSES)[0][:, : CLASSES - 1] * 2.5  # of a simplex
    corners = corners - corners.mean(0)
    found = np.concatenate(
        [
            corners[category] + 0.35 * generator.standard_normal((count, CLASSES - 1)),
            number[:, None],
            1.4 * np.stack((np.cos(angle), np.sin(angle)), 1) + 0.1 * generator.standard_normal((count, 2)),
            position,
            generator.standard_normal((count, width - CLASSES - 4)),
        ],
        axis=1,
    )
    labels = {"category": category, "number": number, "angle": angle, "position": position}
    return torch.from_numpy(found).float(), labels


def fit(rows: Tensor, labels: Mapping[str, np.ndarray], *, seed: int, **settings: Any) -> inn.Interpreter:
    """Fits labels to rows (N, D) of a representation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = SignHead(rows.shape[1]).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        return inn.wrap(model, "head:in", preprocess="identity").fit(
            "labels", data=rows, labels=labels, kinds={name: KINDS[name] for name in labels},
            seed=seed, cache=None, checkpoint=None, **settings,
        )  # fmt: skip


def truth(*, count: int, width: int, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Own and other probes against a known truth."""
    began = time.perf_counter()
    mixing = Mixing(width, seed=seed)
    hidden, labels = sources(count, width, seed=seed)
    rows = mixing(hidden)
    back = float((mixing.double().inverse(rows.double()) - hidden).abs().max())
    interpreter = fit(rows, labels, seed=seed, **settings)
    report = interpreter.report(rows[:256], examples=1).to_dict()
    leak, own, others = report["leakage"], {}, {}
    for concept in labels:
        base = leak["chance"][concept]
        own[concept] = leak["network" if KINDS[concept] == "cyclic" else "scores"][concept][concept]
        rest = [f for f in leak["factors"] if f != concept]
        for read, name in (("scores", "linear"), ("network", "network")):
            others[f"{concept} ({name})"] = max(leak[read][concept][f] - base for f in rest)
    record = interpreter.fitted.record
    return {
        "report": {key: report[key] for key in ("factors", "leakage", "checks", "timings", "warnings")},
        "own": own, "others above chance": others, "mixing undone to": back,
        "samples": count, "width": width, "best_step": record.best_step, "steps": record.steps,
        "seconds": time.perf_counter() - began,
    }  # fmt: skip


def shuffled(*, fits: int, count: int, width: int, settings: dict[str, Any]) -> dict[str, Any]:
    """How many of `fits` fits call labels carried that were shuffled."""
    mixing = Mixing(width, seed=0)
    rows = []
    for seed in range(fits):
        hidden, labels = sources(count, width, seed=1000 + seed)
        order = np.random.default_rng(seed).permutation(count)
        wrong = {name: labels[name][order] for name in ("category", "number")}
        interpreter = fit(mixing(hidden), wrong, seed=seed, **settings)
        row: dict[str, Any] = {"seed": seed}
        table_ = interpreter.evaluation.leakage
        for line in interpreter.evaluation.summaries[:-1]:
            score = table_.scores[line.name][line.name].linear
            row |= {
                f"{line.name}": score.value,
                f"{line.name} low": score.low,
                f"{line.name} carried": interpreter.evaluation.verdicts[line.name].carried.holds,
            }
        rows.append(row)
    carried = {name: sum(bool(row[f"{name} carried"]) for row in rows) for name in ("category", "number")}
    return {"fits": fits, "carried": carried, "rows": rows}


def main() -> None:
    """Runs the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=["truth", "shuffled", []], help="default: both")
    parser.add_argument("--width", type=int, default=20, help="axes of the representation, 16 to 32")
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--fits", type=int, default=20)
    parser.add_argument("--shuffled-samples", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {} if options.steps is None else {"steps": options.steps}
    figures: dict[str, Any] = {}
    if not options.parts or "truth" in options.parts:
        found = figures["truth"] = truth(
            count=options.samples, width=options.width, seed=options.seed, settings=settings
        )
        print(table([{k: f[k] for k in ("name", "size", "raw_score")} for f in found["report"]["factors"]]))
        print(table(verdict_rows(found["report"])))
        print(table(leakage_rows(found["report"])))
        print(f"least own probe {min(found['own'].values()):.3f} (at least {OWN} is asked for), ", end="")
        print(f"largest leak {max(found['others above chance'].values()):.3f} (at most {OTHERS})")
        print(
            {
                key: found[key]
                for key in ("samples", "width", "best_step", "steps", "mixing undone to", "seconds")
            }
        )
    if not options.parts or "shuffled" in options.parts:
        began = time.perf_counter()
        found = figures["shuffled"] = shuffled(
            fits=options.fits, count=options.shuffled_samples, width=options.width,
            settings=settings,
        )  # fmt: skip
        print(table(found["rows"]))
        print(
            f"called carried, of {found['fits']} fits: {found['carried']} in {time.perf_counter() - began:.0f} s"
        )
    write("recovery", figures)


if __name__ == "__main__":
    main()
