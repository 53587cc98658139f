"""Coloured MNIST: digits, each multiplied by one RGB colour, and a small classifier of its digits.

The 10,000 MNIST test images come from the folder that the environment variable `INTERPRET_INN_REAL`
names. They are split once and for all into 8,000 training and 2,000 test images.
Colours are uniform in [0, 1]^3 and independent of the digit.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from common import WORK, real_folder
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

CONCEPTS = ("digit", "colour")
WIDTH = 64  # of the representation: the classifier's penultimate layer

Part = Literal["train", "test"]
_TRAINING_IMAGES = 8_000


@cache
def digits() -> tuple[Tensor, Tensor]:
    """The MNIST test set.

    Returns:
        Images, float32 in [0, 1], shape (10000, 28, 28), and labels, int64, shape (10000,).
    """
    with np.load(real_folder() / "images" / "mnist.npz") as archive:
        images, labels = archive["images"], archive["labels"]
    return torch.from_numpy(images).float() / 255, torch.from_numpy(labels.astype(np.int64))


def part_of_digits(part: Part) -> tuple[Tensor, Tensor]:
    """Grey images, shape (N, 28, 28), and labels, shape (N,): N = 8,000 for training or 2,000 for the test."""
    images, labels = digits()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    chosen = order[:_TRAINING_IMAGES] if part == "train" else order[_TRAINING_IMAGES:]
    return images[chosen], labels[chosen]


def colour(images: Tensor, colours: Tensor) -> Tensor:
    """Paint grey images.

    Args:
        images: Values in [0, 1], shape (B, 28, 28).
        colours: RGB in [0, 1], shape (B, 3).

    Returns:
        Values in [0, 1], shape (B, 3, 28, 28).
    """
    return images[:, None] * colours[:, :, None, None]


def coloured(part: Part, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A part of the digits under one fixed random colouring.

    Returns:
        Images, shape (N, 3, 28, 28), digit labels, shape (N,), and colours, shape (N, 3).
    """
    images, labels = part_of_digits(part)
    colours = torch.rand(len(images), 3, generator=torch.Generator().manual_seed(seed))
    return colour(images, colours), labels, colours


class Pairs:
    """Draws pairs of coloured images that share exactly one concept, digit or colour."""

    def __init__(self, part: Part) -> None:
        self._images, self._labels = part_of_digits(part)
        self._order = self._labels.argsort(stable=True)  # images of one digit lie side by side
        self._counts = self._labels.bincount(minlength=10)
        self._starts = self._counts.cumsum(0) - self._counts
        self._ranks = torch.empty_like(self._order)
        self._ranks[self._order] = torch.arange(len(self._order)) - self._starts[self._labels[self._order]]

    def draw(self, concepts: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw one pair for each entry of `concepts`.

        Args:
            concepts: Index into `CONCEPTS` of what the pair shares, int64, shape (B,).
            generator: The source of all randomness.

        Returns:
            Two batches, each of shape (B, 3, 28, 28). Pairs of one digit are never twice the same image.
        """
        number = len(concepts)
        first = torch.randint(len(self._images), (number,), generator=generator)
        free = torch.randint(len(self._images), (number,), generator=generator)
        counts = self._counts[self._labels[first]]
        offsets = 1 + (torch.rand(number, generator=generator) * (counts - 1)).long()
        ranks = (self._ranks[first] + offsets) % counts
        alike = self._order[self._starts[self._labels[first]] + ranks]
        colours = torch.rand(2, number, 3, generator=generator)

        same_digit = concepts == CONCEPTS.index("digit")
        second = torch.where(same_digit, alike, free)
        second_colours = torch.where(same_digit[:, None], colours[1], colours[0])
        return colour(self._images[first], colours[0]), colour(self._images[second], second_colours)


def test_pairs(concept: str, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pairs of test images that share `concept` and nothing else.

    Returns:
        Two batches, each of shape (n, 3, 28, 28).
    """
    concepts = torch.full((n,), CONCEPTS.index(concept))
    return Pairs("test").draw(concepts, torch.Generator().manual_seed(seed))


class Classifier(nn.Module):
    """Classifier of coloured digits whose input is RGB in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()

        def stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
            conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))

        # Leaky, because units that are exactly zero on many images have no density for a flow to fit.
        self.features = nn.Sequential(
            stage(3, 16, 2), stage(16, 32, 2), stage(32, 32, 1), nn.Flatten(),
            nn.Linear(32 * 7 * 7, WIDTH), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.head = nn.Linear(WIDTH, 10)

    def represent(self, images: Tensor) -> Tensor:
        """Map images in [0, 1], shape (B, 3, 28, 28), to the penultimate layer, shape (B, 64)."""
        return self.features(2 * images - 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images in [0, 1], shape (B, 3, 28, 28), to class logits, shape (B, 10)."""
        return self.head(self.represent(images))


def _train(classifier: Classifier, epochs: int = 4, batch: int = 64) -> None:
    images, labels = part_of_digits("train")
    generator = torch.Generator().manual_seed(0)
    steps = epochs * (len(images) // batch)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=steps)
    classifier.train()
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for chosen in order.split(batch)[: steps // epochs]:
            painted = colour(images[chosen], torch.rand(len(chosen), 3, generator=generator))
            loss = nn.functional.cross_entropy(classifier(painted), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def trained_classifier(work: Path = WORK) -> Classifier:
    """The classifier trained on the training images, frozen and in eval mode.

    Args:
        work: Folder that keeps the weights; the first call trains (under a minute) and stores them.
    """
    path = work / "classifier.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = Classifier()
        if path.exists():
            classifier.load_state_dict(load_file(path))
        else:
            _train(classifier)
            work.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part")
            save_file(classifier.state_dict(), unfinished)
            unfinished.rename(path)
    return classifier.eval().requires_grad_(False)


@torch.no_grad()
def accuracy(classifier: Classifier) -> float:
    """Share of the test images, under one random colouring, whose digit the classifier names."""
    images, labels, _ = coloured("test", seed=1)
    return (classifier(images).argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    print(f"accuracy on the test images: {accuracy(trained_classifier()):.4f}")
