"""The code in what encoders return."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, LogNormal, Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

import interpret_inn as inn
from interpret_inn_generators import read_code

CODE, OTHER = torch.arange(6.0).reshape(2, 3), torch.zeros(2, 3)
WIDE = torch.zeros(2, 9)


class Answer(NamedTuple):
    mu: Tensor
    logvar: Tensor


@dataclass
class Latents:
    latents: Tensor
    extra: Any = None


@dataclass
class One:
    sample: Tensor
    steps: int = 3


class Gaussian:
    """As diffusers has it: no distribution of torch's, but with a mean."""

    def __init__(self) -> None:
        self.parameters, self.mean = WIDE, CODE

    def mode(self) -> Tensor:
        return self.mean


PLAIN = {
    "tensor": CODE,
    "mean and log-variance": (CODE, OTHER),
    "list": [CODE, OTHER],
    "alone": (CODE,),
    "with nothing": (CODE, None),
    "named tuple": Answer(CODE, OTHER),
    "dictionary": {"z": CODE, "wide": WIDE},
    "dictionary of one": {"features": CODE},
    "record": Latents(CODE),
    "record of one tensor": One(CODE),
    "normal": Normal(CODE, torch.ones(2, 3)),
    "independent": Independent(Normal(CODE, torch.ones(2, 3)), 1),
    "diffusers": SimpleNamespace(latent_dist=Gaussian()),
    "object": Gaussian(),
    "in a tuple": (Normal(CODE, torch.ones(2, 3)),),
}


@pytest.mark.parametrize("answer", PLAIN.values(), ids=PLAIN)
def test_what_is_plain_is_read(answer: Any) -> None:
    assert torch.equal(read_code(answer), CODE)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((OTHER, CODE, OTHER), 1),
        ((OTHER, CODE), -1),
        ({"one": OTHER, "two": CODE}, "two"),
        ({"one": (OTHER, CODE)}, "one.1"),
        (SimpleNamespace(posterior=SimpleNamespace(mean=CODE)), "posterior.mean"),
        ((OTHER, {"a": CODE}), lambda answer: answer[1]["a"]),
    ],
)
def test_what_is_not_plain_is_picked(answer: Any, code: Any) -> None:
    assert torch.equal(read_code(answer, code), CODE)


def test_a_distribution_without_a_mean_gives_its_mode() -> None:
    logits = LogNormal(CODE, torch.ones(2, 3))
    assert torch.equal(read_code(logits), logits.mean)


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        ((CODE, CODE, CODE), None, r"found a tuple of 3 \(a tensor \(2, 3\) of float32.*code=0"),
        ((CODE, WIDE), None, "leaves open what the code is"),
        ({"one": CODE, "two": CODE}, None, "found a dict with one, two"),
        ({}, None, "nothing in it"),
        (None, None, "found a NoneType"),
        (CODE.long(), None, r"found a tensor \(2, 3\) of int64"),
        (TransformedDistribution(Normal(CODE, 1.0), [TanhTransform()]), None, "TransformedDistribution"),
        (Categorical(logits=CODE), None, "found a Categorical"),
        ({"one": CODE}, "two", r"to have the part 'two' \(code=\), found a dict with one"),
        ((CODE, OTHER), 2, r"to have the part 2 \(code=\)"),
        (CODE, lambda answer: "?", "found a str"),
    ],
)
def test_what_cannot_be_told_is_refused(answer: Any, code: Any, text: str) -> None:
    with pytest.raises(inn.BackboneError, match=text):
        read_code(answer, code)
