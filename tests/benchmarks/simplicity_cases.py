"""Generators that `simplicity.py` compares methods on, and how a code of each is scored.

Where the truth is known (VAEs of sprites and of scenes), a code is that of the means which the VAE's encoder gives for
images of known factors; else it is scored by what its axes do to images alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from common import WORK, load_zoo
from real_generators import Decoder
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones.state import weights_digest
from interpret_inn.datasets import KnownFactors, Scenes, Sprites
from interpret_inn.metrics import dci, factor_vae_score_of_batches, mig
from interpret_inn.metrics.traversals import ms_ssim_distance
from interpret_inn_unsupervised.directions.discovery import drawn_steps
from interpret_inn_unsupervised.recognizer import StepRecognizer

VOTES, BATCH, TEST_VOTES = 900, 48, 300
SCORED = 2_000
SEEDS = 5
SPRITES = ("VAE", "betaB", "betaH", "btcvae", "factor")
KINDS = {"shape": "categorical", "orientation": "cyclic"}
PARTINGS = 20
RECOGNIZED, RECOGNIZER_STEPS, RECOGNIZER_PAIRS = 10, 200, 32
_AT_ONCE = 500


@dataclasses.dataclass
class Case:
    """A generator, the layer whose principal axes GANSpace takes, and the truth where it is known."""

    name: str
    generator: nn.Module
    layer: str
    latents: str = "normal"
    truth: KnownFactors | None = None
    encode: Callable[[Tensor], Tensor] | None = None
    weights: str = (
        ""  # tells generators apart that were trained otherwise; kept where only latents are turned
    )

    def interpreter(self) -> inn.Interpreter:
        """The generator, wrapped."""
        return inn.wrap(self.generator, backbone="generator", latents=self.latents)

    def __post_init__(self) -> None:
        self.weights = self.weights or weights_digest(self.generator)[:8]

    @cached_property
    def encoded(self) -> dict[str, np.ndarray]:
        """Means of images of known factors, and of batches in which one factor is held; kept in work/."""
        path = (
            WORK
            / "simplicity"
            / f"encoded_{self.name}_{self.weights}_{VOTES}_{BATCH}_{TEST_VOTES}_{SCORED}.npz"
        )
        if not path.exists():
            assert self.truth is not None
            factors = self.truth.sample(SEEDS * SCORED, seed=500)
            votes, held = self.truth.votes(VOTES + TEST_VOTES, BATCH, seed=501)
            flat = self._means(votes.reshape(-1, votes.shape[-1]))
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(
                path,
                factors=factors,
                means=self._means(factors),
                held=held,
                votes=flat.reshape(*votes.shape[:2], -1),
            )
        with np.load(path) as archive:
            return dict(archive)

    @torch.no_grad()
    def _means(self, factors: np.ndarray) -> np.ndarray:
        assert self.truth is not None and self.encode is not None
        found = []
        for part in np.array_split(factors, max(1, len(factors) // _AT_ONCE)):
            images = torch.from_numpy(self.truth.drawn(part)).permute(0, 3, 1, 2).float() / 255
            found.append(self.encode(images))
        return torch.cat(found).numpy()

    def labels(self) -> tuple[Tensor, dict[str, np.ndarray], dict[str, str]]:
        """Means of images that no score is of, the values of all factors, and their kinds."""
        assert self.truth is not None
        factors = self.truth.sample(4096, seed=502)
        values = self.truth.labels(factors)
        kinds = {
            name: KINDS.get(name, "cyclic" if name.endswith("hue") else "numeric")
            for name in self.truth.names
        }
        if isinstance(self.truth, Scenes):
            kinds["orientation"] = "numeric"
            values |= {name: 2 * np.pi * given for name, given in values.items() if name.endswith("hue")}
        return torch.from_numpy(self._means(factors)), values, kinds


def cases() -> dict[str, Callable[[], Case]]:
    """All generators by name, each built when it is asked for."""
    zoo = load_zoo()

    def sprites(name: str) -> Case:
        vae = zoo.vae(f"{name}_dsprites")
        return Case(
            name, Decoder(vae), "vae.decoder.lin2", truth=Sprites(), encode=lambda x: vae.encode(x)[0]
        )

    def scenes() -> Case:
        from scene_networks import trained_scene_vae

        vae = trained_scene_vae()
        return Case(
            "scenes", Decoder(vae), scenes_layer(vae), truth=Scenes(), encode=lambda x: vae.encode(x)[0]
        )

    found: dict[str, Callable[[], Case]] = {name: (lambda name=name: sprites(name)) for name in SPRITES}
    return found | {
        "scenes": scenes,
        "mnist_wgan": lambda: Case("mnist_wgan", zoo.mnist_wgan(), "model.0"),
        "faces_dcgan": lambda: Case(
            "faces_dcgan", zoo.faces_dcgan(), "generator_deconv.0", latents="uniform"
        ),
    }


def scenes_layer(vae: nn.Module) -> str:
    """The first layer of the decoder that is not its first linear one."""
    inside = [
        name
        for name, module in vae.named_modules()
        if name.startswith("decoder") and not list(module.children())
    ]
    return f"vae.{inside[2]}"


class Turned(nn.Module):
    """A generator whose latents are turned by a fixed rotation: nothing is left of its own axes."""

    def __init__(self, generator: nn.Module, width: int) -> None:
        super().__init__()
        self.generator = generator
        drawn = torch.randn(width, width, generator=torch.Generator().manual_seed(99))
        self.register_buffer("turn", torch.linalg.qr(drawn).Q)

    def forward(self, latents: Tensor) -> Tensor:
        """Images of turned latents (B, D)."""
        return self.generator(latents @ self.turn.T)


# --- scores ---------------------------------------------------------------------------------------------


def truth_scores(
    case: Case, code: Callable[[Tensor], Tensor], seed: int, groups: Any = None
) -> dict[str, float]:
    """FactorVAE score, DCI and MIG of a code of the means, on images of this seed."""
    held, votes = case.encoded["held"], case.encoded["votes"]
    rows = slice(seed * SCORED, (seed + 1) * SCORED)
    factors = case.encoded["factors"][rows]
    codes = coded(code, case.encoded["means"][rows])
    voted = coded(code, votes.reshape(-1, votes.shape[-1])).reshape(*votes.shape[:2], -1)
    connected = dci(codes, factors, estimator="forest", groups=groups, seed=seed)
    return {
        "FactorVAE": factor_vae(voted, held, codes.var(0, ddof=1), groups),
        "DCI": connected.score.value,
        "MIG": mig(codes, factors, groups=groups).score.value,
        "completeness": connected.further["completeness"].value,
        "informativeness": connected.further["informativeness"].value,
    }


def factor_vae(voted: np.ndarray, held: np.ndarray, variances: np.ndarray, groups: Any) -> float:
    """The FactorVAE score, mean over many ways to part the votes: of one, its standard error is .026."""
    found = []
    for number in range(PARTINGS):
        order = np.random.default_rng(number).permutation(len(held))
        score = factor_vae_score_of_batches(
            voted[order], held[order], variances=variances, test_share=TEST_VOTES / len(held), groups=groups
        )
        found.append(score.score.value)
    return float(np.mean(found))


@torch.no_grad()
def coded(code: Callable[[Tensor], Tensor], means: np.ndarray) -> np.ndarray:
    """Codes (N, D) of means (N, D)."""
    return torch.cat([code(part) for part in torch.from_numpy(means).split(4096)]).double().numpy()


def image_scores(interpreter: inn.Interpreter, seed: int) -> dict[str, float]:
    """Length of all axes by two distances, and how well a fresh recognizer tells steps along the ten longest apart."""
    # no threshold: a share of the median would leave out more of a code with a few long axes
    options: dict[str, Any] = {"seed": seed, "threshold": 0.0, "relative": False}
    lengths = inn.lengths(interpreter, **options)
    structure = inn.lengths(interpreter, distance=_structure, **options)
    longest = np.argsort(-lengths.axes, kind="stable")[:RECOGNIZED]
    return {
        "TPL": lengths.score.value,
        "TPL structure": structure.score.value,
        "recognized": recognized(interpreter, torch.from_numpy(longest.copy()), seed),
    }


def _structure(first: Tensor, second: Tensor) -> Tensor:
    return ms_ssim_distance(first, second, span=2.0)


def recognized(interpreter: inn.Interpreter, axes: Tensor, seed: int) -> float:
    """Share of steps along the axes that a recognizer, trained on others, tells apart; chance is one in ten."""
    generator = torch.Generator().manual_seed(seed)
    with interpreter.backbone.session(), torch.inference_mode(False):
        first, _, which, _ = _stepped(interpreter, axes, 2, generator)
        recognizer = StepRecognizer(first.shape[1], len(axes), generator)
        optimizer = torch.optim.Adam(recognizer.parameters(), lr=2e-3)
        for _ in range(RECOGNIZER_STEPS):
            first, second, which, far = _stepped(interpreter, axes, RECOGNIZER_PAIRS, generator)
            with torch.enable_grad():
                logits, said = recognizer(first, second)
                loss = nn.functional.cross_entropy(logits, which) + 0.25 * (said - far).abs().mean()
                optimizer.zero_grad()
                loss.backward()
            optimizer.step()
        right = []
        for _ in range(16):
            first, second, which, _ = _stepped(interpreter, axes, 64, generator)
            right.append((recognizer(first, second)[0].argmax(1) == which).float())
    return float(torch.cat(right).mean())


@torch.no_grad()
def _stepped(
    interpreter: inn.Interpreter, axes: Tensor, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images before and after steps of up to 2 standard deviations, which axis, and how far."""
    backbone, bench = interpreter.backbone, interpreter.translator
    z = backbone.sample_inputs(count, generator)
    codes, carried = bench.codes(z)
    which, far = drawn_steps(count, len(axes), len(axes), most=2.0, generator=generator)
    moved = codes.clone()
    moved[torch.arange(count), axes[which]] += far * bench.fitted.reference_codes.std(0)[axes[which]]
    both = torch.cat([z, bench.representation(moved, carried, z)])
    return *backbone.tail(both).chunk(2), which, far
