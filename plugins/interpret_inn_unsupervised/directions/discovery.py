"""Directions that a recognizer can tell apart from the images.

Voynov and Babenko, "Unsupervised discovery of interpretable directions in the GAN latent space" (2020), section 3: an
orthonormal matrix of directions and a recognizer are trained together; the recognizer sees an image before and
after a step, and says along which direction it went and how far.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from tqdm import tqdm

from interpret_inn.types import AxesView
from interpret_inn_unsupervised.recognizer import StepRecognizer
from interpret_inn_unsupervised.watching import require_images

REACH, LEAST = 3.0, 0.5
"""Steps are drawn evenly between −REACH and REACH, and none is shorter than LEAST."""
_HOW_FAR = 0.25
"""Weight of the error in the step's length beside the cross entropy of its direction, as published."""
_RATE = 3e-3  # of Adam at first; it falls to 0 as a cosine


def drawn_steps(
    count: int, width: int, factors: int, *, most: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draws steps along axes.

    Args:
        count: How many.
        width: Axes of the code.
        factors: How many of them are stepped along, the first ones.
        most: Longest step, in standard deviations.
        generator: Draws axes and lengths.

    Returns:
        Which axis, int64 (count,), and the step, (count,): none is shorter than `LEAST`.
    """
    which = torch.randint(min(factors, width), (count,), generator=generator)
    far = most * (2 * torch.rand(count, generator=generator) - 1)
    return which, far.sign() * far.abs().clamp_min(LEAST)


def discovered_directions(view: AxesView, *, factors: int, steps: int, pairs: int, seed: int) -> Tensor:
    """Trains directions and recognizer.

    Args:
        view: The model as a function of the whitened axes.
        factors: How many directions.
        steps: Of Adam.
        pairs: Of images in each step.
        seed: Of everything that is drawn.

    Returns:
        float64 (d, factors), orthonormal columns.
    """
    generator = Generator().manual_seed(seed)
    with torch.inference_mode(False), torch.enable_grad():
        white, rest = view.samples(1, generator)
        images = view.outputs(white, rest)
        require_images(images)
        recognizer = StepRecognizer(images.shape[1], factors, generator).to(images.device)
        start = torch.randn(view.axes, factors, generator=generator)
        free = nn.Parameter(torch.linalg.qr(start).Q)
        parameters = [free, *recognizer.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=_RATE)
        for step in tqdm(range(steps), desc="directions", unit="step", disable=None, leave=False):
            optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            loss = _loss(view, free, recognizer, pairs, generator)
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = gradient
            optimizer.step()
    found: Tensor = torch.linalg.qr(free.detach().double()).Q
    return found


def _loss(
    view: AxesView, free: Tensor, recognizer: StepRecognizer, pairs: int, generator: Generator
) -> Tensor:
    """Cross entropy of the direction and, less, mean error of how far."""
    axes = torch.linalg.qr(free).Q
    white, rest = view.samples(pairs, generator)
    which, far = drawn_steps(pairs, view.axes, free.shape[1], most=REACH, generator=generator)
    moved = white + far[:, None] * axes.T[which]
    images = view.outputs(torch.cat([white, moved]), rest.repeat(2, 1)).float()
    logits, said = recognizer(*images.chunk(2))
    told: Tensor = nn.functional.cross_entropy(logits, which.to(logits.device))
    error: Tensor = (said - far.to(said)).abs().mean()
    return told + _HOW_FAR * error
