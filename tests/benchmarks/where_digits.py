"""Do localizers find the digit that a factor stands for? Two digits on a canvas, whose places are known.

A factor for each digit and each colour is fitted to the pooled map of the reader of `two_digits.py`, another set to
its positions, and one to the autoencoder's code; all on digits that the networks never saw, tested on digits that
neither saw. The truth of a factor's mask is the tight box of the digit on its side; "strokes" are that digit's pixels.

* Pointing game: the share of masks whose highest pixel is inside the box.
* Overlap: intersection over union of the box and the mask's highest pixels, as many as the box has.
* Captum's baselines are the image's mean colour wherever one can be chosen: a blur keeps the colour.
* What is taken away by masks is filled from other images, whose colours say nothing of the image's own.
* Beside the factor's masks stand captum's attributions of the *class logit*. The class is the number that both digits
  make (00 to 99), its logit the sum of theirs. The paired difference is of the factor's mask less the best of them, by
  the mean overlap on the very test images: the logit has the advantage of the choice, the factor's localizers
  have none. For comparison "one digit's logit", which already knows the side: a reader with a head for every side
  needs no factor to find it.
* Sanity: masks of a flow, and of a reader, whose weights are shuffled must differ from the real ones (mean rank
  correlation of pixels under 0.3; also within the two boxes alone, as most of a canvas is ground that no mask likes).
  "A digit at random" is what the true boxes would reach if a digit were drawn by lot: a shuffled flow still reads a
  map that is about digits.
  The reliability that the library states should tell them apart (area under the ROC curve over all masks, and over
  factors' means): "own" is measured with the shuffled interpreter's factor, which may well stand where its mask says;
  "claimed" are the same masks passed off as those of the real factor.

    INTERPRET_INN_REAL=… python tests/benchmarks/where_digits.py [--quick] [--only NAME …] [--no-sanity]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import WORK, table, write
from mask_sanity import each_of, told_apart
from torch import Tensor
from two_digits import (
    CONCEPTS,
    PREPROCESS,
    SIDES,
    Canvases,
    canvases,
    draw,
    trained_autoencoder,
    trained_reader,
)

import interpret_inn as inn
from interpret_inn.localizing import randomised
from interpret_inn.metrics import iou, pointing_game
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import Masks, Score

FITTED_ON = 4_000
DIGITS = CONCEPTS[:2]


class Way(NamedTuple):
    """A localizer with its options, and whose factors it shows."""

    model: str
    name: str
    options: dict[str, Any]


CAPTUM: dict[str, dict[str, Any]] = {
    "GradCAM": {"method": "LayerGradCam"},
    "IntegratedGradients": {"method": "IntegratedGradients", "n_steps": 20, "baseline": "mean"},
    "Saliency": {"method": "Saliency"},
    "InputXGradient": {"method": "InputXGradient"},
    "Occlusion": {"method": "Occlusion", "sign": "positive", "baseline": "mean"},
    "ShapleyValueSampling": {
        "method": "ShapleyValueSampling",
        "n_samples": 4,
        "sign": "positive",
        "baseline": "mean",
    },
}
SLOW = ("ShapleyValueSampling", "positions, fitted there", "masks, preserve", "masks, delete")
CHECKED = ("masks", "positions", "GradCAM", "IntegratedGradients")
CHECKED_IMAGES = 32
ONE_DIGITS = ("GradCAM", "IntegratedGradients")
WAYS = {
    "masks": Way("pooled", "masks", {}),
    "masks, preserve": Way("pooled", "masks", {"mode": "preserve"}),
    "masks, delete": Way("pooled", "masks", {"mode": "delete"}),
    "positions": Way("pooled", "positions", {}),
    "positions, fitted there": Way("positions", "positions", {}),
    **{name: Way("pooled", "captum", options) for name, options in CAPTUM.items()},
    "masks, autoencoder": Way("autoencoder", "masks", {"per_sample": True}),
}


def interpreters(names: set[str]) -> dict[str, inn.Interpreter]:
    """Fitted interpreters by name; those that are in the working folder are read from there."""
    made = canvases("train", FITTED_ON, seed=1, missing=0)
    found = {}
    for name in sorted(names):
        path = WORK / "two_digits" / f"fit_{name}"
        model = trained_autoencoder() if name == "autoencoder" else trained_reader()
        if path.exists():
            found[name] = inn.load(path, model)
            continue
        print(f"fitting {name} …", flush=True)
        found[name] = _fitted(name, model, made, path)
    return found


def _fitted(name: str, model: torch.nn.Module, made: Canvases, path: Path) -> inn.Interpreter:
    if name == "autoencoder":
        interpreter = inn.wrap(model, backbone="autoencoder")
    else:
        interpreter = inn.wrap(model, "gated", preprocess=PREPROCESS, layout=name)
    interpreter.fit(
        "labels", data=_inputs(name, made), labels=made.labels, kinds=made.kinds, groups=made.groups.numpy(),
        cache=None, checkpoint=None,
    )  # fmt: skip
    interpreter.save(path)
    return interpreter


def _inputs(name: str, made: Canvases) -> Any:
    return made.images if name == "autoencoder" else made.pictures


def side(factor: str) -> int:
    """0 for factors of the left digit, 1 for those of the right one."""
    return SIDES.index(factor.split()[0])


def mask_scores(masks: Tensor, made: Canvases, factor: str) -> dict[str, np.ndarray]:
    """Pointing game, overlap with the box and with the strokes, of each image, float64 (N,)."""
    box, strokes = made.boxes[side(factor)], made.strokes[side(factor)]
    return {
        "pointing": pointing_game(masks, box).each,
        "overlap": iou(masks, box).each,
        "strokes": iou(masks, strokes).each,
    }


def logit_masks(
    interpreter: inn.Interpreter, made: Canvases, factor: str, options: Mapping[str, Any], *, whole: bool
) -> Masks:
    """Captum's attribution of the logit of the number that the reader sees, or of the factor's own digit alone."""
    firsts = (0, 10) if whole else (10 * side(factor),)

    def logit(outputs: Tensor, unchanged: Tensor) -> Tensor:
        found = torch.zeros(len(outputs))
        for first in firsts:
            seen = unchanged[:, first : first + 10].argmax(1, keepdim=True)
            found = found + outputs[:, first : first + 10].gather(1, seen)[:, 0]
        return found

    return interpreter.localize(made.pictures, factor, localizer="captum", target=logit, **options)


def found_by(way: Way, interpreter: inn.Interpreter, made: Canvases, factor: str) -> Masks:
    """A way's masks of a factor."""
    return interpreter.localize(_inputs(way.model, made), factor, localizer=way.name, **way.options)


