"""What attaching costs and changes: time, outputs bit for bit, and round trips.

Two parts, either alone by naming it:

* `cost`: the median over pairs of (attached forward) / (bare forward) of MobileNetV2 at batch 32, at its
  default site within `with interpreter:`; pairs are interleaved, their order alternates, and the 95 %
  interval is a bootstrap over pairs. Beside it the same for two bare forwards: what the clock itself gives.
* `exact`: for every `test_*` architecture of timm and every real network: whether the outputs of the
  attached and unedited network are the bare one's bit for bit (by a rewrite that changes nothing, and within
  `with interpreter:`), and the largest round-trip error after a short fit, on data and on edited codes, in
  units of the representation's scale (at most 1e-4 passes).

    INTERPRET_INN_REAL=… python tests/benchmarks/attach_cost.py [cost exact] [--pairs 100]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
from common import load_zoo, table, write
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import primary

VAES = (*(f"{name}_dsprites" for name in ("VAE", "betaB", "betaH", "btcvae", "factor")),
        "btcvae_mnist", "btcvae_celeba")  # fmt: skip
LIMIT = 1e-4


# --- cost -----------------------------------------------------------------------------------------------


def ratios(one: Callable[[], Any], other: Callable[[], Any], pairs: int) -> np.ndarray:
    """Seconds of `one` over seconds of `other`, (pairs,); they are run in turns, each first in half of them."""
    found = []
    for pair in range(pairs):
        seconds = {}
        for run in (one, other) if pair % 2 else (other, one):
            began = time.perf_counter()
            run()
            seconds[run] = time.perf_counter() - began
        found.append(seconds[one] / seconds[other])
    return np.array(found)


def median_with_interval(values: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """Median and its 95 % bootstrap interval."""
    drawn = np.random.default_rng(seed).choice(values, (5000, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return {"median": float(np.median(values)), "low": float(low), "high": float(high)}


@torch.no_grad()
def cost(zoo: Any, *, pairs: int, batch: int = 32) -> dict[str, Any]:
    """The price of being attached, for MobileNetV2."""
    model = zoo.imagenet_mobilenetv2()
    images = torch.from_numpy(zoo.images("imagenet")[0][:batch]).permute(0, 3, 1, 2).float() / 127.5 - 1
    interpreter = inn.wrap(model, preprocess="identity")

    def bare() -> Tensor:
        return model(images)

    def same_again() -> Tensor:
        return model(images)

    def attached() -> Tensor:
        with interpreter:
            return model(images)

    assert torch.equal(bare(), attached())
    for run in (bare, attached, bare):
        run()
    found = {"attached": ratios(attached, bare, pairs), "bare again": ratios(same_again, bare, pairs)}
    return {name: median_with_interval(values) for name, values in found.items()} | {
        "pairs": pairs, "batch": batch, "threads": torch.get_num_threads()
    }  # fmt: skip


# --- exactness ------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A network to attach to, its inputs (N, ...) as it takes them, and how to wrap it."""

    name: str
    model: nn.Module
    inputs: Tensor
    site: str | None
    layout: str | None = None


def cases(zoo: Any, count: int) -> Iterator[Case]:
    """All networks, one after the other; each is freed before the next is made."""
    generator = torch.Generator().manual_seed(0)
    for name in timm.list_models("test_*"):
        model = timm.create_model(name, pretrained=False).eval()
        size = timm.data.resolve_model_data_config(model)["input_size"]
        yield Case(name, model, torch.randn(count, *size, generator=generator), None)
    images = zoo.images("imagenet")[0][:count]
    yield Case("mobilenetv2 (ImageNet)", zoo.imagenet_mobilenetv2(), _scaled(images) * 2 - 1, None)
    images = _scaled(zoo.images("cifar10")[0][: 2 * count])
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    yield Case("resnet20 (CIFAR-10)", zoo.cifar_resnet20(), (images - mean) / std, "linear:in")
    yield Case("resnet20 at layer3, pooled", zoo.cifar_resnet20(), (images - mean) / std, "layer3")
    yield Case("resnet20 at layer3, positions", zoo.cifar_resnet20(), (images - mean) / std, "layer3",
               "positions")  # fmt: skip
    for name in VAES:
        yield Case(f"vae {name}", zoo.vae(name), _vae_inputs(zoo, name, 2 * count), "decoder.lin1:in")
    latents = torch.rand(2 * count, 100, generator=generator) * 2 - 1
    yield Case("faces_dcgan", zoo.faces_dcgan(), latents, ".:in")
    yield Case("mnist_wgan", zoo.mnist_wgan(), torch.randn(2 * count, 64, generator=generator), ".:in")


