"""Swaps in an autoencoder of coloured MNIST, scored on the decoded images, against the published recipe.

The factor of one concept is taken from another image, and what is decoded is shown to examiners that were
trained on other images and know nothing of the autoencoder (see `painted_digits.py`). Is the digit the donor's
(a swap of the digit) or still the recipient's (of the colour)? How far is the colour from the one that it
should have, as a multiple of how far it is in the plain reconstruction? Colours are told twice: as the mean of
the brightest pixels, and by a network.

* `defaults`: labels and nothing else. `sizes`: numbers of axes given. `chosen`: sizes, a stronger pair
  correlation and a higher noise floor. `chosen, hold`: its edits hold the concept that is not edited.
* `recipe`: the published one with its published sizes, on images warped and painted afresh at every step.

Ours are fitted to 8 variants of each of 6,500 digits, of which 30 % of the digits are kept back; the recipe sees all.
Seconds are the processor's, on one thread: on a machine that does other work as well, they say more than a clock.

    INTERPRET_INN_REAL=… python tests/benchmarks/coloured_autoencoder.py [--seeds 0 1 2] [--recipe-seconds 60 240]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from coloured_mnist import CONCEPTS
from common import WORK, table, write
from painted_digits import (
    WARP,
    WIDTH,
    brightest,
    grey,
    paint,
    painted,
    trained_autoencoder,
    trained_examiners,
    warped,
)
from PIL import Image
from published_recipe import PAIRS, Flow, pair_loss
from torch import Generator, Tensor, nn

import interpret_inn as inn

PUBLISHED_SIZES = (13, 17, 34)  # digit, colour, residual of the published autoencoder
VARIANTS = 8
RESAMPLES = 1000
SIZES = {"digit": 30, "colour": 3}
OURS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "sizes": {"sizes": SIZES},
    "chosen": {"sizes": SIZES, "strength": 0.995, "noise": 0.2, "steps": 800},
}

Swap = Callable[[str], Tensor]  # a factor's name → decoded images with that factor from the donors
Read = dict[str, Tensor]


class Examination:
    """The test images, their donors, and what examiners say of what is made of them."""

    def __init__(self, autoencoder: nn.Module) -> None:
        self.examiners = trained_examiners()
        self.images, self.digits, self.colours, _ = painted("test", seed=11)
        self.donors = torch.randperm(len(self.images), generator=Generator().manual_seed(5))
        self.codes = torch.cat([autoencoder.encoder(part) for part in self.images.split(500)])
        self.real = self._read(self.images)
        self.plain = self._read(autoencoder.decoder(self.codes))

    def figures(self, swap: Swap) -> dict[str, dict[str, Any]]:
        """Figures of a method's swaps by factor, with 95 % intervals over the test images."""
        return {name: self._scores(name, self._read(swap(name))) for name in (*CONCEPTS, "residual")}

    def reconstructions(self) -> dict[str, dict[str, float]]:
        """Real images and plain reconstructions: digits told rightly, and colour errors."""
        return {
            name: {"digit": float((read["digit"] == self.digits).double().mean())}
            | {way: _root_mean(self._errors(read[way], self.colours)) for way in ("brightest", "network")}
            for name, read in (("real images", self.real), ("reconstructions", self.plain))
        }

    def _read(self, images: Tensor) -> Read:
        found: Read = {}
        found["digit"] = torch.cat([self.examiners["digit"](part).argmax(1) for part in images.split(500)])
        found["network"] = torch.cat([self.examiners["colour"](part) for part in images.split(500)])
        return found | {"brightest": brightest(images)}

    def _errors(self, read: Tensor, wanted: Tensor) -> Tensor:
        return (read - wanted).double().square().mean(1)

    def _scores(self, factor: str, read: Read) -> dict[str, Any]:
        digits = self.digits[self.donors] if factor == "digit" else self.digits
        colours = self.colours[self.donors] if factor == "colour" else self.colours
        right = (read["digit"] == digits).double()
        draws = torch.randint(len(right), (RESAMPLES, len(right)), generator=Generator().manual_seed(0))
        found: dict[str, Any] = {
            "digit": float(right.mean()),
            "digit_interval": _interval(right[draws].mean(1)),
        }
        for way in ("brightest", "network"):
            error = self._errors(read[way], colours)
            plain = self._errors(self.plain[way], self.colours)
            ratios = (error[draws].mean(1) / plain[draws].mean(1)).sqrt()
            ratio = _root_mean(error) / _root_mean(plain)
            found[way] = {"error": _root_mean(error), "ratio": ratio, "interval": _interval(ratios)}
        return found


