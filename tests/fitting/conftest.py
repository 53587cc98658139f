"""A small world: rows that are their own representation, and sources whose pairs are known exactly."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Generator, nn

from interpret_inn.backbones import Backbone
from interpret_inn.data import samples
from interpret_inn.types import SAME, Concept, Pairs, Plan


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "cache"))


class ClassSource:
    """Draws partners of the same class in one concept, chosen evenly, and of any class in the others."""

    def __init__(self, rows, labels, *, name="classes", strength=SAME, groups=None):
        self.name, self.strength = name, strength
        self.samples = samples(rows, groups=groups)
        self.concepts = [
            Concept(concept, "categorical", values, tuple(str(c) for c in range(values.max() + 1)))
            for concept, values in labels.items()
        ]

    def sample_pairs(self, n, generator, among):
        first = among[torch.randint(len(among), (n,), generator=generator)]
        second = among[torch.randint(len(among), (n,), generator=generator)]
        rho = torch.zeros(n, len(self.concepts) + 1)
        which = torch.randint(len(self.concepts), (n,), generator=generator)
        for k, concept in enumerate(self.concepts):
            values, mine = torch.from_numpy(concept.values), which == k
            by_class = among[values[among].argsort(stable=True)]
            counts = values[among].bincount(minlength=len(concept.classes))
            own = values[first[mine]]
            place = (torch.rand(len(own), generator=generator) * counts[own]).long()
            second[mine] = by_class[(counts.cumsum(0) - counts)[own] + place]
            rho[mine, k] = self.strength
        return Pairs(first, second, rho)


class LossySource(ClassSource):
    """With a loss of its own, `loss(context)`, and maybe a module that it trains."""

    def __init__(self, *arguments, loss, module=None, **options):
        super().__init__(*arguments, **options)
        self.plan = Plan(loss=loss, modules=None if module is None else lambda: module)

    def prepare(self, context):
        return self.plan


@pytest.fixture(scope="session")
def world():
    """300 rows (300, 6) in which axes 0 and 1 tell `shape` (3 classes), axis 2 `side` (2 classes), mixed."""
    generator = np.random.default_rng(0)
    shape, side = generator.integers(0, 3, 300), generator.integers(0, 2, 300)
    truth = 0.3 * generator.normal(size=(300, 6))
    truth[:, 0] += 2 * (shape == 0)
    truth[:, 1] += 2 * (shape == 1)
    truth[:, 2] += 2 * side
    rows = torch.from_numpy(truth @ np.linalg.qr(generator.normal(size=(6, 6)))[0]).float()

    class Site(nn.Module):
        def __init__(self):
            super().__init__()
            self.site, self.head = nn.Identity(), nn.Linear(1, 3)
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter.normal_(generator=Generator().manual_seed(0))

        def forward(self, inputs):
            return self.head(self.site(inputs)[:, :1])

    labels = {"shape": shape, "side": side}
    return SimpleNamespace(
        rows=rows,
        labels=labels,
        backbone=lambda: Backbone(Site().eval(), "site", preprocess="identity"),
        source=lambda **options: ClassSource(rows, labels, **options),
        lossy=lambda loss, **options: LossySource(rows, labels, loss=loss, **options),
        of=ClassSource,
    )


class Stop(Exception):
    """Stands for a kill."""


@pytest.fixture
def killer():
    """Makes an observer that stops the fit at the n-th look."""

    def make(look):
        seen = []

        def observe(step):
            seen.append(step)
            if len(seen) == look:
                raise Stop

        return observe

    make.Stop = Stop
    return make
