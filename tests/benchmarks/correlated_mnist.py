"""Concepts that go together in the data: digit and colour agree in 90 % of the images that are fitted on.

Ten hues, one for each digit; a fitted image has its digit's hue with probability 0.9, else any other. The
classifier reads digits and was trained on free colours. Fitted once with balanced pairs (the default) and
once without; judged on 2,000 images whose hue is independent of the digit, by read-outs trained on other
independent ones.

    python tests/benchmarks/correlated_mnist.py
"""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import torch
from coloured_mnist import WORK, colour, part_of_digits, trained_classifier
from common import table, write
from torch import Tensor

import interpret_inn as inn
from interpret_inn.metrics.readouts import read_out

HUES = torch.tensor([colorsys.hsv_to_rgb(k / 10, 0.9, 1.0) for k in range(10)])


def painted(part: str, *, agree: float, seed: int) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Images (N, 3, 28, 28), digits (N,) and hues (N,), which agree with this probability."""
    images, digits = part_of_digits(part)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(seed)
    other = (digits + torch.randint(1, 10, digits.shape, generator=generator)) % 10
    hue = torch.where(torch.rand(len(digits), generator=generator) < agree, digits, other)
    return colour(images, HUES[hue]), digits.numpy(), hue.numpy()


def scores(interpreter: inn.Interpreter) -> dict[str, float]:
    """Read-outs on images whose hue is independent of the digit: trained on the fit images, repainted."""
    train, judge = painted("fit", agree=0.1, seed=7), painted("judge", agree=0.1, seed=8)
    codes = {"train": interpreter.encode(train[0]).numpy(), "judge": interpreter.encode(judge[0]).numpy()}
    found = {}
    for place, concept in enumerate(("digit", "hue"), start=1):
        for factor in interpreter.factors:
            read = read_out(
                codes["train"][:, factor.slice], train[place],
                codes["judge"][:, factor.slice], judge[place], kind="categorical",
            )  # fmt: skip
            found[f"{concept}<{factor.name}"] = max(read.linear.value, read.mlp.value)
    return found


def main() -> None:
    """Fits with and without balance, and prints both."""
    images, digits, hues = painted("fit", agree=0.9, seed=0)
    rows: list[dict[str, Any]] = []
    for balance in (True, False):
        interpreter = inn.wrap(trained_classifier(WORK), "head:in", preprocess="identity")
        source = inn.concept_source(
            "labels", data=images, labels={"digit": digits, "hue": hues},
            kinds={"digit": "categorical", "hue": "categorical"}, balance=balance,
        )  # fmt: skip
        interpreter.fit(source, cache=None, checkpoint=None)
        answer = interpreter.explain(painted("judge", agree=0.1, seed=8)[0]).responses
        flips = {f"flips {name}": response.flip_rate.value for name, response in answer.items()}
        rows.append({"balance": balance, **scores(interpreter), **flips})
        association = interpreter.judgement.leakage.association
    print(table(rows))
    print("\nwhat the association alone implies on correlated images:", association)
    write("correlated_mnist", {"rows": rows, "association": association})


if __name__ == "__main__":
    main()
