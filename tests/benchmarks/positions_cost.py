"""How long maps of positions take beside the forward.

16 ImageNet images on MobileNetV2 at its last map, (1280, 7, 7), and on timm's small ViT of random weights, where only
the time means something. The forward is that up to the
site; the overlays of MobileNetV2 go into the working folder, to be looked at.

    INTERPRET_INN_REAL=… python tests/benchmarks/positions_cost.py [--threads 1]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from common import WORK, load_zoo, table, write
from PIL import Image
from real_networks import IMAGENET_ANIMALS, detail

import interpret_inn as inn
from interpret_inn.localizing import overlay, prepared_inputs
from interpret_inn.metrics.bootstrap import bootstrap_mean

HALF = {"mean": (0.5,) * 3, "std": (0.5,) * 3}


def seconds(call: Callable[[], Any], *, repeats: int = 7) -> np.ndarray:
    """Processor time of each repeat, all threads together, after one that warms up, (repeats,).

    Not wall time, which on a shared machine is that of the others; with one thread and a core of its own they are the
    same.
    """
    call()
    found = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return np.array(found)


def fitted(model: torch.nn.Module, site: str, images: np.ndarray, classes: np.ndarray) -> inn.Interpreter:
    """An interpreter at the positions of a site, fitted to kind (animal or object) and detail."""
    labels = {"kind": np.where(classes < IMAGENET_ANIMALS, "animal", "object"), "detail": detail(images)}
    interpreter = inn.wrap(model, site, layout="positions", preprocess=HALF)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        return interpreter.fit(
            "labels", data=images, labels=labels, kinds={"kind": "categorical", "detail": "numeric"},
            sizes={"kind": 4, "detail": 4}, checkpoint=None,
        )  # fmt: skip


def measured(name: str, interpreter: inn.Interpreter, shown: np.ndarray) -> dict[str, Any]:
    """Times of the forward alone, of the maps with it, and their difference, with intervals."""
    localizer = inn.localizer("positions")
    prepared = prepared_inputs(interpreter.translator, shown)

    @torch.no_grad()
    def forward() -> None:
        with interpreter.backbone.session():
            interpreter.backbone.represent(prepared)

    alone = seconds(forward)
    both = seconds(lambda: localizer(interpreter.translator, shown, "kind"))
    beside = bootstrap_mean(both - alone.mean(), seed=0)
    whole = bootstrap_mean(both, seed=0)
    return {
        "network": name, "places": interpreter.backbone.positions, "width": interpreter.backbone.width,
        "forward, s": float(alone.mean()), "maps with forward, s": whole.value,
        "95 %": f"{whole.low:.3f}–{whole.high:.3f}", "beside the forward, s": beside.value,
        "of it, 95 %": f"{beside.low:.3f}–{beside.high:.3f}",
    }  # fmt: skip


def draw(interpreter: inn.Interpreter, shown: np.ndarray) -> None:
    """Overlays of both concepts, and of GradCAM of the same, for looking at."""
    rows = [list(shown)]
    for factor in ("kind", "detail"):
        for options in ({"localizer": "positions"}, {"localizer": "captum", "method": "GradCAM"}):
            masks = interpreter.localize(shown, factor, **options)
            score = masks.reliability
            print(
                f"{factor}, {masks.localizer}: reliability {score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"
            )
            rows.append([overlay(picture, mask) for picture, mask in zip(shown, masks.values, strict=True)])
    sheet = np.concatenate([np.concatenate(row, 1) for row in rows])[::2, ::2]
    path = WORK / "positions" / "mobilenet.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)
    print(f"written: {path}")


def main() -> None:
    """Prints one row for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    import timm

    zoo = load_zoo()
    images, classes = zoo.images("imagenet")
    shown = images[6::12][:16]
    small = np.ascontiguousarray(images[:, 32:192, 32:192])
    vit = timm.create_model("test_vit", pretrained=False).eval()
    mobile = fitted(zoo.imagenet_mobilenetv2(), "bn2", images, classes)
    last = "blocks.5" if len(vit.blocks) > 5 else f"blocks.{len(vit.blocks) - 1}"
    tokens = fitted(vit, last, small, classes)
    rows = [
        measured("MobileNetV2, 224 px", mobile, shown),
        measured("test_vit, 160 px", tokens, small[6::12][:16]),
    ]
    print(table(rows))
    draw(mobile, shown)
    write("positions_cost", {"threads": options.threads, "images": 16, "rows": rows})


if __name__ == "__main__":
    main()
