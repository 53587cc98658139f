"""A concept source without labels: pairs of images that are equally bright."""

import numpy as np
import torch

import interpret_inn as inn
from interpret_inn.data import samples
from interpret_inn.types import SAME, Concept, ConceptSource, ConceptSourceSpec, Pairs


class Brightness(ConceptSource):
    name = "brightness"

    def __init__(self, data):
        self.samples = samples(data)
        images = (image for batch in self.samples.batches(64) for image in batch)
        self.values = torch.tensor([np.asarray(image, float).mean() for image in images])
        self.concepts = [Concept("brightness", "numeric", self.values.double().numpy())]

    def sample_pairs(self, n, generator, among):
        ranked = among[self.values[among].argsort()]
        first = torch.randint(len(ranked), (n,), generator=generator)
        score = SAME * torch.special.ndtri((first + 0.5) / len(ranked))  # ranks as normal scores
        score += (1 - SAME**2) ** 0.5 * torch.randn(n, generator=generator)
        second = (torch.special.ndtr(score) * len(ranked)).long().clamp(max=len(ranked) - 1)
        second = torch.where(second == first, (first + 1) % len(ranked), second)  # never with itself
        return Pairs(ranked[first], ranked[second], torch.tensor([[SAME, 0.0]]).repeat(n, 1))


@inn.hookimpl
def inn_concept_sources():
    yield ConceptSourceSpec("brightness", "Pairs of images that are equally bright.", Brightness)
