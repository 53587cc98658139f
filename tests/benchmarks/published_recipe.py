"""The invertible interpretation network (IIN) as published, trained on coloured MNIST: a baseline.

Recipe of Esser, Rombach, Ommer, CVPR 2020 (code `CompVis/iin`): 12 blocks of ActNorm, affine coupling on
both halves and a fixed permutation; pair likelihood with correlation 0.975; Adam(0.5, 0.9), learning rate
1.125e-4; 25 pairs a step; factor sizes of its classifier, here in the order digit, colour, residual. Images
are painted afresh and sent through the frozen classifier at every step; nothing is stored or whitened. A
run that is started again under the same name goes on from its last checkpoint.

    python tests/benchmarks/published_recipe.py --name recipe --steps 20000 --marks 2500 600s
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from coloured_mnist import CONCEPTS, WIDTH, WORK, Classifier, Pairs, coloured, test_pairs, trained_classifier
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

SIZES = (22, 11, 31)  # digit, colour, residual
RHO = 0.975
PAIRS = 25
TEST_PAIRS = 2_000
CHECKPOINT_EVERY = 500
MARKS = ("100", "250", "500", "1000", *map(str, range(2_500, 200_000, 2_500)))


class ActNorm(nn.Module):
    """Scale and shift per dimension, set by the first batch to give zero mean and unit variance."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.location = nn.Parameter(torch.zeros(width))
        self.scale = nn.Parameter(torch.ones(width))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x, shape (B, D), to an output of that shape and log-determinants, shape (B,)."""
        if not self.ready:
            with torch.no_grad():
                self.location.copy_(-x.mean(0))
                self.scale.copy_(1 / (x.std(0) + 1e-6))
                self.ready.fill_(True)
        return self.scale * (x + self.location), self.scale.abs().log().sum().expand(len(x))

    def inverse(self, y: Tensor) -> Tensor:
        """Undo the map, shape (B, D)."""
        return y / self.scale - self.location


def _mlp(inputs: int, outputs: int, hidden: int = 512, depth: int = 3) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(hidden if i else inputs, hidden), nn.LeakyReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


class Coupling(nn.Module):
    """Affine coupling: the first half of the input shifts and scales the second half."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Sequential(_mlp(width // 2, width // 2), nn.Tanh())
        self.shift = _mlp(width // 2, width // 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x, shape (B, D), to an output of that shape and log-determinants, shape (B,)."""
        kept, moved = x.chunk(2, 1)
        log_scale = self.scale(kept)
        return torch.cat([kept, moved * log_scale.exp() + self.shift(kept)], 1), log_scale.sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """Undo the map, shape (B, D)."""
        kept, moved = y.chunk(2, 1)
        return torch.cat([kept, (moved - self.shift(kept)) * (-self.scale(kept)).exp()], 1)


class Shuffle(nn.Module):
    """A fixed order of the dimensions."""

    def __init__(self, order: Tensor) -> None:
        super().__init__()
        self.register_buffer("order", order)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x, shape (B, D), to an output of that shape and log-determinants (zeros), shape (B,)."""
        return x[:, self.order], x.new_zeros(len(x))

    def inverse(self, y: Tensor) -> Tensor:
        """Undo the map, shape (B, D)."""
        return y[:, self.order.argsort()]


class Flow(nn.Module):
    """The published invertible network."""

    def __init__(self, width: int = WIDTH, blocks: int = 12) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(blocks):
            swap = torch.arange(width).roll(width // 2)
            halves = [Coupling(width), Shuffle(swap), Coupling(width)]
            self.layers.extend([ActNorm(width), *halves, Shuffle(torch.randperm(width))])

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map representations, shape (B, D), to codes, shape (B, D), and log-determinants, shape (B,)."""
        total = z.new_zeros(len(z))
        for layer in self.layers:
            z, log_det = layer(z)
            total = total + log_det
        return z, total

    def inverse(self, codes: Tensor) -> Tensor:
        """Map codes, shape (B, D), back to representations, shape (B, D)."""
        for layer in reversed(self.layers):
            codes = layer.inverse(codes)
        return codes


@torch.no_grad()
def self_check(width: int = 8) -> None:
    """Raise unless a small flow inverts itself and its log-determinant is that of its Jacobian."""
    flow = Flow(width, blocks=3).double()
    z = torch.randn(32, width, dtype=torch.float64)
    flow(z)  # sets the ActNorms
    codes, log_det = flow(z)
    jacobian = torch.autograd.functional.jacobian(lambda one: flow(one[None])[0][0], z[0])
    torch.testing.assert_close(flow.inverse(codes), z)
    torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_det[0])


def pair_loss(
    codes: tuple[Tensor, Tensor],
    log_dets: tuple[Tensor, Tensor],
    concepts: Tensor,
    *,
    sizes: Sequence[int] = SIZES,
) -> Tensor:
    """Mean negative log-likelihood of pairs, up to the constants that the published code drops as well.

    Args:
        codes: Codes of both sides, each of shape (B, D).
        log_dets: Log-determinants of both sides, each of shape (B,).
        concepts: Index of the shared concept, shape (B,).
        sizes: Axes of each factor, the residual last.
    """
    owner = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    rho = RHO * (owner == concepts[:, None])  # (B, D)
    first, second = codes
    energy = first.square() + (second - rho * first).square() / (1 - rho.square())
    return (0.5 * energy.sum(1) - log_dets[0] - log_dets[1]).mean()


