"""Codes of a layer by several methods, all with the same interface: what `linear_rivals.py` compares.

`default`, `joint` and `rotation` are fits of the library. The others see the training rows of the same split. They work
in the library's own leading axes, made exactly white on the training rows, and turn them by an orthogonal matrix;
axes that are not leading belong to the rest, as they do in the library.

* `erasure`: sequential linear erasure. A concept's directions are the left singular vectors of its covariance with
  the white axes: for classes those of the scatter between classes (linear discriminant analysis; what LEACE, Belrose
  et al. 2023, removes), for a number its regression, for an angle those of cosine and sine. Each concept takes its
  directions in what the ones before it left. Of two orders, fewest directions first and most first, the validation rows
  choose.
* `pca`: as many leading principal axes as `erasure` has directions, shared out so that squared correlations with the
  concepts add up to the most.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import sklearn.linear_model  # noqa: F401, the first fit would pay for an import within it
import torch
from rival_measures import chance, graded, line
from rival_networks import Samples
from scipy.optimize import linear_sum_assignment
from torch import nn

import interpret_inn as inn
from interpret_inn.fitting.splitting import split
from interpret_inn.flows import fit_whitening
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import Concept

Array = np.ndarray
LIBRARY: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "joint": {"flow": "joint"} if "flow" in FitSettings.names() else {},
    "rotation": {"blocks": 0},
}
"""Settings of the library's methods; without a choice of flows, `joint` is the default."""
METHODS = (*LIBRARY, "erasure", "pca")
_LEAST = 1e-6
"""Covariances with a concept, and variances of whitened axes, that are rounding if smaller."""


class Code(NamedTuple):
    """A method's code.

    Attributes:
        encode: From the layer (N, D) to codes (N, D).
        decode: And back.
        axes: By concept, which axes of the code stand for it, int (size,).
        seconds: Processor time of the fit.
        about: What else the fit says of itself.
    """

    encode: Callable[[Array], Array]
    decode: Callable[[Array], Array]
    axes: Mapping[str, Array]
    seconds: float
    about: Mapping[str, Any]


class Parts(NamedTuple):
    """Rows that a method may see, in the library's own split: to train on, and to choose by."""

    train: Samples
    validation: Samples


def parts_of(samples: Samples, *, seed: int) -> Parts:
    """The training and the validation rows that a fit of the library to these samples has."""
    found = split(len(samples.z), groups=samples.groups, seed=seed)
    return Parts(samples.at(found.train.numpy()), samples.at(found.validation.numpy()))


def fitted(method: str, samples: Samples, head: nn.Linear, *, seed: int) -> Code:
    """The code of one method, from samples to fit on."""
    if method in LIBRARY:
        return _library(samples, head, LIBRARY[method], seed=seed)
    return _linear(method, parts_of(samples, seed=seed))


# --- the library --------------------------------------------------------------------------------------


def _library(samples: Samples, head: nn.Linear, settings: Mapping[str, Any], *, seed: int) -> Code:
    """The library's fit; the layer's rows go in as data, as the head is all of the model that follows."""
    interpreter = inn.wrap(nn.Sequential(nn.Identity(), head), "0", preprocess="identity")
    labels = {concept.name: concept.values for concept in samples.concepts}
    kinds = {concept.name: concept.kind for concept in samples.concepts}
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit(
            "labels", data=torch.from_numpy(samples.z), labels=labels, kinds=kinds, groups=samples.groups, seed=seed,
            cache=None, checkpoint=None, **settings,
        )  # fmt: skip
    seconds = time.process_time() - began
    translator, record = interpreter.translator, interpreter.fitted.record

    @torch.no_grad()
    def encode(z: Array) -> Array:
        codes: Array = translator.codes(torch.from_numpy(z).float())[0].double().numpy()
        return codes

    @torch.no_grad()
    def decode(codes: Array) -> Array:
        like = torch.zeros(codes.shape)
        carried = translator.fitted.layout.to_rows(like)[1]
        z: Array = translator.representation(torch.from_numpy(codes).float(), carried, like).double().numpy()
        return z

    axes = {c.name: np.r_[interpreter.factors[c.name].slice] for c in samples.concepts}
    about = {
        "steps": record.steps,
        "best_step": record.best_step,
        "leading": interpreter.fitted.network.shape.leading,
    }
    return Code(encode, decode, axes, seconds, about)


# --- linear methods -----------------------------------------------------------------------------------


