"""The first five minutes: a small classifier of coloured digits, trained here and explained."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from interpret_inn.interpreter import Interpreter
from interpret_inn.opening import wrap
from interpret_inn.types import IntArray

SIDE = 32
COLOURINGS = 4
_EPOCHS = 3
_BATCH = 64


class ColouredDigits(NamedTuple):
    """scikit-learn's 1,797 handwritten digits, each in four random colours on black.

    Attributes:
        images: uint8 (N, 32, 32, 3).
        digit: int64 (N,).
        colour: RGB in [0, 1], float32 (N, 3); uniform and independent of the digit.
        groups: int64 (N,), the drawing that each image is a colouring of.
    """

    images: npt.NDArray[np.uint8]
    digit: IntArray
    colour: npt.NDArray[np.float32]
    groups: IntArray


def coloured_digits(*, seed: int = 0, colourings: int = COLOURINGS) -> ColouredDigits:
    """Draws the digits of the demo; nothing is downloaded.

    Args:
        seed: Of the colours.
        colourings: Images of each drawing.
    """
    from sklearn.datasets import load_digits

    drawings, labels = load_digits(return_X_y=True)
    grey = torch.from_numpy(drawings.reshape(-1, 1, 8, 8)).float() / 16
    grey = nn.functional.interpolate(grey, size=SIDE, mode="bilinear").clamp(0, 1)
    groups = np.tile(np.arange(len(labels)), colourings).astype(np.int64)
    colour = np.random.default_rng(seed).random((len(groups), 3), dtype=np.float32)
    images = grey.numpy()[groups, 0, :, :, None] * colour[:, None, None, :]
    return ColouredDigits(
        (images * 255).round().astype(np.uint8), labels[groups].astype(np.int64), colour, groups
    )


def digit_classifier(data: ColouredDigits, *, seed: int = 0) -> nn.Module:
    """Trains timm's smallest ResNet on the digits, for about ten seconds, and gives it in evaluation mode.

    It takes images that are normalised as its own configuration says: mean 0.5 and standard deviation 0.5.
    """
    import timm

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = {"input_size": (3, SIDE, SIDE), "crop_pct": 1.0}
        model: nn.Module = timm.create_model("test_resnet", num_classes=10, pretrained_cfg_overlay=config)
        images = torch.from_numpy(data.images).permute(0, 3, 1, 2).float() / 127.5 - 1
        labels = torch.from_numpy(data.digit)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
        steps = _EPOCHS * (len(images) // _BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
        with torch.enable_grad():
            for _ in range(_EPOCHS):
                for chosen in torch.randperm(len(images)).split(_BATCH)[: len(images) // _BATCH]:
                    loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    schedule.step()
    return model.eval()


def demo(out: Path, *, seed: int = 0) -> Interpreter:
    """Trains a classifier, fits `digit` and `colour` to its last layer, and writes the report.

    Args:
        out: Folder for `report.html` and `report.json`.
        seed: Of the colours, the classifier and the fit.

    Returns:
        The fitted interpreter.
    """
    data = coloured_digits(seed=seed)
    interpreter = wrap(digit_classifier(data, seed=seed))
    interpreter.fit(
        "labels",
        data=data.images,
        labels={"digit": data.digit, "colour": data.colour},
        kinds={"digit": "categorical", "colour": "numeric"},
        groups=data.groups,
        seed=seed,
    )
    interpreter.report().save(out)
    return interpreter
