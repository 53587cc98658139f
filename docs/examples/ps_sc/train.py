"""Trains a small PS-SC generator on dSprites-like images, on one core.

    python docs/examples/ps_sc/train.py --out work/ps_sc

Every `--every` steps the state is written to `OUT/checkpoint.safetensors`, and a line to `OUT/losses.csv`: the step,
the mean losses of discriminator, generator and perceptual simplicity since the line before, and the seconds of CPU that
it took. The same command goes on from there, to the weights that an uninterrupted run has.
"""

from __future__ import annotations

import argparse
import copy
import resource
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import checkpoints
import torch
from images import drawn
from losses import discriminator_loss, generator_loss, perceptual_simplicity, steepness, stepped
from networks import Discriminator, Generator, Recognizer
from torch import Tensor
from tqdm import tqdm

from interpret_inn.datasets import Sprites

CHECKPOINT = "checkpoint.safetensors"
_STREAM = 1_000_003  # seeds of different runs do not meet within so many steps
_LOSSES = ("discriminator", "generator", "simplicity")


@dataclass(frozen=True)
class Settings:
    """What the weights depend on, beside the number of steps.

    Attributes:
        seed: Of the first weights and of all draws.
        batch: Images in a step.
        at_4: Latents that act at 4 × 4 places.
        at_8: At 8 × 8.
        at_16: At 16 × 16.
        rectangles: J, in each mask.
        rate: Of Adam, for all networks.
        r1: γ: the discriminator's loss has γ/2 times its squared gradient.
        late: From this step on the two below hold: quick steps find out what latents do; at slow ones the
            discriminator keeps up with the generator, and outlines get sharper.
        late_rate: Of generator and recognizer.
        late_r1: γ.
        r1_images: At how many drawn images of a step it is taken: a few at every step cost less than all of them, and
            Adam meets no penalty that comes and goes.
        simplicity: Weight of perceptual simplicity.
        eps: Steps along a latent are eps · N(0, 2²).
        average: Decay of the running mean of the generator's weights.
    """

    seed: int = 0
    batch: int = 32
    at_4: int = 3
    at_8: int = 2
    at_16: int = 2
    rectangles: int = 4
    rate: float = 1e-3
    r1: float = 0.3
    late: int = 1_700
    late_rate: float = 2e-4
    late_r1: float = 0.1
    r1_images: int = 8
    simplicity: float = 0.05
    eps: float = 0.5
    average: float = 0.995

    def generator(self) -> Generator:
        """A generator of these settings."""
        return Generator((self.at_4, self.at_8, self.at_16), rectangles=self.rectangles)