class WhiteSpace:
    """The library's leading axes, exactly white on the rows that it is made from."""

    def __init__(self, samples: Samples) -> None:
        settings = FitSettings()
        apart = len(samples.z) if samples.groups is None else len(np.unique(samples.groups))
        most = min(settings.axes, max(2, int(apart / settings.samples_per_axis)))
        rows = torch.from_numpy(samples.z).double()
        self._whitening = fit_whitening(rows, noise=settings.noise, explained=settings.explained, most=most)
        self.leading = self._whitening.leading
        spread = self._whitening(rows)[0].numpy().std(0)
        self._spread = np.where((spread > _LEAST) & (np.arange(len(spread)) < self.leading), spread, 1.0)

    def white(self, z: Array) -> Array:
        """Whitened rows (N, D), the leading axes first, from the largest variance to the smallest."""
        return np.asarray(self._whitening(torch.from_numpy(z).double())[0].numpy() / self._spread)

    def back(self, white: Array) -> Array:
        """The layer's rows (N, D) again."""
        return np.asarray(self._whitening.inverse(torch.from_numpy(white * self._spread))[0].numpy())

    def code(self, axes: Mapping[str, Array], turn: Array, seconds: float, about: Mapping[str, Any]) -> Code:
        """The code whose leading axes are turned by an orthogonal matrix (d, d)."""
        d = self.leading

        def encode(z: Array) -> Array:
            white = self.white(z)
            return np.hstack([white[:, :d] @ turn, white[:, d:]])

        def decode(codes: Array) -> Array:
            return self.back(np.hstack([codes[:, :d] @ turn.T, codes[:, d:]]))

        return Code(encode, decode, axes, seconds, about)


def _linear(method: str, parts: Parts) -> Code:
    began = time.process_time()
    space = WhiteSpace(parts.train)
    white = space.white(parts.train.z)[:, : space.leading]
    code = _erasure(space, white, parts)
    if method == "pca":
        sizes = {name: len(axes) for name, axes in code.axes.items()}
        code = space.code(_slices(white, parts.train.concepts, sizes), np.eye(space.leading), 0.0, code.about)
    return code._replace(seconds=time.process_time() - began)


def _erasure(space: WhiteSpace, white: Array, parts: Parts) -> Code:
    """Sequential erasure in the order that the validation rows prefer."""
    few_first = sorted(parts.train.concepts, key=lambda concept: _targets(concept)[1])
    found = []
    for name, order in (("fewest first", few_first), ("most first", few_first[::-1])):
        axes, turn = erased(white, order)
        code = space.code(axes, turn, 0.0, {"order": name, "leading": space.leading})
        found.append((apartness(code, parts), code))
    return max(found, key=lambda pair: pair[0])[1]


def erased(white: Array, order: Sequence[Concept]) -> tuple[dict[str, Array], Array]:
    """Axes of each concept, and the orthogonal matrix (d, d) to them; `white`, (N, d), is exactly white."""
    basis = np.empty((white.shape[1], 0))
    axes = {}
    for concept in order:
        targets, most = _targets(concept)
        covariance = white.T @ targets / len(white)
        left, values, _ = np.linalg.svd(covariance - basis @ (basis.T @ covariance), full_matrices=False)
        kept = left[:, :most][:, values[:most] > _LEAST]
        axes[concept.name] = np.arange(basis.shape[1], basis.shape[1] + kept.shape[1])
        basis = np.hstack([basis, kept])
    complement = np.linalg.qr(basis, mode="complete").Q[:, basis.shape[1] :]
    return axes, np.hstack([basis, complement])


def apartness(code: Code, parts: Parts) -> float:
    """Sum over concepts of own less rest above guessing, by linear probes on the validation rows."""
    train, test = code.encode(parts.train.z), code.encode(parts.validation.z)
    total = 0.0
    for concept, truth in zip(parts.train.concepts, parts.validation.concepts, strict=True):
        own = code.axes[concept.name]
        rest = np.setdiff1d(np.arange(train.shape[1]), own)
        read = [
            graded(line(train[:, chosen], concept, parts.train.groups, test[:, chosen]), truth)
            for chosen in (own, rest)
        ]
        total += read[0] - max(read[1] - chance(truth), 0.0)
    return total


def _slices(white: Array, concepts: Sequence[Concept], sizes: Mapping[str, int]) -> dict[str, Array]:
    """Shares the leading principal axes out, by squared correlation with the concepts."""
    places = [concept.name for concept in concepts for _ in range(sizes[concept.name])]
    gain = np.empty((len(places), len(places)))
    for concept in concepts:
        targets, most = _targets(concept)
        left, values, _ = np.linalg.svd(targets / len(white) ** 0.5, full_matrices=False)
        plane = left[:, :most][:, values[:most] > _LEAST]
        told = ((white[:, : len(places)].T @ plane) ** 2).sum(1) / len(white)
        gain[:, [place == concept.name for place in places]] = told[:, None]
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {
        concept.name: np.sort(rows[[places[column] == concept.name for column in columns]])
        for concept in concepts
    }


def _targets(concept: Concept) -> tuple[Array, int]:
    """Centred targets (N, k), in units in which directions compare; and how many directions they have at most."""
    if concept.indicators is not None:
        share = concept.indicators.mean(0)
        return (concept.indicators - share) / np.sqrt(share), len(share) - 1
    targets = concept.targets - concept.targets.mean(0)
    return targets / targets.std(0), targets.shape[1]
