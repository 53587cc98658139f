"""Masks over the input of an ImageNet network against occlusion, at the same number of passes.

MobileNetV2 at its pooled vector, the factor `kind` (animal or object). The interpreter is fitted on 160 of the 200
images (each in 4 variants); masks are made for images that it never saw.

* Time: a preservation mask for 16 images, with its number of steps.
* Quality: what is inside the mask is moved into other images that the fit never saw ("transplant": nothing of the
  kind was optimised by either), or stands in the image's mean colour (no occlusion and no mask here is made with it),
  at areas of 5 to 50 % of the highest pixels, so that all maps compare at equal areas. The score is how far the
  factor's code moves from that of the ground to that of the image (1: all the way, −1 to 1); its mean over areas is
  compared by image, each weighted by how far the two codes are apart, for where they are near there is little to move.
* Masks that keep the value, and masks that keep it and destroy it by their absence, in half the steps.
* Passes: a forward counts as one, a backward as two. Occlusion gets as many as the mask, to the next square.

    INTERPRET_INN_REAL=… python tests/benchmarks/preservation.py [--images 40] [--steps 50] [--threads 2]

Overlays are written into `work/preservation/`; pictures there must not enter the repository.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import torch
from captum.attr import Occlusion
from common import WORK, load_zoo, table, write
from PIL import Image
from real_networks import imagenet_variants, mobilenet
from torch import Tensor

import interpret_inn as inn
from interpret_inn.localizing import FactorReader, overlay, prepared_inputs
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn_masks.fills import filler

FACTOR = "kind"
AREAS = (0.05, 0.1, 0.2, 0.3, 0.5)
WINDOWS = (56, 80)
ENDS = 22  # passes at the end: five masks that keep, five that destroy, four slopes at three passes
DONORS = 2
TEST_EVERY = 5  # every fifth image


def fitted(zoo: Any) -> tuple[Any, np.ndarray]:
    """The interpreter, and the pictures that it was not fitted on, uint8 (40, 224, 224, 3)."""
    task = mobilenet(zoo)
    originals, classes = zoo.images("imagenet")
    away = np.arange(len(originals)) % TEST_EVERY == 0
    images, groups = imagenet_variants(originals[~away], crops=2)
    kind = np.where(classes[~away][groups] < 398, "animal", "object")
    path = WORK / "preservation" / "interpreter"
    if path.exists():
        return inn.load(path, task.model), originals[away]
    interpreter = inn.wrap(task.model, task.site, preprocess=task.preprocess)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit(
            "labels", data=images, labels={FACTOR: kind}, groups=groups, sizes={FACTOR: 4}, checkpoint=None
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    interpreter.save(path)
    return interpreter, originals[away]


def occlusion(interpreter: Any, images: Tensor, window: int, passes: int) -> tuple[Tensor, int, float]:
    """Captum's occlusion of the factor's score under the blurred image; the heat, its passes, and seconds."""
    side = images.shape[-1]
    count = round(np.sqrt(passes))
    stride = max(1, (side - window) // (count - 1))
    began = time.perf_counter()
    heat, done = [], (int(np.ceil((side - window) / stride)) + 1) ** 2 + 1
    with interpreter.backbone.session():
        reader = FactorReader(interpreter.translator, FACTOR)
        for part in images.split(16):
            like = reader.codes(part)
            blurred = filler(part, "blur", torch.Generator())()
            method = Occlusion(lambda prepared, like=like: reader.score(prepared, like))
            found = method.attribute(
                part,
                sliding_window_shapes=(3, window, window),
                strides=(3, stride, stride),
                baselines=blurred,
            )
            heat.append(found.mean(1, keepdim=True))
    return torch.cat(heat), done, time.perf_counter() - began


@torch.no_grad()
def insertion(interpreter: Any, images: Tensor, heat: Tensor, grounds: Tensor) -> np.ndarray:
    """How far the code moves from that of the ground to that of the image, mean over areas, (B,).

    The heat's pixels are inserted in order, highest first; of equal ones, those near to high ones come first.
    """
    smooth = torch.nn.functional.avg_pool2d(heat, 57, 1, 28, count_include_pad=False)
    order = (heat.double() + 1e-4 * smooth).flatten(1).argsort(1, descending=True)
    rank = order.argsort(1).reshape(heat.shape)
    total = torch.zeros(len(images))
    with interpreter.backbone.session():
        reader = FactorReader(interpreter.translator, FACTOR)
        own, base = (reader.deviation(reader.codes(x)) for x in (images, grounds))
        way = own - base
        for area in AREAS:
            inside = rank < round(area * rank[0].numel())
            moved = reader.deviation(reader.codes(torch.where(inside, images, grounds))) - base
            share = ((moved * way).sum(1) / way.square().sum(1).clamp_min(1e-6)).clamp(-1, 1)
            total += share * way.square().sum(1) / way.square().sum(1).mean()
    return np.asarray((total / len(AREAS)).double())


def insertions(interpreter: Any, images: Tensor, kinds: np.ndarray, heat: Tensor) -> dict[str, np.ndarray]:
    """Both insertions of one heat map; donors are of the other kind, the same for every map."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(DONORS):
        donor = [int(generator.choice(np.flatnonzero(kinds != kind))) for kind in kinds]
        found.append(insertion(interpreter, images, heat, images[donor]))
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    return {"transplant": np.mean(found, 0), "mean colour": insertion(interpreter, images, heat, mean)}