class Training:
    """The networks, their optimizers, and the number of steps done.

    What a step draws depends on the seed and its number alone, so a checkpoint needs no random state.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.step = settings, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            generator = settings.generator()
            recognizer = Recognizer(generator.latents)
            discriminator = Discriminator()
        self.networks = {
            "generator": generator,
            "averaged": copy.deepcopy(generator).requires_grad_(False),
            "recognizer": recognizer,
            "discriminator": discriminator,
        }
        for network in self.networks.values():  # twice as fast for small channels on a CPU
            network.to(memory_format=torch.channels_last)
        creating = [*generator.parameters(), *recognizer.parameters()]
        self.optimizers = {
            name: torch.optim.Adam(parameters, lr=settings.rate, betas=(0.0, 0.99), fused=True)
            for name, parameters in (("creating", creating), ("judging", discriminator.parameters()))
        }
        self._sprites = Sprites()

    def one_step(self) -> tuple[float, ...]:
        """One update of each network; the losses that `_LOSSES` names."""
        seed = self.settings.seed * _STREAM + self.step
        draws = torch.Generator().manual_seed(seed)
        real = drawn(self._sprites, self._sprites.sample(self.settings.batch, seed=seed))
        generated, simplicity = self._generate(draws)
        judged = self._judge(real, generated.detach())
        created = self._create(generated, simplicity)
        self._average()
        self.step += 1
        return judged, created, float(simplicity.detach())

    def _generate(self, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images (B, 1, H, W) of latents before and after a step along one, and how simple the steps look."""
        generator, recognizer = self.networks["generator"], self.networks["recognizer"]
        latents = torch.randn(self.settings.batch // 2, generator.latents, generator=draws)
        moved, which = stepped(latents, self.settings.eps, draws)
        images, _ = generator.with_masks(torch.cat([latents, moved]))
        seen, seen_moved = recognizer(images).chunk(2)
        return images, perceptual_simplicity(latents, moved, which, seen, seen_moved)

    def _judge(self, real: Tensor, generated: Tensor) -> float:
        judge = self.networks["discriminator"]
        logits = judge(torch.cat([real, generated]))
        loss = discriminator_loss(*logits.chunk(2))
        penalty = steepness(judge, real[: self.settings.r1_images])
        weight = self.settings.late_r1 if self.step >= self.settings.late else self.settings.r1
        self._update("judging", loss + weight / 2 * penalty)
        return float(loss.detach())

    def _create(self, generated: Tensor, simplicity: Tensor) -> float:
        judge = self.networks["discriminator"].requires_grad_(False)
        loss = generator_loss(judge(generated))
        if self.step >= self.settings.late:
            self.optimizers["creating"].param_groups[0]["lr"] = self.settings.late_rate
        self._update("creating", loss + self.settings.simplicity * simplicity)
        judge.requires_grad_(True)
        return float(loss.detach())

    def _update(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()

    @torch.no_grad()
    def _average(self) -> None:
        now, mean = self.networks["generator"], self.networks["averaged"]
        # starts as a plain mean, so that the first weights are soon forgotten
        decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
        for kept, fresh in zip(mean.parameters(), now.parameters(), strict=True):
            kept.lerp_(fresh, 1 - decay)

    def save(self, path: Path) -> None:
        """Writes all that going on needs."""
        about = {"step": self.step, "settings": asdict(self.settings)}
        checkpoints.write(path, self.networks, self.optimizers, about)

    @classmethod
    def resumed(cls, path: Path) -> Training:
        """The training that a checkpoint holds."""
        about = checkpoints.about(path)
        training = cls(Settings(**about["settings"]))
        checkpoints.read(path, training.networks, training.optimizers)
        training.step = about["step"]
        return training


def load(path: Path) -> tuple[Generator, Recognizer]:
    """The averaged generator and the recognizer of a checkpoint, for use."""
    networks = Training.resumed(path).networks
    return networks["averaged"].eval(), networks["recognizer"].eval().requires_grad_(False)


def started(settings: Settings, path: Path) -> Training:
    """A new training, or the one that `path` holds.

    Raises:
        SystemExit: it holds one of other settings.
    """
    if not path.exists():
        return Training(settings)
    training = Training.resumed(path)
    if training.settings != settings:
        raise SystemExit(f"{path} is of a run with other settings, {training.settings}. Give another --out.")
    return training


def train(training: Training, steps: int, out: Path, *, every: int) -> None:
    """Goes on until `steps` are done; writes a checkpoint and a line of losses every so often, and at the end."""
    sums, count, since = torch.zeros(len(_LOSSES)), 0, time.process_time()
    bar = tqdm(total=steps, initial=training.step, unit="step", mininterval=5)
    while training.step < steps:
        sums, count = sums + torch.tensor(training.one_step()), count + 1
        bar.update()
        if training.step % every and training.step < steps:
            continue
        training.save(out / CHECKPOINT)
        values = ",".join(f"{value:.4f}" for value in (sums / count).tolist())
        with (out / "losses.csv").open("a", encoding="utf-8") as file:
            file.write(f"{training.step},{values},{time.process_time() - since:.1f}\n")
        bar.set_postfix_str(values)
        sums, count, since = torch.zeros(len(_LOSSES)), 0, time.process_time()
    bar.close()
    print(f"Peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


def main() -> None:
    """Trains."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint and the losses")
    parser.add_argument("--steps", type=int, default=2_600)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    for field in fields(Settings):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default
        )
    options = vars(parser.parse_args())
    torch.set_num_threads(options["threads"])
    options["out"].mkdir(parents=True, exist_ok=True)
    settings = Settings(**{field.name: options[field.name] for field in fields(Settings)})
    training = started(settings, options["out"] / CHECKPOINT)
    train(training, options["steps"], options["out"], every=options["every"])


if __name__ == "__main__":
    main()
