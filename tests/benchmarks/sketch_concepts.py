"""Concepts from two sketches, on pictures whose truth is known.

The concept is fitted to CIFAR-10 images that are rendered in the style of two drawn pictures, at a layer of the real
ResNet-20. It is asked to tell apart pictures that no stylizer has touched: 200 drawings of each kind, by the score
along the difference of the two styles' mean codes. All drawings have the same mean and variance in every channel,
so brightness, contrast and colour cannot do it.

* `fill`: outlines against filled shapes.
* `texture`: hatching against dots.
* `curve`: straight strokes against circles of one width (hard: statistics of a style hardly see curvature).
* `same …`: a control. Both sketches are of one style, drawn twice; the examples are two further sets of that style. A
  factor must not be reported as carried. Beside it (`uncut`, for `filters`) stands what a probe reaches on test
  images if sketches are not cut into parts: that is what two pictures differ by through chance alone.

    INTERPRET_INN_REAL=… python tests/benchmarks/sketch_concepts.py [--seeds 3] [--images 400]

Pictures of what is rendered are written into `work/sketches/`; they must not enter the repository.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from common import WORK, load_zoo, table, write
from PIL import Image, ImageDraw
from sklearn.metrics import roc_auc_score

import interpret_inn as inn
from interpret_inn.metrics.probes import linear_probe_score
from interpret_inn_sketches import FilterStylizer

PREPROCESS = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3}
CASES = {
    "fill": ("outlines", "filled"),
    "texture": ("hatched", "dotted"),
    "curve": ("straight", "round"),
    "same outlines": ("outlines", "outlines"),
    "same filled": ("filled", "filled"),
}
STYLIZERS = ("filters", "gram", "moments")
SITES = ("layer1", "layer2", "layer3")
SITE = "layer2"
EXAMPLES = 200
_UP = 4  # drawn larger and averaged, as Pillow's lines have no soft edges

Array = np.ndarray


def drawing(kind: str, side: int, generator: np.random.Generator, *, example: bool = False) -> Array:
    """A picture of one kind, uint8 (side, side, 3), every channel of mean 128 and standard deviation 38.

    Args:
        kind: `outlines`, `filled`, `hatched`, `dotted`, `straight` or `round`.
        side: In pixels.
        generator: Draws all of it.
        example: Ground and density vary from picture to picture; sketches of one kind differ by chance alone.
    """
    ground = tuple(int(v) for v in generator.integers(180, 256, 3)) if example else (225, 225, 225)
    image = Image.new("RGB", (side * _UP, side * _UP), ground)
    pen = ImageDraw.Draw(image)
    if kind == "hatched":
        _hatch(pen, side, generator)
    else:
        density = generator.uniform(0.7, 1.3) if example else 1.0
        small = kind == "dotted"
        for _ in range(max(3, int(density * side * side / (14 if small else 90)))):
            _stroke(pen, kind, side, generator)
    return levelled(np.asarray(image.resize((side, side), Image.Resampling.BOX)).astype(np.float64))


def levelled(values: Array) -> Array:
    """Pictures whose channels have mean 128 and standard deviation 38, but for rounding and clipping."""
    for _ in range(3):
        values = ((values - values.mean((0, 1))) / values.std((0, 1)) * 38 + 128).clip(0, 255)
    return np.rint(values).astype(np.uint8)


def _stroke(pen: ImageDraw.ImageDraw, kind: str, side: int, generator: np.random.Generator) -> None:
    x, y = generator.uniform(-4 * _UP, (side + 4) * _UP, 2)
    radius, turn = generator.uniform(3.5, 8) * _UP, generator.uniform(0, 2 * np.pi)
    ink, width = tuple(int(v) for v in generator.integers(0, 140, 3)), int(1.5 * _UP)
    if kind == "straight":
        dx, dy = 1.4 * radius * np.cos(turn), 1.4 * radius * np.sin(turn)
        pen.line((x - dx, y - dy, x + dx, y + dy), fill=ink, width=width)
        return
    radius *= {"round": 0.7, "filled": 0.8, "dotted": 0.2}.get(kind, 1.0)
    box = (x - radius, y - radius, x + radius, y + radius)
    if kind == "round":
        pen.ellipse(box, outline=ink, width=width)
    elif kind == "dotted" or (kind == "filled" and generator.random() < 0.5):
        pen.ellipse(box, fill=ink)
    elif kind == "outlines" and generator.random() < 0.5:
        pen.ellipse(box, outline=ink, width=width)
    else:
        corners = int(generator.integers(3, 6))
        angles = turn + 2 * np.pi * np.arange(corners) / corners
        points = [(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles]
        if kind == "filled":
            pen.polygon(points, fill=ink)
        else:
            pen.line([*points, *points[:2]], fill=ink, width=width, joint="curve")


def _hatch(pen: ImageDraw.ImageDraw, side: int, generator: np.random.Generator) -> None:
    """Patches of parallel strokes in all directions."""
    for _ in range(max(4, side * side // 60)):
        x, y = generator.uniform(-4 * _UP, (side + 4) * _UP, 2)
        turn, ink = generator.uniform(0, np.pi), tuple(int(v) for v in generator.integers(0, 140, 3))
        along = np.array([np.cos(turn), np.sin(turn)]) * 5 * _UP
        for step in (-1, 0, 1):
            middle = np.array([x, y]) + step * 0.6 * np.array([-along[1], along[0]])
            pen.line((*(middle - along), *(middle + along)), fill=ink, width=_UP)


def drawn(case: str, seed: int) -> tuple[dict[str, Array], list[Array]]:
    """Both sketches (256 × 256) by name, and 200 examples (32 × 32) of each end."""
    generator = np.random.default_rng([seed, list(CASES).index(case)])
    kinds = CASES[case]
    names = kinds if kinds[0] != kinds[1] else (f"{kinds[0]} 1", f"{kinds[0]} 2")
    sketches = {name: drawing(kind, 256, generator) for name, kind in zip(names, kinds, strict=True)}
    examples = [
        np.stack([drawing(kind, 32, generator, example=True) for _ in range(EXAMPLES)]) for kind in kinds
    ]
    return sketches, examples


def measure(
    zoo: Any, images: Array, case: str, stylizer: str, sites: tuple[str, ...], seed: int
) -> Iterator[dict[str, Any]]:
    """Renders once; then one fit at each site, and what it says."""
    sketches, examples = drawn(case, seed)
    network = (
        {} if stylizer == "filters" else {"network": inn.wrap(zoo.cifar_resnet20(), preprocess=PREPROCESS)}
    )
    began = time.perf_counter()
    source = inn.concept_source(
        "sketches", data=images, sketches=sketches, stylizer=stylizer, seed=seed, keep=None, **network
    )
    rendered = time.perf_counter() - began
    picture(source, case, stylizer, seed)
    control = "same" in case and stylizer == "filters"
    whole = uncut(zoo, images, sketches, sites[0]) if control else float("nan")
    for site in sites:
        interpreter = inn.wrap(zoo.cifar_resnet20(), site, preprocess=PREPROCESS)
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", inn.InnWarning)
            interpreter.fit(source, seed=seed, cache=None, checkpoint=None)
        fitted = time.perf_counter() - began
        yield {
            "case": case, "stylizer": stylizer, "site": site, "seed": seed,
            **figures(interpreter, sketches, examples), "uncut": whole, "render s": rendered, "fit s": fitted,
        }  # fmt: skip


def figures(
    interpreter: inn.Interpreter, sketches: dict[str, Array], examples: list[Array]
) -> dict[str, Any]:
    """AUROC of real examples along the difference of the style means, and what the report says."""
    factor = interpreter.factors["sketch"]
    first, second = (interpreter.translator.class_code(factor, name) for name in sketches)
    scores = [(interpreter.encode(one)[:, factor.slice] @ (second - first)).numpy() for one in examples]
    leak = interpreter.evaluation.leakage.scores["sketch"]
    return {
        "AUROC": float(roc_auc_score(np.repeat([0, 1], EXAMPLES), np.concatenate(scores))),
        "own factor": leak["sketch"].linear.value, "low": leak["sketch"].linear.low,
        "residual": leak["residual"].linear.value,
        "carried": interpreter.evaluation.verdicts["sketch"].carried.holds is True,
    }  # fmt: skip


def uncut(zoo: Any, images: Array, sketches: dict[str, Array], site: str) -> float:
    """What a probe of the style reaches on test images if sketches are not cut into parts."""
    stylizer, rows = FilterStylizer(), []
    interpreter = inn.wrap(zoo.cifar_resnet20(), site, preprocess=PREPROCESS)
    for sketch in sketches.values():
        planes, example = (
            torch.from_numpy(p).permute(0, 3, 1, 2).float() / 255 for p in (images, sketch[None])
        )
        backbone = interpreter.backbone
        with backbone.session():
            rows.append(backbone.represent(backbone.prepare(stylizer(planes, example))).mean((2, 3)).numpy())
    codes, values = np.concatenate(rows), np.repeat([0, 1], len(images))
    held = np.tile(np.arange(len(images)) % 5 == 0, 2)
    found = linear_probe_score(codes[~held], values[~held], codes[held], values[held], kind="categorical")
    return float(found.value)


def picture(source: Any, case: str, stylizer: str, seed: int) -> None:
    """Some of the rendered images, for the eyes."""
    (gallery,) = source.illustrations()
    shown = [
        np.concatenate(
            [np.asarray(Image.fromarray(one).resize((96, 96), Image.Resampling.NEAREST)) for one in row], 1
        )
        for row in gallery.cells[1:]
    ]
    folder = WORK / "sketches"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(shown)).save(folder / f"{case}-{stylizer}-{seed}.png")


def plan(seeds: int) -> Iterator[tuple[str, str, tuple[str, ...], int]]:
    """Cases, stylizers, sites and seeds: all sites for the first seed of the two cases that count."""
    for case in CASES:
        for stylizer in STYLIZERS:
            # gradient steps take time, and say the same with every draw
            for seed in range(seeds if stylizer == "filters" else min(seeds, 2 if "same" in case else 1)):
                wide = seed == 0 and case in ("fill", "texture")
                yield case, stylizer, SITES if wide else (SITE,), seed


def main() -> None:
    """Runs all cases and prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=400)
    options = parser.parse_args()
    torch.set_num_threads(1)
    zoo = load_zoo()
    images = zoo.images("cifar10")[0]
    images = images[np.linspace(0, len(images) - 1, options.images).astype(int)]
    rows = []
    for case, stylizer, sites, seed in plan(options.seeds):
        for row in measure(zoo, images, case, stylizer, sites, seed):
            rows.append(row)
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
    print("\n" + table(summary(rows)))
    write("sketch_concepts", rows)


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each case, stylizer and site."""
    lines = []
    for key in dict.fromkeys((row["case"], row["stylizer"], row["site"]) for row in rows):
        mine = [row for row in rows if (row["case"], row["stylizer"], row["site"]) == key]
        auroc = [row["AUROC"] for row in mine]
        lines.append({
            "case": key[0], "stylizer": key[1], "site": key[2],
            "AUROC": f"{np.mean(auroc):.3f} ({min(auroc):.3f} to {max(auroc):.3f})",
            "own factor": float(np.mean([row["own factor"] for row in mine])),
            "carried": f"{sum(row['carried'] for row in mine)} of {len(mine)}",
            "uncut": ", ".join(f"{row['uncut']:.2f}" for row in mine),
            "seconds, at most": max(row["render s"] + row["fit s"] for row in mine),
        })  # fmt: skip
    return lines


if __name__ == "__main__":
    main()
