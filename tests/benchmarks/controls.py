"""What must not be called carried: shuffled labels, and concepts that the layer does not hold; and random weights.

Each fit takes other images of CIFAR-10 and the default settings, ResNet-20 at its last layer.

* `shuffled`: classes and brightness of other images. Nothing can be carried.
* `mirrored`: half of the images are mirrored at random, and the concept is which. The network was trained on mirrored
  images, and pictures look alike both ways: the concept is visible in the pixels, and absent from the layer.
* `random weights`: true classes and brightness, but weights as the network has them before training, drawn anew for
  each fit. Random features tell brightness well and classes a little, so that both may be carried; what may not be is
  more than the layer holds, so the own factor's probe is shown beside that of the whole layer.

    INTERPRET_INN_REAL=… python tests/benchmarks/controls.py [--fits 20] [--images 600]
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import torch
from common import load_zoo, table, write
from real_networks import CIFAR, brightness
from torch import nn

import interpret_inn as inn

Array = np.ndarray
OWN = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3}
CONTROLS = ("shuffled", "mirrored", "random weights")


def drawn(control: str, images: Array, numbers: Array, seed: int) -> tuple[Array, dict[str, Array]]:
    """Images and labels of one fit."""
    random = np.random.default_rng(seed)
    if control == "mirrored":
        turned = random.random(len(images)) < 0.5
        return np.where(turned[:, None, None, None], images[:, :, ::-1], images), {
            "side": np.where(turned, "mirrored", "as it is")
        }
    labels = {"class": np.array(CIFAR)[numbers], "brightness": brightness(images)}
    if control == "shuffled":
        labels = {name: random.permutation(values) for name, values in labels.items()}
    return images, labels


def untrained(model: nn.Module, seed: int) -> nn.Module:
    """The network with weights as they are before training; statistics of batch normalisation stay."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.reset_parameters()
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
    return model


def settled(model: nn.Module, images: Array) -> nn.Module:
    """Statistics of batch normalisation from the images, without which deep random layers carry next to nothing."""
    given = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    given = (given - torch.tensor(OWN["mean"])[:, None, None]) / torch.tensor(OWN["std"])[:, None, None]
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    model.train()
    with torch.no_grad():
        model(given)
    return model.eval()


def judged(
    control: str, model: nn.Module, images: Array, labels: dict[str, Array], seed: int
) -> list[dict[str, Any]]:
    """What one fit says of each concept."""
    interpreter = inn.wrap(model, "linear:in", preprocess=OWN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit("labels", data=images, labels=labels, seed=seed, cache=None, checkpoint=None)
        evaluation = interpreter.evaluation
    leakage, found = evaluation.leakage, []
    for line in evaluation.summaries:
        if line.name not in labels:
            continue
        own, whole = leakage.scores[line.name][line.name].linear, leakage.representation[line.name].linear
        found.append(
            {"control": control, "concept": line.name,
             "carried": evaluation.verdicts[line.name].carried.holds is True, "own": own.value, "low": own.low,
             "whole": whole.value, "chance": leakage.chance[line.name]}
        )  # fmt: skip
    return found


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many fits call each concept carried, and means over fits."""
    found = []
    for concept in dict.fromkeys(row["concept"] for row in rows):
        mine = [row for row in rows if row["concept"] == concept]
        counts = {"fits": len(mine), "carried": sum(row["carried"] for row in mine)}
        means = {
            name: float(np.mean([row[name] for row in mine])) for name in ("own", "low", "whole", "chance")
        }
        found.append({"control": mine[0]["control"], "concept": concept} | counts | means)
    return found


def main() -> None:
    """Fits, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--controls", nargs="+", choices=CONTROLS, default=list(CONTROLS))
    parser.add_argument("--fits", type=int, default=20)
    parser.add_argument("--images", type=int, default=600)
    options = parser.parse_args()
    torch.set_num_threads(1)
    zoo = load_zoo()
    pools = [zoo.images(name) for name in ("cifar10", "cifar10_more")]
    images, numbers = (np.concatenate(parts) for parts in zip(*pools, strict=True))
    rows: list[dict[str, Any]] = []
    for control in options.controls:
        for seed in range(options.fits):
            chosen = np.random.default_rng(1000 + seed).permutation(len(images))[: options.images]
            given, labels = drawn(control, images[chosen], numbers[chosen], seed)
            model = zoo.cifar_resnet20()
            if control == "random weights":
                model = settled(untrained(model, seed), given)
            rows += judged(control, model, given, labels, seed)
        print(table(summary([row for row in rows if row["control"] == control])), flush=True)
    write("controls", rows)


if __name__ == "__main__":
    main()