def ours(autoencoder: nn.Module, seed: int, options: Mapping[str, Any]) -> tuple[inn.Interpreter, float]:
    """An interpreter of the code, and the seconds from images in memory to the fitted flow."""
    images, digits, colours, groups = painted("network", variants=VARIANTS, seed=3, warp=WARP)
    began = time.process_time()
    interpreter = inn.wrap(autoencoder, backbone="autoencoder")
    interpreter.fit(
        "labels", data=images, labels={"digit": digits.numpy(), "colour": colours.numpy()},
        kinds={"digit": "categorical", "colour": "numeric"}, groups=groups.numpy(),
        seed=seed, cache=None, checkpoint=None, **options,
    )  # fmt: skip
    return interpreter, time.process_time() - began


def our_swap(interpreter: inn.Interpreter, exam: Examination, *, hold: bool = False) -> Swap:
    """Swaps by the public calls; with `hold`, the concepts that are not swapped are held."""

    def swap(factor: str) -> Tensor:
        held = [name for name in CONCEPTS if name != factor] if hold else []
        edit = inn.edits.swap(factor, exam.images[exam.donors], hold=held)
        decoded: Tensor = interpreter.run(exam.images, edit)
        return decoded

    return swap


def recipe(autoencoder: nn.Module, budgets: Sequence[float]) -> Iterator[tuple[int, float, Flow]]:
    """Trains the published recipe, and yields steps, training seconds and the flow as each budget is used up."""
    torch.manual_seed(0)  # its layers draw from the global state
    flow, generator = Flow(WIDTH), Generator().manual_seed(0)
    optimizer = torch.optim.Adam(flow.parameters(), lr=1.125e-4, betas=(0.5, 0.9), fused=True)
    steps, seconds = 0, 0.0
    for budget in sorted(budgets):
        while seconds < budget:
            began = time.process_time()
            images, concepts = _recipe_pairs(generator)
            with torch.no_grad():
                z = autoencoder.encoder(images)
            codes, log_dets = flow(z)
            loss = pair_loss(codes.split(PAIRS), log_dets.split(PAIRS), concepts, sizes=PUBLISHED_SIZES)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps, seconds = steps + 1, seconds + time.process_time() - began
        yield steps, seconds, flow


def _recipe_pairs(generator: Generator) -> tuple[Tensor, Tensor]:
    """25 pairs that share the digit or the colour, all firsts before all seconds, and what each shares."""
    images, labels = grey("network")
    concepts = torch.randint(len(CONCEPTS), (PAIRS,), generator=generator)
    first, second = torch.randint(len(images), (2, PAIRS), generator=generator)
    for place in torch.nonzero(concepts == CONCEPTS.index("digit")).flatten().tolist():
        alike = torch.nonzero(labels == labels[first[place]]).flatten()
        second[place] = alike[torch.randint(len(alike), (1,), generator=generator)]
    colours = torch.rand(2, PAIRS, 3, generator=generator)
    colours[1] = torch.where((concepts == CONCEPTS.index("colour"))[:, None], colours[0], colours[1])
    shapes = warped(images[torch.cat((first, second))], generator)
    return paint(shapes, colours.flatten(0, 1)), concepts


