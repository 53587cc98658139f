"""Images of 8 by 8 pixels in three colours, and models whose answer to a change of colour is known."""

import numpy as np
import torch
from torch import nn

from interpret_inn.backbones import Backbone
from interpret_inn.data import samples
from interpret_inn.effects.inputs import InputPairs
from interpret_inn.types import Concept

COLOURS = ("red", "green", "blue")


def images(colour, marked, seed=0):
    """uint8 (n, 8, 8, 3): a field of noise in one of three colours; a mark in the corner of some."""
    rng = np.random.default_rng(seed)
    colour, marked = np.asarray(colour), np.asarray(marked, bool)
    found = rng.integers(0, 30, (len(colour), 8, 8, 3), dtype=np.uint8)
    found[np.arange(len(colour)), ..., colour] += 150
    found[:, 0, 0] = np.where(marked[:, None], 255, 0)
    return found


def recoloured(pictures, colour):
    """The same images in another colour: channels change places."""
    own = pictures.reshape(len(pictures), -1, 3)[:, 8:].mean(1).argmax(1)
    found = pictures.copy()
    for index, (before, after) in enumerate(zip(own, np.broadcast_to(colour, own.shape), strict=True)):
        found[index, ..., [before, after]] = pictures[index, ..., [after, before]]
    return found


class Tiny(nn.Module):
    """Goes by colour alone: logits (B, 3) are how much there is of each; a mark in the corner decides on class 0.

    Before `head` there are five numbers: how much there is of each colour, the mark, and the middle's brightness.
    """

    def __init__(self):
        super().__init__()
        self.features, self.head = nn.Linear(192, 5), nn.Linear(5, 3)
        weight = torch.zeros(5, 3, 8, 8)
        for channel in range(3):
            weight[channel, channel] = 1 / 64
        weight[3, :, 0, 0], weight[4, :, 4, 4] = 1, 1
        with torch.no_grad():
            self.features.weight.copy_(weight.flatten(1))
            self.head.weight.copy_(torch.eye(3, 5))
            self.head.weight[0, 3] = 10
            self.features.bias.zero_(), self.head.bias.zero_()

    def forward(self, pictures):
        return self.head(self.features(pictures.flatten(1)))


class Recolours(nn.Module):
    """Gives images: those that it takes, with the channels multiplied."""

    def __init__(self):
        super().__init__()
        self.first = nn.Identity()
        self.factor = nn.Parameter(torch.tensor([1.0, 0.5, 0.25])[:, None, None])

    def forward(self, pictures):
        return self.first(pictures) * self.factor


class Redness(nn.Module):
    """Gives one number: how much red there is."""

    def __init__(self):
        super().__init__()
        self.first = nn.Identity()

    def forward(self, pictures):
        return self.first(pictures)[:, 0].mean((1, 2))


def tiny(model=None, site="head:in"):
    return Backbone(Tiny() if model is None else model, site)


def colours(values):
    return Concept("colour", "categorical", np.asarray(values, np.int64), COLOURS)


def pairs(first, second, before=None, after=None, *, data=None, groups=None, both_ways=False, kind=colours):
    """Pairs of images with colours before and after; `data` are the colours in the data of the fit."""
    places = np.arange(len(first))[:, None].repeat(2, 1)
    concept = Concept("colour", "unlabelled") if data is None else kind(data)
    return InputPairs(
        concept,
        samples(first),
        samples(second),
        places,
        None if before is None else kind(before),
        None if after is None else kind(after),
        groups,
        both_ways,
    )