def text(score: Score) -> str:
    """A score with its interval."""
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def compare(
    models: Mapping[str, inn.Interpreter], ways: Mapping[str, Way], made: Canvases, *, quick: bool
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Masks]], dict[str, Any]]:
    """Rows of the table, masks by localizer and factor, and figures of the paired comparison."""
    rows, kept, each = [], {}, {}
    targets: list[tuple[str, Way, tuple[str, ...]]] = [(name, way, CONCEPTS) for name, way in ways.items()]
    logits = [name for name in CAPTUM if not (quick and name in SLOW)] if "pooled" in models else []
    targets += [(f"logit: {name}", Way("pooled", "number", CAPTUM[name]), DIGITS) for name in logits]
    targets += [
        (f"one digit's logit: {name}", Way("pooled", "digit", CAPTUM[name]), DIGITS)
        for name in ONE_DIGITS
        if name in logits
    ]
    for name, way, factors in targets:
        began = time.perf_counter()
        make = _of_logit if way.name in ("number", "digit") else found_by
        kept[name] = {factor: make(way, models[way.model], made, factor) for factor in factors}
        seconds = time.perf_counter() - began
        each[name] = {factor: mask_scores(masks.values, made, factor) for factor, masks in kept[name].items()}
        rows.extend(_rows(name, kept[name], each[name], seconds / len(factors), made.groups.numpy()))
        print(table(rows[-2:]), flush=True)
    return rows, kept, _paired(each, made.groups.numpy()) if logits else {}


def _of_logit(way: Way, interpreter: inn.Interpreter, made: Canvases, factor: str) -> Masks:
    return logit_masks(interpreter, made, factor, way.options, whole=way.name == "number")