def recipe_swap(flow: Flow, autoencoder: nn.Module, exam: Examination) -> Swap:
    """The same swaps with the recipe's flow."""
    ends = np.cumsum(PUBLISHED_SIZES).tolist()
    spans = {
        name: slice(end - size, end)
        for name, end, size in zip((*CONCEPTS, "residual"), ends, PUBLISHED_SIZES, strict=True)
    }

    @torch.no_grad()
    def swap(factor: str) -> Tensor:
        codes = flow(exam.codes)[0]
        edited = codes.clone()
        edited[:, spans[factor]] = codes[exam.donors][:, spans[factor]]
        decoded: Tensor = autoencoder.decoder(flow.inverse(edited)).nan_to_num()
        return decoded

    return swap


def draw(interpreter: inn.Interpreter, exam: Examination, name: str) -> None:
    """Swap grids of all factors, one below the other: the row's image gives the factor, the column's the rest."""
    cells: list[list[Any]] = []
    for factor in (*CONCEPTS, "residual"):
        rows, columns = exam.images[20:24], exam.images[:9]
        grid = inn.explore.swap_grid(interpreter, factor, rows=rows, columns=columns)
        shown = [inn.explore.to_pictures(part, value_range=(0, 1)) for part in (rows, columns, *grid)]
        cells.append([factor, *shown[1]])
        cells.extend([head, *row] for head, row in zip(shown[0], shown[2:], strict=True))
    Image.fromarray(inn.explore.contact_sheet(cells)).save(WORK / "coloured_autoencoder" / f"{name}.png")


def row(name: str, seconds: float, found: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the table."""
    line: dict[str, Any] = {"method": name, "fit s": f"{seconds:.0f}"}
    for factor, digit in (("digit", "donor's digit"), ("colour", "digit kept"), ("residual", "digit kept")):
        scores = found[factor]
        line[f"{factor} swap: {digit}"] = scores["digit"]
        line[f"{factor}: colour ×"] = f"{scores['brightest']['ratio']:.2f}/{scores['network']['ratio']:.2f}"
    return line


def _interval(values: Tensor) -> tuple[float, float]:
    low, high = torch.quantile(values, torch.tensor([0.025, 0.975], dtype=values.dtype)).tolist()
    return low, high


def _root_mean(squares: Tensor) -> float:
    return float(squares.mean().sqrt())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipe-seconds", type=float, nargs="*", default=[60, 240])
    parser.add_argument("--code-noise", type=float, default=0.3, help="that the autoencoder was trained with")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    autoencoder = trained_autoencoder(options.code_noise)
    with torch.no_grad():
        exam = Examination(autoencoder)
    kept: dict[str, Any] = {
        "code_noise": options.code_noise,
        "examined": exam.reconstructions(),
        "methods": [],
    }
    print(table([{"": name} | scores for name, scores in kept["examined"].items()]), flush=True)

    def add(name: str, seconds: float, swap: Swap, **more: Any) -> None:
        found = exam.figures(swap)
        kept["methods"].append({"name": name, "seconds": seconds, "swaps": found} | more)
        print(table([row(name, seconds, found)]), flush=True)

    for name, settings in OURS.items():
        for seed in options.seeds:
            interpreter, seconds = ours(autoencoder, seed, settings)
            sizes = interpreter.factors.sizes
            add(f"{name}, seed {seed}", seconds, our_swap(interpreter, exam), sizes=sizes)
        draw(interpreter, exam, name)
    add(f"chosen, hold, seed {options.seeds[-1]}", seconds, our_swap(interpreter, exam, hold=True))
    for steps, seconds, flow in recipe(autoencoder, options.recipe_seconds):
        add(f"recipe, {steps} steps", seconds, recipe_swap(flow, autoencoder, exam), sizes=PUBLISHED_SIZES)
    print("\n" + table([row(m["name"], m["seconds"], m["swaps"]) for m in kept["methods"]]))
    write("coloured_autoencoder", kept)


if __name__ == "__main__":
    main()
