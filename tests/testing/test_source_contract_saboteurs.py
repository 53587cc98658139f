"""Every check of the contract of concept sources finds its saboteurs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from interpret_inn.data import samples
from interpret_inn.testing import ContractError, check_concept_source
from interpret_inn.testing.sources import CONCEPT_SOURCE_CHECKS
from interpret_inn.types import Concept, Plan

from .good_source import IMAGES, LABELS, Good
from .sabotage import (
    Restless,
    changed,
    choosing,
    concept,
    constant,
    counter,
    drifting,
    eye,
    gallery,
    losing,
    of_codes,
    pairs,
    planning,
    rotating,
    sample,
    scramble,
    swapped,
    unlike,
    unrepeatable,
)


def twins(among: torch.Tensor) -> dict[str, list[list[int]]]:
    """Two samples of one shape, which are said to differ in it."""
    circles = [index for index in among.tolist() if LABELS["shape"][index] == 0]
    return {"shape": [circles[:2]]}


def emptying(among: torch.Tensor) -> dict[str, list[list[int]]]:
    """Writes into what belongs to the caller."""
    among[:] = 0
    return {}


SABOTAGE: dict[str, list[tuple[Callable[[Good], None], str]]] = {
    "members": [
        (lambda source: delattr(source, "concepts"), "Expected 'concepts', Good has none"),
        (changed(samples=[1]), "Expected 'batches', list has none"),
        (
            changed(sample_pairs=lambda n: None),
            r"Expected sample_pairs\(n, generator, among\), found one that",
        ),
    ],
    "names": [
        (changed(see=lambda white, variances: None), "'see' of .* context.white and context.variances"),
        (changed(listen=lambda answers: None), r"'listen' of .* context.output_gradients\(\)"),
        (changed(watch=lambda view: None), "'watch' of .* context.model"),
        (changed(turn=lambda span: span), r"'turn' of .* Plan\(rotation=…\)"),
        (changed(extra_loss=lambda context: 0), r"'extra_loss' of .* Plan\(loss=…\)"),
        (changed(modules=lambda: torch.nn.Identity()), r"'modules' of .* Plan\(modules=…\)"),
        (changed(sizes={"hue": 2}), r"'sizes' of .* Plan\(sizes=…\)"),
        (changed(setings={"steps": 3}), "'setings' of .* is nearly 'settings'"),
        (changed(extra_losses=lambda context: 0), "'extra_losses', which is nearly 'extra_loss'"),
        (changed(prepair=lambda context: Plan()), "'prepair' of .* is nearly 'prepare'"),
        (changed(ilustrations=lambda: []), "'ilustrations' of .* is nearly 'illustrations'"),
    ],
    "concepts": [
        (changed(concepts=[]), "at least one Concept and nothing else, found none"),
        (changed(concepts=["shape"]), r"nothing else, found \['str'\]"),
        (changed(name=""), "Expected names of the source"),
        (lambda source: source.concepts.append(source.concepts[0]), "every concept's name once"),
        (concept(name="residual"), "named 'residual'"),
        (concept(kind="nominal"), r"Expected kinds out of .*'nominal'"),
    ],
    "values": [
        (concept(values=LABELS["shape"][:-1]), r"for each of 120 samples, found shape \(119,\)"),
        (concept(values=list(LABELS["shape"])), "for each of 120 samples, found list"),
        (
            concept(values=LABELS["shape"].astype(np.float64)),
            r"Expected int64 \(N,\) for 'shape', found float64",
        ),
        (concept(values=LABELS["shape"] + 1), r"Expected indices of the 3 classes of 'shape' .* 1 to 3"),
        (concept(kind="numeric"), r"Expected float64 \(N,\) or \(N, d\) for 'shape', found int64"),
        (concept(kind="numeric", values=np.full(120, np.inf)), "Expected finite values of 'shape'"),
        (
            concept(kind="cyclic", values=np.degrees(LABELS["hue"])),
            "Expected radians for 'shape', found up to 3",
        ),
        (concept(kind="unlabelled"), "is unlabelled and yet has values"),
    ],
    "sample_fields": [
        (changed(samples=samples(IMAGES[:1])), "Expected at least 2 samples, found 1"),
        (sample(groups=np.zeros(3, np.int64)), r"None or int64 \(120,\), found int64 of shape \(3,\)"),
        (sample(names=["a"]), "120 names, found 1"),
        (sample(skipped="broken.png"), "skipped to be a sequence"),
        (sample(fingerprint=lambda: str(next(counter))), "Expected a fingerprint that stays"),
    ],
    "sample_order": [
        (sample(batches=lambda size: iter([IMAGES[:50]])), "each of 120 samples once, found 50 and 50"),
        (sample(batches=drifting), "change from read to read"),
        (sample(take=lambda places: IMAGES[: len(places)]), r"take\(\[119, 0, 60\]\) gives other samples"),
    ],
    "pairs_form": [
        (
            pairs(lambda found, _: found._replace(rho=found.rho[:, :2])),
            r"rho of 1 pairs .* found torch.float32 \(1, 2\)",
        ),
        (
            pairs(lambda found, _: found._replace(first=found.first.int())),
            "first of 1 pairs to be torch.int64",
        ),
        (pairs(lambda found, _: found._replace(second=found.second.tolist())), "found list"),
        (pairs(lambda found, _: found._replace(rho=found.rho.sign())), "Expected rho between -1 and 1"),
        (pairs(lambda found, _: found._replace(rho=found.rho * torch.nan)), "Expected rho between -1 and 1"),
    ],
    "pairs_among": [
        (pairs(lambda found, _: found._replace(second=(found.second + 1) % 120)), "do not stand in `among`"),
        (
            pairs(lambda found, _: found._replace(second=found.first)),
            "Pairs 256 of 256 samples with themselves",
        ),
        (pairs(scramble), "Changes `among`"),
    ],
    "pairs_repeatable": [
        (unrepeatable, "other pairs from the same state of the generator"),
        (constant, "the same pairs from generators of different seeds"),
    ],
    "pairs_meaning": [
        (pairs(swapped), "said to share 'shape' .* do not: the share of equal classes is 0"),
        (
            pairs(lambda found, _: found._replace(rho=found.rho * torch.tensor([1.0, 0, 0]))),
            "No pair shares 'hue'",
        ),
    ],
    "extras": [
        (changed(settings={"stepz": 3}), r"asks for settings of the fit that there are not: \['stepz'\]"),
        (
            changed(notes="One sentence."),
            "Expected notes .* to be a sequence of sentences, found 'One sentence.'",
        ),
        (changed(notes=[1]), r"Expected notes .* to be a sequence of sentences, found \[1\]"),
        (changed(settings={"steps": "many"}), "Expected steps to be a whole number, found 'many'"),
        (changed(settings={"steps": -3}), "Expected steps of at least 1, found -3"),
        (changed(ordered="no"), "Expected ordered .* to be True or False"),
        (changed(ordered=True), r"Is ordered, which only unlabelled .* \['shape', 'hue'\] have values"),
        (changed(key=3), "Expected key .* to be a string, found int"),
        (lambda source: setattr(source, "__class__", Restless), "Expected a key that stays the same"),
    ],
    "preparing": [
        (changed(prepare=lambda context: 1 / 0), "raised ZeroDivisionError"),
        (changed(prepare=lambda: Plan()), "raised TypeError: .* 1 was given"),
        (
            changed(prepare=lambda context: context.varianses),
            "Preparation has no 'varianses'. Did you mean 'varia",
        ),
        (
            changed(prepare=lambda context: Plan(rotaton=eye)),
            "Plan takes no 'rotaton'. Did you mean 'rotation'",
        ),
        (changed(prepare=3), "raised TypeError"),
        (
            changed(prepare=lambda context: None),
            r"gave NoneType as its plan; expected prepare\(context\) to return",
        ),
        (changed(prepare=lambda context: (context.white.zero_(), Plan())[1]), "Changes what it is shown"),
        (changed(prepare=lambda context: (context.variances.zero_(), Plan())[1]), "Changes what it is shown"),
        (
            changed(prepare=lambda context: (context.output_gradients().zero_(), Plan())[1]),
            "Changes what it is shown",
        ),
        (planning(notes="One sentence."), "'One sentence.' as notes of its plan"),
        (planning(key=None), "gave NoneType as the key of its plan; expected a string"),
        (planning(sizes=[3, 4]), r"gave sizes \[3, 4\]; expected a whole number of axes"),
        (
            planning(sizes={"colour": 3}),
            r"gave sizes .*; expected .* names of its own concepts, \['hue', 'shape'\]",
        ),
        (planning(sizes={"hue": 0}), "gave sizes {'hue': 0}; expected a whole number of axes, at least 1"),
        (planning(sizes={"hue": 1.5}), "gave sizes {'hue': 1.5}"),
        (planning(sizes={"hue": 63}), "Wants 64 axes for its factors of 64, of which the residual needs one"),
        (
            planning(rotation=torch.eye(64)),
            "gave Tensor as the rotation of its plan; expected a function, or None",
        ),
        (planning(loss=3), "gave int as the loss of its plan"),
        (planning(modules=torch.nn.Identity), "gave modules in its plan that no loss trains"),
        (planning(concepts=["shape"]), r"gave \['shape'\] as concepts of its plan"),
        (choosing(lambda source: []), r"After prepare\(\): Expected at least one Concept"),
        (
            choosing(lambda source: source.concepts[:1]),
            r"After prepare\(\): Expected rho of 1 pairs .* \(1, 3\)",
        ),
        (
            choosing(lambda source: [Concept(f"factor {k}", "unlabelled") for k in range(64)]),
            "Wants 64 factors of 64 axes, of which the residual needs one",
        ),
    ],
    "rotating": [
        (
            rotating(lambda span: torch.eye(64)),
            r"54 axes by a matrix of shape \(64, 64\); expected .*\(54, 54\)",
        ),
        (rotating(lambda span: span), r"54 axes by a matrix of shape \(64, 54\); expected .*\(54, 54\)"),
        (
            rotating(lambda span: 2 * eye(span)),
            r"64 axes by a matrix M with max\|MᵀM − I\| = 3, .* an orthogonal one",
        ),
        (rotating(lambda span: eye(span) * torch.nan), "64 axes by a matrix with values that are NaN"),
        (rotating(lambda span: eye(span.zero_())), "Changes the axes that it is to rotate"),
        (rotating(lambda span: eye(span).roll(next(counter), 0)), "another way at the second time"),
        (rotating(lambda span: None), "raised (TypeError|RuntimeError)"),
    ],
    "losing": [
        (
            losing(lambda context: torch.zeros(2)),
            r"Expected loss\(\) to return a scalar tensor, found shape \(2,\)",
        ),
        (losing(lambda context: "0"), "a scalar tensor, found str"),
        (losing(lambda context: None), "a scalar tensor, found NoneType"),
        (
            losing(lambda context: of_codes(context) * torch.nan),
            r"Expected loss\(\) to return a finite .*, found nan",
        ),
        (
            losing(lambda context: of_codes(context) / (not context.validating)),
            r"validating=True\) at step 0",
        ),
        (losing(lambda context: of_codes(context) / (context.step - 50)), "inf in training at step 50"),
        (
            losing(lambda context: math.nan),
            r"Expected loss\(\) to return a finite number, found nan in training",
        ),
        (losing(lambda context: 0.0), "found one that trains nothing"),
        (losing(lambda context: torch.ones(())), "found one that trains nothing"),
        (losing(lambda context: of_codes(context).detach()), "found one that trains nothing"),
        (
            losing(of_codes, modules=lambda: torch.nn.LayerNorm(2)),
            "depends on what .* found one that never trains it",
        ),
        (losing(of_codes, modules=lambda: 3), r"Expected modules\(\) to return an nn.Module, found int"),
        (losing(lambda context: (of_codes(context) * 0).sqrt()), "Expected finite gradients of loss"),
        (losing(unlike), "Gives another loss for the same draws"),
        (losing(lambda context: of_codes(context) + next(counter)), "Gives another loss for the same draws"),
        (
            losing(lambda context: (of_codes(context), context.backbone.model.train())[0]),
            r"Sets the mode of the model by train\(\) or eval\(\)",
        ),
        (losing(lambda context: of_codes(context) * context.stpe), "no 'stpe'. Did you mean 'step'"),
        (losing(lambda context: {}["x"]), "raised KeyError"),
        (losing(lambda context: of_codes(context) + torch.rand(())), "draws from a global random generator"),
    ],
    "illustrations": [
        (changed(illustrations=lambda: ["shapes"]), "to give Gallery records, found str"),
        (changed(illustrations=lambda: 3), "raised TypeError"),
        (gallery(title=""), "Expected a title, a caption and a group in plain text"),
        (gallery(cells=()), "Expected rows of one length in 'Pairs', found no row"),
        (gallery(cells=(("a",), ("b", "c"))), r"Expected rows of one length in 'Pairs', found \[1, 2\]"),
        (gallery(rows=("first", "second")), "Expected no heads or 1 of the rows of 'Pairs', found 2"),
        (gallery(columns=("left",)), "Expected no heads or 2 of the columns of 'Pairs', found 1"),
        (
            gallery(cells=((IMAGES[0] / 255, "b"),)),
            r"uint8 \(H, W, 3\) in 'Pairs', found float64 \(24, 24, 3\)",
        ),
        (gallery(cells=((IMAGES[0, :, :, 0], "b"),)), r"in 'Pairs', found uint8 \(24, 24\)"),
        (gallery(cells=((None, "b"),)), "in 'Pairs', found NoneType"),
    ],
    "weights": [
        (
            changed(sample_weights=lambda among: torch.ones(3)),
            r"to give \d+ numbers or None, found \(3,\)",
        ),
        (changed(sample_weights=lambda among: ["1"] * len(among)), "numbers or None, found list"),
        (
            changed(sample_weights=lambda among: torch.full((len(among),), float("nan"))),
            "finite numbers of 0 or more",
        ),
        (changed(sample_weights=lambda among: -torch.ones(len(among))), "finite numbers of 0 or more"),
        (changed(sample_weights=lambda among: torch.zeros(len(among))), "some sample a weight above 0"),
        (changed(sample_weights=lambda among: 1 / 0), "raised ZeroDivisionError"),
    ],
    "counterfactuals": [
        (changed(counterfactual_pairs=lambda among: [1]), "a mapping by concept, found list"),
        (changed(counterfactual_pairs=lambda among: {"shade": []}), "of its concepts, found 'shade'"),
        (changed(counterfactual_pairs=lambda among: {"shape": [[0, 1, 2]]}), r"whole numbers \(n, 2\)"),
        (changed(counterfactual_pairs=lambda among: {"shape": [[0, 999]]}), "samples it was asked for"),
        (changed(counterfactual_pairs=twins), "'shape' have the same value of it"),
        (changed(counterfactual_pairs=emptying), "Changes `among` in counterfactual_pairs"),
        (changed(counterfactual_pairs=lambda among: 1 / 0), "raised ZeroDivisionError"),
    ],
}


def test_no_check_is_without_a_saboteur() -> None:
    assert list(SABOTAGE) == [check.__name__.strip("_") for check in CONCEPT_SOURCE_CHECKS]


@pytest.mark.parametrize(
    ("check", "sabotage", "text"), [(name, *each) for name, several in SABOTAGE.items() for each in several]
)
def test_every_check_finds_its_saboteur(check: str, sabotage: Callable[[Good], None], text: str) -> None:
    source = Good()
    sabotage(source)
    with pytest.raises(ContractError, match=f"- {check}: .*{text}") as caught:
        check_concept_source(source)
    assert isinstance(caught.value, AssertionError)
    assert any(line.startswith(f"{check}: ") for line in caught.value.broken)
    assert len(set(caught.value.broken)) == len(caught.value.broken), "each thing is said once"
