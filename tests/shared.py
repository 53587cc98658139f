"""What all tests share: a cache of their own, and one small interpreter that is fitted once."""

import contextlib
import functools
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.explaining import refits
from interpret_inn.metrics import predictors
from interpret_inn.testing import ToyClassifier, toy_classifier, toy_images

# No test times itself: a busy machine draws slowly, and that says nothing of the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def no_refits_of_their_own() -> Iterator[None]:
    """Fits to other samples are made where a test asks for them: `fit(…, refits=2)`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refits, "AUTOMATIC", 0)
        yield


class Toy(NamedTuple):
    """A fitted toy and its data.

    Attributes:
        interpreter: Fitted to `shape` and `hue` at the 32 inputs of the toy classifier's head.
        model: Its model.
        images: uint8 (400, 24, 24, 3), what it was fitted on.
        labels: By concept.
        fresh: uint8 (150, 24, 24, 3), images that no fit has seen.
    """

    interpreter: inn.Interpreter
    model: ToyClassifier
    images: np.ndarray[Any, np.dtype[np.uint8]]
    labels: dict[str, np.ndarray[Any, Any]]
    fresh: np.ndarray[Any, np.dtype[np.uint8]]


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes into the cache of the user who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERPRET_INN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


ALL_EPOCHS = predictors.EPOCHS


@contextlib.contextmanager
def probes_trained_for(epochs: int) -> Iterator[None]:
    """At most so many epochs for the networks among the probes, whatever a file of tests asks for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictors, "EPOCHS", epochs)
        yield


@pytest.fixture(scope="module")
def hasty_probes() -> Iterator[None]:
    """For files that look at no score of a network: half of an explanation's time goes into training them."""
    with probes_trained_for(1):
        yield


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """Settings of a fit that is over in a moment and has learnt next to nothing."""
    return {
        "steps": 6, "pairs": 32, "blocks": 2, "hidden": 16, "every": 3,
        "axes": 12, "samples_per_axis": 1, "explained": 1.0, "cache": None, "checkpoint": None,
    }  # fmt: skip


@pytest.fixture(scope="session")
def toy(cache_of_tests: None) -> Toy:
    """The shared interpreter; tests must not fit it again."""
    model = toy_classifier()
    images, labels = toy_images(400, seed=1)
    interpreter = inn.wrap(model, "head:in")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit(
            "labels", data=images, labels=labels, kinds={"shape": "categorical", "hue": "cyclic"},
            cache=None, checkpoint=None,
        )  # fmt: skip
    with probes_trained_for(ALL_EPOCHS):
        assert interpreter.evaluation  # now, so that it does not depend on which test asks for it first
    return Toy(interpreter, model, images, labels, toy_images(150, seed=2)[0])


@pytest.fixture(scope="session")
def zoo() -> ModuleType:
    """The module that builds real networks and reads real images, from the folder that a variable names."""
    folder = os.environ.get("INTERPRET_INN_REAL")
    if not folder:
        pytest.skip("INTERPRET_INN_REAL names no folder with real networks and images")
    spec = importlib.util.spec_from_file_location("zoo", Path(folder) / "zoo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder_state() -> Callable[[Path], list[str]]:
    """Lists all files of a folder, to see that nothing was left behind."""

    def listing(folder: Path) -> list[str]:
        return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())

    return listing


# --- models that make images, for everything that explores and compares them ---------------------------


class Generator(nn.Module):
    """Latents (B, 12) to images (B, 3, 10, 10) in [0, 1]; the mean colour follows the first three."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(12, 32)
        self.second = nn.Sequential(nn.Tanh(), nn.Linear(32, 300), nn.Sigmoid(), nn.Unflatten(1, (3, 10, 10)))

    def forward(self, latent: Tensor) -> Tensor:
        images: Tensor = self.second(self.first(latent))
        return images


class Autoencoder(nn.Module):
    """Grey images (B, 1, 12, 12) to maps (B, 6, 3, 3) and back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(1, 6, 4, stride=4)
        self.decoder = nn.Sequential(nn.ConvTranspose2d(6, 1, 4, stride=4), nn.Sigmoid())

    def forward(self, images: Tensor) -> Tensor:
        again: Tensor = self.decoder(self.encoder(images))
        return again


def seeded(kind: type[nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return kind().eval()


def draw(n: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, 12, generator=generator)


class Explored(NamedTuple):
    """A fitted interpreter and inputs that it was not fitted on."""

    interpreter: inn.Interpreter
    inputs: Any


def generator_backbone(site: str = ".:in", **options: Any) -> Backbone:
    known = {"preprocess": "identity", "kind": "generator", "sample_inputs": draw, "value_range": (0, 1)}
    return Backbone(seeded(Generator), site, **known | options)


@pytest.fixture(scope="session")
def faces(small: dict[str, Any], cache_of_tests: None) -> Explored:
    """A generator at its latent, fitted to a categorical and a numeric concept."""
    latents = draw(240, torch.Generator().manual_seed(5))
    labels = {"side": np.where(latents[:, 0] > 0, "right", "left"), "tilt": latents[:, 1].numpy()}
    it = inn.Interpreter(generator_backbone())
    it.fit(
        "labels", data=latents[:200], labels={k: v[:200] for k, v in labels.items()}, **small | {"axes": 64}
    )
    with probes_trained_for(1):
        assert it.evaluation
    return Explored(it, latents[200:])


@pytest.fixture(scope="session")
def generator_at() -> Callable[..., Backbone]:
    """The generator with another site or other options."""
    return generator_backbone


@pytest.fixture(scope="session")
def grey_images() -> Any:
    return np.random.default_rng(3).integers(0, 256, (150, 12, 12)).astype(np.uint8)


@pytest.fixture(scope="session", params=["flat", "pooled", "positions"])
def maps(request: Any, small: dict[str, Any], cache_of_tests: None, grey_images: Any) -> Explored:
    """An autoencoder at its maps, in all layouts."""
    it = inn.wrap(seeded(Autoencoder), "decoder:in", layout=request.param)
    bright = grey_images[:120].mean((1, 2))
    it.fit("labels", data=grey_images[:120], labels={"bright": bright}, **small | {"axes": 64})
    with probes_trained_for(1):
        assert it.evaluation
    return Explored(it, grey_images[120:])


_watched: list[list[tuple[str, Any]]] = []


@functools.cache  # a hook of this kind stays for good
def _watch() -> None:
    kinds = ("open", "import", "socket.", "subprocess.", "os.system", "os.mkdir", "exec", "urllib.")

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if _watched and event.startswith(kinds):
            _watched[-1].append((event, arguments[0] if arguments else None))

    sys.addaudithook(note)


@pytest.fixture
def events() -> Iterator[list[tuple[str, Any]]]:
    """What Python opens, imports, connects to and runs from here on: (event, its first argument)."""
    _watch()
    _watched.append([])
    yield _watched[-1]
    _watched.clear()