class Run:
    """One resumable training run; everything it writes lies in `work/name`.

    Its checkpoint is one safetensors file: tensors as such, everything else as JSON in the header, so that
    the two cannot drift apart.
    """

    def __init__(self, name: str, work: Path = WORK, seed: int = 0) -> None:
        self.folder = work / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.classifier = trained_classifier(work)
        self.pairs = Pairs("train")
        self.generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        self.flow = Flow()
        self.optimizer = torch.optim.Adam(self.flow.parameters(), lr=1.125e-4, betas=(0.5, 0.9), fused=True)
        self.state: dict[str, float] = {"step": 0, "seconds": 0.0, "loss_sum": 0.0, "loss_count": 0}
        self.marks: list[dict[str, float]] = []
        self._evaluation = _evaluation_inputs(self.classifier)
        if (self.folder / "checkpoint.safetensors").exists():
            self._resume()

    def step(self) -> None:
        """Take one optimizer step on freshly drawn and painted pairs."""
        start = time.perf_counter()
        concepts = torch.randint(len(CONCEPTS), (PAIRS,), generator=self.generator)
        images = torch.cat(self.pairs.draw(concepts, self.generator))
        codes, log_dets = self.flow(self.classifier.represent(images))
        loss = pair_loss(codes.split(PAIRS), log_dets.split(PAIRS), concepts)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.state["step"] += 1
        self.state["loss_sum"] += loss.item()
        self.state["loss_count"] += 1
        self.state["seconds"] += time.perf_counter() - start

    @torch.no_grad()
    def mark(self) -> None:
        """Store the codes of all evaluation images, and where in training this is; then a checkpoint."""
        step = int(self.state["step"])
        codes = {
            name: torch.cat([self.flow(batch)[0] for batch in inputs.split(500)])
            for name, inputs in self._evaluation.items()
        }
        _save(self.folder / f"mark_{step}.safetensors", codes, {"sizes": SIZES})
        loss = self.state["loss_sum"] / max(self.state["loss_count"], 1)
        self.state |= {"loss_sum": 0.0, "loss_count": 0}
        self.marks.append({"step": step, "seconds": round(self.state["seconds"], 1), "loss": loss})
        self.save()
        unfinished = self.folder / "marks.json.part"
        unfinished.write_text(json.dumps(self.marks, indent=1))
        unfinished.replace(self.folder / "marks.json")
        print(f"step {step}  {self.state['seconds']:.0f} s  loss {loss:.2f}", flush=True)

    def save(self) -> None:
        """Write the checkpoint."""
        tensors = {f"flow.{name}": tensor for name, tensor in self.flow.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in moments.items()}
        tensors["generator"] = self.generator.get_state()
        _save(self.folder / "checkpoint.safetensors", tensors, {"state": self.state, "marks": self.marks})

    def _resume(self) -> None:
        with safe_open(self.folder / "checkpoint.safetensors", "pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.state, self.marks = json.loads(header["state"]), json.loads(header["marks"])
        self.generator.set_state(tensors["generator"])
        weights = {key[5:]: tensor for key, tensor in tensors.items() if key.startswith("flow.")}
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".")
                moments.setdefault(int(index), {})[name] = tensor
        self.flow.load_state_dict(weights)
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        print(f"resumed at step {self.state['step']}", flush=True)


def _save(path: Path, tensors: dict[str, Tensor], header: dict[str, object]) -> None:
    """Write a safetensors file whose header holds JSON, in one go: never half a file under that name."""
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished, {key: json.dumps(value) for key, value in header.items()})
    unfinished.replace(path)


@torch.no_grad()
def _evaluation_inputs(classifier: Classifier) -> dict[str, Tensor]:
    """Representations of everything a mark stores codes of, each of shape (N, 64)."""
    images = {"train": coloured("train", seed=0)[0], "test": coloured("test", seed=1)[0]}
    for concept in CONCEPTS:
        images[f"{concept}_a"], images[f"{concept}_b"] = test_pairs(concept, TEST_PAIRS, seed=2)
    return {
        name: torch.cat([classifier.represent(part) for part in batch.split(500)])
        for name, batch in images.items()
    }


def train(run: Run, steps: float, seconds: float, marks: Sequence[str]) -> None:
    """Train until `steps` or `seconds` of training are used up.

    Args:
        run: The run, fresh or resumed.
        steps: Steps in all.
        seconds: Training seconds in all.
        marks: When to evaluate besides the end: steps (`2500`) or training seconds (`600s`).
    """
    at_step = {int(mark) for mark in marks if not mark.endswith("s")}
    times = (float(mark[:-1]) for mark in marks if mark.endswith("s"))
    at_second = sorted(mark for mark in times if mark > run.state["seconds"])
    while run.state["step"] < steps and run.state["seconds"] < seconds:
        run.step()
        due = int(run.state["step"]) in at_step
        while at_second and run.state["seconds"] >= at_second[0]:
            at_second.pop(0)
            due = True
        if due:
            run.mark()
        elif run.state["step"] % CHECKPOINT_EVERY == 0:
            run.save()
    if not run.marks or run.marks[-1]["step"] != run.state["step"]:
        run.mark()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, help="stop after so many steps")
    parser.add_argument("--seconds", type=float, help="stop after so much training time")
    parser.add_argument(
        "--marks", nargs="*", default=MARKS, help="steps (2500) or training seconds (600s) to evaluate at"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--name", default="recipe")
    options = parser.parse_args()
    if options.steps is None and options.seconds is None:
        parser.error("give --steps or --seconds")
    torch.set_num_threads(options.threads)
    self_check()
    run = Run(options.name, options.work)
    train(run, options.steps or float("inf"), options.seconds or float("inf"), options.marks)


if __name__ == "__main__":
    main()
