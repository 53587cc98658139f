"""What an edit costs: seconds of an edited forward over those of a plain one, and how many forwards it takes.

MobileNetV2 with ImageNet weights at its head, and a small ViT (random weights) at a middle block, each fitted shortly
to 400 images, at batches of 1, 8 and 32. An edited forward is `interpreter.run(inputs, edit)` of an edit that redraws
a factor; a plain one is `interpreter.run(inputs)`, and beside it the bare `model(inputs)`, to which a session adds that
the model is given back as found. They run in turns, whose order alternates; figures are the median and the quartiles
of the ratios over pairs. Forwards of the flow (there and back) and of the model are counted in runs of their own.

    INTERPRET_INN_REAL=… python tests/benchmarks/edited_forward.py [--pairs 30] [--flow joint]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import timm
import torch
from common import load_zoo, table, write
from torch import Tensor

import interpret_inn as inn

BATCHES = (1, 8, 32)
VIT, BLOCK = "vit_tiny_patch16_224", "blocks.6"


def fitted(
    model: torch.nn.Module, images: Tensor, site: str | None, layout: str | None, settings: dict[str, Any]
) -> inn.Interpreter:
    """A short fit to the brightness of images (N, 3, H, W), with as many axes in the blocks as images allow."""
    interpreter = inn.wrap(model, site, preprocess="identity", layout=layout)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        return interpreter.fit(
            "labels", data=images, labels={"bright": images.mean((1, 2, 3)).numpy()},
            samples_per_axis=1, cache=None, checkpoint=None, **settings,
        )  # fmt: skip


def seconds(runs: dict[str, Callable[[], Any]], pairs: int) -> dict[str, np.ndarray]:
    """Seconds of each run, (pairs,); they take turns, in an order that is turned round every time."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for pair in range(pairs):
        for name in runs if pair % 2 else reversed(runs):
            began = time.perf_counter()
            runs[name]()
            found[name].append(time.perf_counter() - began)
    return {name: np.array(values) for name, values in found.items()}


@contextmanager
def counting(interpreter: inn.Interpreter) -> Iterator[Counter[str]]:
    """Counts forwards of the model, and of the flow there and back."""
    counts: Counter[str] = Counter()

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **options)

        return run

    model, network = interpreter.backbone.model, interpreter.fitted.network
    with (
        patch.object(model, "forward", counted("model", model.forward)),
        patch.object(network, "forward", counted("flow there", network.forward)),
        patch.object(network, "inverse", counted("flow back", network.inverse)),
    ):
        yield counts


@torch.no_grad()
def measured(name: str, interpreter: inn.Interpreter, images: Tensor, pairs: int) -> Iterator[dict[str, Any]]:
    """A row for each batch size."""
    model = interpreter.backbone.model
    edit = inn.edits.resample(interpreter.factors.names[0])
    for batch in BATCHES:
        inputs = images[:batch]
        runs = {
            "edited": lambda inputs=inputs: interpreter.run(inputs, edit),
            "plain": lambda inputs=inputs: interpreter.run(inputs),
            "bare": lambda inputs=inputs: model(inputs),
        }
        for run in runs.values():
            run()
        with counting(interpreter) as counts:
            runs["edited"]()
        took = seconds(runs, pairs)
        row: dict[str, Any] = {
            "network": name,
            "layout": str(interpreter.fitted.layout),
            "axes": f"{interpreter.fitted.network.shape.leading}/{interpreter.factors.total}",
            "batch": batch,
            **{f"{what} ms": round(1000 * float(np.median(took[what])), 2) for what in runs},
        }
        for other in ("plain", "bare"):
            low, middle, high = np.quantile(took["edited"] / took[other], (0.25, 0.5, 0.75))
            row[f"edited / {other}"] = f"{middle:.3f} [{low:.3f}, {high:.3f}]"
        yield row | {what: counts[what] for what in ("model", "flow there", "flow back")}


def main() -> None:
    """Prints the table and writes the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--flow", choices=("conditional", "joint"), default="conditional")
    parser.add_argument("--steps", type=int, default=20, help="steps of the short fits of a joint flow")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    zoo = load_zoo()
    pictures = zoo.images("imagenet")[0][: options.images]
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    torch.manual_seed(0)
    vit = timm.create_model(VIT, pretrained=False).eval()
    cases = [
        ("MobileNetV2, head", zoo.imagenet_mobilenetv2(), None, None),
        (f"ViT, {BLOCK}", vit, BLOCK, None),
        (f"ViT, {BLOCK}", vit, BLOCK, "positions"),
    ]
    rows = []
    settings = {"flow": options.flow} | ({"steps": options.steps} if options.flow == "joint" else {})
    for name, model, site, layout in cases:
        interpreter = fitted(model, images, site, layout, settings)
        rows += measured(name, interpreter, images, options.pairs)
    print(table(rows))
    print(
        f"{options.pairs} pairs each, {torch.get_num_threads()} thread(s); medians, with quartiles of ratios"
    )
    write("edited_forward", rows)


if __name__ == "__main__":
    main()
