"""Settings of a small training, and the weights that it leaves."""

import torch

from interpret_inn.translating.settings import FitSettings

SMALL = FitSettings(steps=24, pairs=32, blocks=2, hidden=8, every=4, warm_up=3, patience=100)


def weights(trainer):
    return torch.cat([value.flatten().double() for value in trainer.trained.state_dict().values()])
