"""Where factors act in images that a model makes: masks of soft rectangles, where the truth is known, and on faces.

* `scenes`: drawn scenes of five latents (see `drawn_scenes.py`), an autoencoder of them that is trained here, one
  factor for each latent, fitted to their values. A mask should hold 0.9 of what the autoencoder's image changes, in
  at most 1.5 times the true area: all pixels that the renderer changes over the latent's whole range, in
  any of the test scenes. "Held by the truth" is what a mask of exactly these pixels would hold: the
  autoencoder changes more than the renderer does. Then one mask for each scene, for what moves about.
* `celeba`, `faces`: the ten factors that the image answers to most, of a β-TC-VAE and of a DCGAN; overlays to look at
  and seconds, without and with the measurement of reliability.

Pictures are written into `work/constriction/`.

    INTERPRET_INN_REAL=… python tests/benchmarks/constriction.py [scenes] [celeba] [faces] [--seeds 0 1 2]
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from common import WORK, load_zoo, table, write
from drawn_scenes import LATENTS, draw_latents, render, trained_autoencoder, true_places
from PIL import Image
from torch import Tensor

import interpret_inn as inn
from interpret_inn.localizing import output_changes, overlay
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import Masks, Score

FOLDER = WORK / "constriction"
FITTED_ON = 4000
TEST_SCENES = 48
MOST = 10
WAYS: dict[str, dict[str, Any]] = {
    "union of 4": {}, "one rectangle": {"rectangles": 1}, "mean of 4, as published": {"combine": "mean"},
    "area_weight 0.5": {"area_weight": 0.5}, "area_weight 1": {"area_weight": 1.0},
}  # fmt: skip
MOVING = ("disc colour", "disc across", "bar down")


def fitted_to_scenes(seed: int) -> inn.Interpreter:
    """An interpreter of the autoencoder's code, one factor for each latent."""
    latents = draw_latents(FITTED_ON, seed=100 + seed)
    labels = {name: latents[:, place].numpy() for place, name in enumerate(LATENTS)}
    interpreter = inn.wrap(trained_autoencoder(), backbone="autoencoder", value_range=(0, 1))
    return interpreter.fit(
        "labels", data=render(latents), labels=labels, kinds=dict.fromkeys(LATENTS, "numeric"),
        seed=seed, cache=None, checkpoint=None,
    )  # fmt: skip


def scene_rows(seed: int) -> list[dict[str, Any]]:
    """One row for each factor: one mask for all test scenes, then one for each."""
    interpreter, latents = fitted_to_scenes(seed), draw_latents(TEST_SCENES, seed=1000 + seed)
    scenes = render(latents)
    rows, drawn = [], []
    for place, name in enumerate(LATENTS):
        each = true_places(latents, place)
        shared = each.any(0).expand_as(each)
        masks = interpreter.localize(scenes, name, localizer="masks")
        rows.append(_scene_row(seed, interpreter, masks, shared, scenes))
        drawn.append(_sheet_row(name, interpreter, scenes[:2], name, masks))
        if name in MOVING:
            masks = interpreter.localize(scenes, name, localizer="masks", per_sample=True)
            rows.append(_scene_row(seed, interpreter, masks, each, scenes))
            drawn.append(_sheet_row("  each its own", interpreter, scenes[:2], name, masks))
    _save(drawn, f"scenes {seed}")
    return rows


def compare_ways(seed: int) -> list[dict[str, Any]]:
    """One row for each way to make one mask for all, the mean over factors."""
    interpreter, latents = fitted_to_scenes(seed), draw_latents(TEST_SCENES, seed=1000 + seed)
    scenes, rows = render(latents), []
    for way, options in WAYS.items():
        made, found = inn.localizer("masks", **options), []
        for place, name in enumerate(LATENTS):
            masks = made(interpreter.translator, scenes, name)
            true_area = float(true_places(latents, place).any(0).float().mean())
            found.append((masks.figures["held"].value, float(masks.area[0]) / true_area))
        held, ratio = torch.tensor(found).T
        rows.append(
            {"way": way, "held": float(held.mean()), "least held": float(held.min()),
             "ratio": float(ratio.mean()), "largest ratio": float(ratio.max())}
        )  # fmt: skip
    return rows