def _rows(
    name: str,
    masks: Mapping[str, Masks],
    each: Mapping[str, Mapping[str, np.ndarray]],
    seconds: float,
    groups: np.ndarray,
) -> list[dict[str, Any]]:
    """One row for the digits, one for the colours; canvases of one group share digits."""
    rows = []
    for kind in ("digit", "colour"):
        factors = [factor for factor in each if kind in factor]
        if not factors:
            continue
        row: dict[str, Any] = {"localizer": name, "factors": kind}
        for figure in ("pointing", "overlap", "strokes"):
            # both sides of a canvas are one draw
            both = np.mean([each[factor][figure] for factor in factors], 0)
            row[figure] = text(bootstrap_mean(both, groups))
        reliable = np.concatenate([each_of(masks[factor]) for factor in factors])
        rows.append(row | {"reliability": float(np.nanmean(reliable)), "s a factor": f"{seconds:.1f}"})
    return rows


def _paired(each: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]], groups: np.ndarray) -> dict[str, Any]:
    """Overlap of each localizer less that of the best attribution of the class logit, digits only."""
    means = {name: np.mean([found[f]["overlap"] for f in DIGITS], 0) for name, found in each.items()}
    best = max((name for name in means if name.startswith("logit")), key=lambda name: means[name].mean())
    gains = {
        name: text(bootstrap_mean(found - means[best], groups))
        for name, found in means.items()
        if "logit" not in name
    }
    return {"best of the logit": best, "overlap less its": gains}


def sanity(
    models: Mapping[str, inn.Interpreter], ways: Mapping[str, Way], made: Canvases,
    kept: Mapping[str, Mapping[str, Masks]], *, seeds: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rank correlations with masks of shuffled weights, and whether reliability tells them apart."""
    rows, reference = [], canvases("train", 256, seed=4)
    for part in ("flow", "model"):
        for name, way in ways.items():
            others: dict[str, list[Masks]] = {factor: [] for factor in CONCEPTS}
            for seed in range(seeds):
                known = models[way.model].translator
                knows_nothing = randomised(known, part, inputs=_inputs(way.model, reference), seed=seed)
                spoilt = inn.Interpreter(knows_nothing.backbone, fitted=knows_nothing.fitted)
                for factor in CONCEPTS:
                    others[factor].append(found_by(way, spoilt, made, factor))
            real, inputs = models[way.model], _inputs(way.model, made)
            found = told_apart(real, inputs, made, kept[name], others)
            rows.append({"randomised": part, "localizer": name} | found)
            print(table(rows[-1:]), flush=True)
    return rows


def picture(made: Canvases, kept: Mapping[str, Mapping[str, Masks]]) -> None:
    """The first canvases, and below them each localizer's masks of the left digit and of the right colour."""
    images = made.images[:10]
    rows = [images]
    for found in kept.values():
        rows += [
            images * 0.35 + 0.65 * found[f].values[:10] for f in ("left digit", "right digit") if f in found
        ]
    draw([torch.stack(list(row)) for row in rows], "where_digits")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="32 images in place of 96, without what is slow")
    parser.add_argument("--only", nargs="+", choices=list(WAYS), help="these localizers alone")
    parser.add_argument("--images", type=int)
    parser.add_argument("--no-sanity", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", inn.InnWarning)
    names = options.only or [name for name in WAYS if not (options.quick and name in SLOW)]
    ways = {name: WAYS[name] for name in names}
    made = canvases("test", options.images or (32 if options.quick else 96), seed=2)
    models = interpreters({way.model for way in ways.values()})
    rows, kept, paired = compare(models, ways, made, quick=options.quick)
    print("\n" + table(rows))
    print(paired)
    picture(made, kept)
    checked = {name: way for name, way in ways.items() if name in CHECKED}
    found = []
    if not options.no_sanity:
        few = canvases("test", CHECKED_IMAGES, seed=3)
        real = {
            name: {factor: found_by(way, models[way.model], few, factor) for factor in CONCEPTS}
            for name, way in checked.items()
        }
        found = sanity(models, checked, few, real, seeds=1 if options.quick else 2)
    print("\n" + table(found))
    name = "where_digits_quick" if options.quick or options.only else "where_digits"
    write(name, {"images": len(made.images), "localizers": rows, "paired": paired, "sanity": found})


if __name__ == "__main__":
    main()
