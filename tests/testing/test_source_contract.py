"""The contract of concept sources: a good source passes, and every check has a source that fails it alone."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.data import samples
from interpret_inn.testing import ContractError, check_concept_source, toy_images
from interpret_inn.testing.concept_values import agreement
from interpret_inn.testing.sources import CONCEPT_SOURCE_CHECKS
from interpret_inn.types import SAME, Concept, ConceptSource, Gallery, LossContext, Pairs, Plan, Preparation

IMAGES, LABELS = toy_images(120)
CLASSES = ("square", "disc", "cross")


class Good:
    """Pairs that share the shape; a hue that is now and then shared, by looking for the nearest one."""

    name = "good"

    def __init__(self) -> None:
        self.samples: Any = samples(IMAGES)
        self.concepts: Any = [
            Concept("shape", "categorical", LABELS["shape"], CLASSES),
            Concept("hue", "cyclic", LABELS["hue"]),
        ]

    def sample_pairs(self, n: int, generator: torch.Generator, among: torch.Tensor) -> Pairs:
        first = among[torch.randint(len(among), (n,), generator=generator)]
        by_hue = torch.rand(n, generator=generator) < 0.5
        shape, hue = (torch.from_numpy(LABELS[name]) for name in ("shape", "hue"))
        distance = 1 - torch.cos(hue[first, None] - hue[among])
        other_shape = (shape[first, None] != shape[among]).double() + torch.rand(
            n, len(among), generator=generator
        )
        cost = torch.where(by_hue[:, None], distance, other_shape)
        second = among[cost.masked_fill(first[:, None] == among, torch.inf).argmin(1)]
        zero = torch.zeros(n)
        rho = torch.stack([torch.where(by_hue, 0, SAME), torch.where(by_hue, SAME, 0), zero], 1)
        return Pairs(first, second, rho.float())


def test_a_good_source_passes_every_check() -> None:
    assert check_concept_source(Good()) == tuple(check.__name__.strip("_") for check in CONCEPT_SOURCE_CHECKS)
    assert check_concept_source(Good(), seed=3)


class Everything(Good, ConceptSource):
    """Has all that a source may have, and has it right; chooses its concepts by what it is shown."""

    notes = ("Drawn on the spot.",)
    ordered = True
    key = "by the output"
    settings: Mapping[str, Any] = {"steps": 30}

    def __init__(self) -> None:
        super().__init__()
        self._name(1)

    def _name(self, count: int) -> None:
        self.concepts = [Concept(f"factor {k + 1}", "unlabelled") for k in range(count)]

    def prepare(self, context: Preparation) -> Plan:
        weights = context.output_gradients()
        assert weights.shape == (len(context.variances),) * 2 and weights.dtype == torch.float64
        assert context.white.shape == (84, len(context.variances))
        assert (context.variances.diff() <= 0).all()
        assert context.model.axes == len(context.variances)
        self._name(5)
        recognizer = torch.nn.utils.skip_init(torch.nn.Linear, 64, 5)
        torch.nn.init.zeros_(recognizer.weight), torch.nn.init.ones_(recognizer.bias)

        def rotation(span: torch.Tensor) -> torch.Tensor:
            free = span.double()
            return torch.linalg.eigh(free.T @ weights @ free).eigenvectors.flip(1)

        def loss(told: LossContext) -> torch.Tensor:
            codes = torch.randn(4, 64, generator=told.generator)
            assert told.axes.tolist() == list(range(10))
            white = told.network.blocks.inverse(codes)[0]
            images = told.backbone.tail(white)
            assert torch.allclose(images, context.model.outputs(white), atol=1e-6)
            return (recognizer(images.flatten(1)) - codes[:, told.axes[::2]]).square().mean()

        return Plan(
            concepts=self.concepts,
            sizes={concept.name: 2 for concept in self.concepts},
            notes=("Five of them.",),
            key="5",
            rotation=rotation,
            modules=lambda: recognizer,
            loss=loss,
        )

    def sample_pairs(self, n: int, generator: torch.Generator, among: torch.Tensor) -> Pairs:
        pairs = super().sample_pairs(n, generator, among)
        return pairs._replace(rho=torch.zeros(n, len(self.concepts) + 1))

    def illustrations(self) -> list[Gallery]:
        rows = ((IMAGES[0], "the same"), (IMAGES[1], "another"))
        return [Gallery("Pairs", "Two and two.", rows, ("a", "b"), (IMAGES[2], "as"), "shape")]


def test_what_a_source_may_have_is_checked_and_left_as_it_was() -> None:
    source = Everything()
    assert check_concept_source(source)
    assert [concept.name for concept in source.concepts] == ["factor 1"]  # the check asked a copy


def test_a_loss_as_it_should_be_keeps_the_contract() -> None:
    source = Good()
    losing(of_codes)(source)
    assert check_concept_source(source)


class Derived(Good):
    """Its concepts cannot be assigned."""

    def __init__(self) -> None:
        self.samples = samples(IMAGES)
        self._own = Good().concepts

    @property
    def concepts(self) -> Any:  # type: ignore[override]
        return list(self._own)


@dataclasses.dataclass(frozen=True)
class Frozen:
    samples: Any
    concepts: Any
    name: str = "frozen"

    sample_pairs = Good.sample_pairs


def test_concepts_that_cannot_be_assigned_break_no_contract() -> None:
    assert check_concept_source(Derived())
    assert check_concept_source(Frozen(samples(IMAGES), Good().concepts))  # type: ignore[arg-type]


def changed(**members: Any) -> Callable[[Good], None]:
    def change(source: Good) -> None:
        for name, value in members.items():
            setattr(source, name, value)

    return change


def concept(
    name: str = "shape", kind: Any = "categorical", values: Any = None, classes: Any = CLASSES
) -> Any:
    """Another first concept."""
    values = LABELS["shape"] if values is None else values
    return lambda source: setattr(
        source, "concepts", [Concept(name, kind, values, classes), source.concepts[1]]
    )


def pairs(change: Callable[[Pairs, Any], Any]) -> Callable[[Good], None]:
    """Pairs that are changed after they were drawn as they should be."""

    def sabotage(source: Good) -> None:
        draw = source.sample_pairs
        source.sample_pairs = lambda n, generator, among: change(draw(n, generator, among), among)  # type: ignore

    return sabotage


def sample(**members: Any) -> Callable[[Good], None]:
    """Samples of which something is changed."""

    def sabotage(source: Good) -> None:
        for name, value in members.items():
            setattr(source.samples, name, value)

    return sabotage


def drifting(batch_size: int) -> Iterator[Any]:
    for start in range(0, 120, batch_size):
        yield IMAGES[start : start + batch_size] + np.uint8(batch_size % 7)


counter = iter(range(10**6))


def unrepeatable(source: Good) -> None:
    draw = source.sample_pairs
    source.sample_pairs = lambda n, generator, among: draw(  # type: ignore[method-assign]
        n, torch.Generator().manual_seed(next(counter)), among
    )


def constant(source: Good) -> None:
    draw = source.sample_pairs
    source.sample_pairs = lambda n, generator, among: draw(  # type: ignore[method-assign]
        n, torch.Generator().manual_seed(0), among
    )


def scramble(found: Pairs, among: torch.Tensor) -> Pairs:
    kept = found._replace(rho=found.rho.clone())
    among.copy_(among.flip(0))
    return kept


def swapped(found: Pairs, among: torch.Tensor) -> Pairs:
    return found._replace(rho=found.rho[:, [1, 0, 2]])


def planning(**fields: Any) -> Callable[[Good], None]:
    """A source whose plan has these."""
    return changed(prepare=lambda context: Plan(**fields))


def choosing(choose: Callable[[Good], list[Any]]) -> Callable[[Good], None]:
    """A source that plans other concepts."""

    class Curious(Good):
        def prepare(self, context: Preparation) -> Plan:
            self.concepts = choose(self)
            return Plan(concepts=self.concepts)

    def sabotage(source: Good) -> None:
        source.__class__ = Curious

    return sabotage


def rotating(rotation: Callable[[torch.Tensor], Any]) -> Callable[[Good], None]:
    """A source that rotates axes so, given as many as there are."""
    return planning(rotation=rotation)


def losing(loss: Callable[[LossContext], Any], **fields: Any) -> Callable[[Good], None]:
    """A source with a loss of its own."""
    return planning(loss=loss, **fields)


def of_codes(context: LossContext) -> torch.Tensor:
    """A loss as it should be."""
    codes = context.network.blocks(torch.randn(4, 64, generator=context.generator))[0]
    return codes[:, context.axes].square().mean()


def unlike(context: LossContext) -> torch.Tensor:
    """A loss that draws from a generator of its own."""
    own = torch.Generator().manual_seed(next(counter))
    return context.network.blocks(torch.randn(4, 64, generator=own))[0].square().mean()


def eye(span: torch.Tensor) -> torch.Tensor:
    return torch.eye(span.shape[1])


class Restless(Good):
    """Its key is another every time."""

    @property
    def key(self) -> str:
        return str(next(counter))


def gallery(**fields: Any) -> Callable[[Good], None]:
    """A gallery of two cells, of which something is changed."""
    whole = {"title": "Pairs", "caption": "Two and two.", "cells": ((IMAGES[0], "a text"),)}
    return changed(illustrations=lambda: [Gallery(**whole | fields)])


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
        (concept(kind="numeric"), r"Expected float64 \(N,\) for 'shape', found int64"),
        (concept(kind="numeric", values=np.full(120, np.inf)), "Expected finite values of 'shape'"),
        (
            concept(kind="cyclic", values=np.degrees(LABELS["hue"])),
            "Expected radians for 'shape', found up to 3",
        ),
        (concept(kind="unlabelled"), "is unlabelled and yet has values"),
    ],
    "sample_fields": [
        (changed(samples=samples(IMAGES[:1])), "Expected at least 2 samples, found 1"),
        (sample(groups=np.zeros(3, np.int64)), r"None or int64 \(120,\), found shape \(3,\)"),
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


@pytest.mark.parametrize("draw", [random.random, np.random.random, lambda: torch.rand(1)])
def test_a_global_generator_is_noticed(draw: Callable[[], Any]) -> None:
    source = Good()
    pairs(lambda found, _: (found, draw())[0])(source)
    with pytest.raises(ContractError, match="pairs_form: draws from a global random generator"):
        check_concept_source(source)


def test_what_a_source_raises_is_listed() -> None:
    source = Good()
    pairs(lambda found, _: 1 / 0)(source)
    with pytest.raises(ContractError) as caught:
        check_concept_source(source)
    assert "pairs_form: raised ZeroDivisionError: division by zero" in caught.value.broken
    assert len(caught.value.broken) == 4  # all at once, and nothing of what is whole


def test_agreement_by_kind() -> None:
    index = np.arange(100)
    numbers = np.stack([np.linspace(0, 1, 100), np.linspace(1, 0, 100)], 1)
    for kind, values in (("categorical", index % 5), ("numeric", numbers), ("cyclic", numbers[:, 0])):
        found = agreement(Concept("c", kind, values), index, index)  # type: ignore[arg-type]
        assert found is not None and found.known == 100
        assert found.value == pytest.approx(1.0)
    opposite = agreement(Concept("c", "numeric", numbers), index, index[::-1])
    assert opposite is not None and opposite.value == pytest.approx(-1.0)
    gaps = np.where(index % 2, np.nan, index)
    halves = agreement(Concept("c", "numeric", gaps), index, index)
    assert halves is not None and (halves.known, halves.value) == (50, pytest.approx(1.0))
    assert agreement(Concept("c", "unlabelled"), index, index) is None
    assert agreement(Concept("c", "categorical", np.full(100, -1)), index, index) is None