def _scene_row(
    seed: int, interpreter: inn.Interpreter, masks: Masks, truth: Tensor, scenes: Tensor
) -> dict[str, Any]:
    true_area = truth.float().mean((1, 2))
    inside = masks.values[:, 0] > 0.5
    overlap = (inside & truth).sum((1, 2)) / (inside | truth).sum((1, 2)).clamp_min(1)
    changes = output_changes(interpreter.translator, scenes, masks.factor).mean(0)
    by_truth = (changes * truth).sum((1, 2)) / changes.sum((1, 2))
    return {
        "seed": seed, "factor": masks.factor, "axes": interpreter.factors[masks.factor].size,
        "masks": "one" if masks.shared else "each", "held": text(masks.figures["held"]),
        "held by truth": float(by_truth.mean()), "true area": float(true_area.mean()),
        "area": float(masks.area.mean()), "ratio": float((masks.area / true_area).mean()),
        "IoU": text(bootstrap_mean(overlap.double().numpy()) if not masks.shared else Score(float(overlap[0]))),
        "consistency": text(masks.figures["consistency"]),
        "reliability": text(masks.reliability or Score(float("nan"))),
        "meets": masks.figures["held"].value >= 0.9 and float((masks.area / true_area).mean()) <= 1.5,
    }  # fmt: skip


def face_rows(name: str) -> dict[str, Any]:
    """Masks of the ten strongest factors of a real generator, drawn; and seconds for all of its factors."""
    interpreter = _faces(name).fit("unsupervised", cache=None, checkpoint=None)
    inputs = interpreter.sample_inputs(16, seed=9)
    began = time.perf_counter()
    localizer = inn.localizer("masks")
    for factor in interpreter.factors:
        localizer(interpreter.translator, inputs, factor.name)
    alone, began = time.perf_counter() - began, time.perf_counter()
    found = [interpreter.localize(inputs, factor.name, localizer=localizer) for factor in interpreter.factors]
    whole = time.perf_counter() - began
    rows = [
        {"factor": masks.factor, "held": text(masks.figures["held"]), "area": masks.figures["area"].value,
         "consistency": text(masks.figures["consistency"]),
         "reliability": text(masks.reliability or Score(float("nan")))}
        for masks in found[:MOST]
    ]  # fmt: skip
    _save([_sheet_row(m.factor, interpreter, inputs[:2], m.factor, m) for m in found[:MOST]], name)
    print(f"\n{name}: {len(found)} factors, {alone:.1f} s, with reliability {whole:.1f} s")
    print(table(rows), flush=True)
    return {"factors": rows, "seconds": alone, "seconds_with_reliability": whole, "count": len(found)}


def _faces(name: str) -> inn.Interpreter:
    from real_generators import Decoder

    zoo = load_zoo()
    if name == "celeba":
        return inn.wrap(Decoder(zoo.vae("btcvae_celeba")), backbone="generator")
    return inn.wrap(zoo.faces_dcgan(), backbone="generator", latents="uniform")


def _sheet_row(
    title: str, interpreter: inn.Interpreter, inputs: Tensor, factor: str, masks: Masks
) -> list[Any]:
    """A title, and for each of two inputs a traversal of four pictures and the mask over the middle one."""
    traversed = interpreter.traverse(inputs, factor, [-2.5, -0.8, 0.8, 2.5])
    plain = interpreter.run(inputs)
    row: list[Any] = [title]
    for place in range(len(inputs)):
        span = interpreter.backbone.value_range
        row += list(inn.explore.to_pictures(traversed[:, place], value_range=span))
        (picture,) = inn.explore.to_pictures(plain[place : place + 1], value_range=span)
        large = picture.repeat(2, 0).repeat(2, 1)
        row.append(overlay(large, masks.values[place].repeat_interleave(2, -2).repeat_interleave(2, -1)))
    return row


def _save(rows: list[list[Any]], name: str) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wide = [[cell if isinstance(cell, str) else _enlarged(cell) for cell in row] for row in rows]
    path = FOLDER / f"{name}.png"
    Image.fromarray(inn.explore.contact_sheet(wide)).save(path)
    print(f"drawn: {path}")
    return path


def _enlarged(picture: Any) -> Any:
    """Traversals and overlays at one size."""
    times = max(1, 128 // len(picture))
    return picture.repeat(times, 0).repeat(times, 1)


def text(score: Score) -> str:
    """A score with its interval, where it has one."""
    if score.low != score.low:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def main() -> None:
    """Runs the cases that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="case", help="scenes, celeba, faces")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the fits to the scenes")
    options = parser.parse_args()
    chosen = options.cases or ["scenes", "celeba", "faces"]
    if set(chosen) - {"scenes", "celeba", "faces"}:
        parser.error(f"Expected cases out of scenes, celeba, faces, found {chosen}.")
    warnings.simplefilter("ignore", inn.InnWarning)
    for name in chosen:
        if name == "scenes":
            rows = [row for seed in options.seeds for row in scene_rows(seed)]
            print(table(rows), flush=True)
            ways = compare_ways(options.seeds[0])
            print("\n" + table(ways), flush=True)
            write("constriction_scenes", {"factors": rows, "ways": ways})
        else:
            write(f"constriction_{name}", face_rows(name))


if __name__ == "__main__":
    main()