def exact(zoo: Any, *, count: int, steps: int) -> list[dict[str, Any]]:
    """One row for every network: identity of the outputs, and round trips after a short fit."""
    rows = []
    for case in cases(zoo, count):
        began = time.perf_counter()
        rows.append(_exactness(case, steps=steps) | {"seconds": time.perf_counter() - began})
        print(f"  {case.name}: {rows[-1]['round_trip_edited']:.1e}", flush=True)
    return rows


def _exactness(case: Case, *, steps: int) -> dict[str, Any]:
    interpreter = inn.wrap(case.model, case.site, preprocess="identity", layout=case.layout)
    backbone = interpreter.backbone
    labels = _labels(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit("labels", data=case.inputs, labels=labels, cache=None, checkpoint=None, steps=steps)
    shown = case.inputs[:64]
    with torch.no_grad():
        bare = case.model(shown)
        through = backbone.rewritten(backbone.prepare(shown), lambda z: z)
        with interpreter:
            attached = case.model(shown)
    checks = interpreter.check(case.inputs)
    return {
        "network": case.name,
        "site": str(backbone.address),
        "layout": str(interpreter.fitted.layout),
        "axes": f"{interpreter.fitted.network.shape.leading}/{interpreter.factors.total}",
        "rewritten identical": _same(bare, through),
        "attached identical": _same(bare, attached),
        "run identical": _same(bare, interpreter.run(shown)),
        "round_trip_data": checks.round_trip_data,
        "round_trip_edited": checks.round_trip_edited,
        "agreement": checks.agreement,
        "passed": checks.passed,
    }


def _labels(case: Case) -> dict[str, np.ndarray]:
    """Numbers that any network has: mean of its inputs, and whether its first output is above the median."""
    with torch.no_grad():
        first = torch.cat([primary(case.model(part)).flatten(1)[:, 0] for part in case.inputs.split(64)])
    rank = first.argsort().argsort().numpy()  # outputs may be the same for all: a constant black corner
    number = case.inputs.flatten(1).mean(1).numpy()
    return {"mean": number, "output": np.where(rank < len(rank) // 2, "low", "high")}


def _same(one: Any, other: Any) -> bool:
    return torch.equal(primary(one), primary(other))


def _scaled(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def _vae_inputs(zoo: Any, name: str, count: int) -> Tensor:
    """Images of the kind that the VAE was trained on, or its own reconstructions of noise for faces."""
    if "mnist" in name:
        images = torch.from_numpy(zoo.images("mnist")[0][:count]).float()[:, None] / 255
        return nn.functional.pad(images, (2, 2, 2, 2))
    model = zoo.vae(name)
    with torch.no_grad():
        return model.decode(torch.randn(count, 10, generator=torch.Generator().manual_seed(1)))


def main() -> None:
    """Runs the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=["cost", "exact", []], help="default: both")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--samples", type=int, default=96, help="inputs of each network in `exact`")
    parser.add_argument("--steps", type=int, default=60, help="steps of the short fits")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    zoo = load_zoo()
    if not options.parts or "cost" in options.parts:
        figures = cost(zoo, pairs=options.pairs)
        print(table([{"ratio to bare": n} | v for n, v in figures.items() if isinstance(v, dict)]))
        print(f"{figures['pairs']} pairs, batch {figures['batch']}, {figures['threads']} thread(s)")
        write("attach_cost", figures)
    if not options.parts or "exact" in options.parts:
        rows = exact(zoo, count=options.samples, steps=options.steps)
        print(table(rows))
        worst = max(max(row["round_trip_data"], row["round_trip_edited"]) for row in rows)
        identical = all(row[f"{how} identical"] for row in rows for how in ("rewritten", "attached", "run"))
        print(f"all identical: {identical}; worst round trip {worst:.1e} (at most {LIMIT:.0e} passes)")
        write("attach_exact", rows)


if __name__ == "__main__":
    main()