def draw(pictures: np.ndarray, maps: dict[str, Tensor]) -> None:
    """Each picture under the highest fifth of every map, side by side."""
    rows = []
    for place, picture in enumerate(pictures):
        row = [picture]
        for heat in maps.values():
            one = heat[place]
            edge = one.flatten().quantile(0.8)
            row.append(overlay(picture, (one > edge).float()))
        rows.append(np.concatenate(row, 1))
    half = (len(rows) + 1) // 2
    sheet = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[-half:])], 1)
    Image.fromarray(sheet).resize((sheet.shape[1] // 2, sheet.shape[0] // 2)).save(
        WORK / "preservation" / "overlays.png"
    )


def _row(name: str, passes: int, seconds: float, scores: dict[str, np.ndarray]) -> dict[str, Any]:
    row: dict[str, Any] = {"map": name, "passes": passes, "seconds": seconds}
    for key, values in scores.items():
        score = bootstrap_mean(values)
        row[key] = f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"
    return row


def main() -> None:
    """Makes the maps, scores them, and writes the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    interpreter, pictures = fitted(load_zoo())
    chosen = np.linspace(0, len(pictures) - 1, options.images).round().astype(int)
    pictures = pictures[chosen]
    images = prepared_inputs(interpreter.translator, pictures)
    with interpreter.backbone.session():
        classes = np.asarray(interpreter.backbone.outputs(images).argmax(1))
    kinds = classes < 398  # what the network takes them for
    began = time.perf_counter()
    masks = inn.localizer("masks", mode="preserve", steps=options.steps)(
        interpreter.translator, pictures[:16], FACTOR
    )
    of_sixteen = time.perf_counter() - began
    passes = 3 * options.steps + ENDS
    maps, scores, rows = {}, {}, []
    for mode, steps in (("preserve", options.steps), ("both", options.steps // 2)):
        began = time.perf_counter()
        found = inn.localizer("masks", mode=mode, steps=steps)(interpreter.translator, pictures, FACTOR)
        maps[f"masks, {mode}"] = found.values
        scores[f"masks, {mode}"] = insertions(interpreter, images, kinds, found.values)
        rows.append(_row(f"masks, {mode}", passes, time.perf_counter() - began, scores[f"masks, {mode}"]))
    for window in WINDOWS:
        name = f"occlusion {window}"
        maps[name], done, spent = occlusion(interpreter, images, window, passes)
        scores[name] = insertions(interpreter, images, kinds, maps[name])
        rows.append(_row(name, done, spent, scores[name]))
    noise = torch.rand(len(images), 1, 7, 7, generator=torch.Generator().manual_seed(0))
    by_chance = torch.nn.functional.interpolate(noise, images.shape[2:], mode="bicubic")
    rows.append(_row("chance", 0, 0.0, insertions(interpreter, images, kinds, by_chance)))
    print(table(rows))
    differences = []
    for own in list(scores)[:2]:
        for name in list(scores)[2:]:
            pair = {key: scores[own][key] - scores[name][key] for key in scores[name]}
            differences.append(_row(f"{own} − {name}", 0, 0.0, pair))
    print(table([{k: v for k, v in row.items() if k not in ("passes", "seconds")} for row in differences]))
    print(f"16 images, {options.steps} steps, {torch.get_num_threads()} threads: {of_sixteen:.1f} s")
    print({name: round(score.value, 3) for name, score in masks.figures.items()})
    draw(pictures, maps)
    write("preservation", {"rows": rows, "paired": differences, "seconds of 16 images": of_sixteen,
                           "steps": options.steps, "threads": torch.get_num_threads()})  # fmt: skip


if __name__ == "__main__":
    main()
