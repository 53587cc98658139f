"""A small world: rows that are their own representation, sources whose pairs are known exactly, and fits to them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Generator, nn

from interpret_inn.backbones import Backbone
from interpret_inn.data import samples
from interpret_inn.fitting import rows as rows_module
from interpret_inn.fitting import shards
from interpret_inn.fitting.fit import fit
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.trainer import Trainer
from interpret_inn.flows import FlowShape, InvertibleNetwork, fit_whitening
from interpret_inn.types import SAME, Concept, Pairs, Plan

from .curious import SMALL as SMALL_FIT
from .trainers import SMALL as SMALL_TRAINING


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


@pytest.fixture
def fitted_to(world):
    def run(*sources, **options):
        options = {"seed": 0, "settings": SMALL_FIT, "cache": None, "checkpoint": None} | options
        return fit(world.backbone(), sources, **options)

    return run


@pytest.fixture
def make(world):
    """Makes a trainer on the small world; the same arguments make the same one."""

    def made(source=None, *, settings=SMALL_TRAINING, positions=1, **options):
        source = source or world.source()
        pool = Pool([source], seed=0)
        pool.follow([getattr(source, "plan", Plan())])
        whitening = fit_whitening(world.rows)
        network = InvertibleNetwork(
            whitening, FlowShape(6, 6, settings.blocks, settings.hidden, 1), Generator().manual_seed(0)
        )
        white = whitening(world.rows)[0][:, None].repeat(1, positions, 1)
        white = white + 0.1 * torch.arange(positions)[:, None]
        return Trainer(
            network, white, pool=pool, sizes=(2, 2, 2), settings=settings, seed=0,
            **{"backbone": world.backbone(), **options},
        )  # fmt: skip

    return made


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


@pytest.fixture
def values():
    return torch.randn(50, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_BYTES", 7 * 4 * 4)  # seven samples of four axes


@pytest.fixture
def on_disk_only(monkeypatch):
    monkeypatch.setattr(rows_module, "KEEP_BYTES", 0)
