"""Inputs that are read batch by batch are edited as if they were read at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

import interpret_inn as inn
from interpret_inn.translating.values import Drawn, PerInput

from .batches import seeded

pytestmark = pytest.mark.usefixtures("hasty_probes")


class Once(IterableDataset[Any]):
    """Images that can be read once."""

    def __init__(self, images: Any) -> None:
        self.images = images

    def __iter__(self) -> Iterator[Any]:
        assert self.images is not None, "read twice"
        images, self.images = self.images, None
        return iter(images)


EDITS: dict[str, Callable[[Any, int], Any]] = {
    "swap": lambda toy, n: inn.edits.swap("hue", toy.fresh[::-1][:n].copy()),
    "one donor": lambda toy, n: inn.edits.swap("hue", toy.fresh[:1]),
    "rows": lambda toy, n: inn.edits.set_to(
        "hue", torch.randn(n, toy.interpreter.factors["hue"].size, generator=seeded())
    ),
    "add": lambda toy, n: inn.edits.add(
        "hue", torch.randn(n, toy.interpreter.factors["hue"].size, generator=seeded())
    ),
    "resample": lambda toy, n: inn.edits.resample("hue", seed=4),
    "prior": lambda toy, n: inn.edits.resample("hue", seed=4, from_prior=True),
    "hold": lambda toy, n: inn.edits.resample("residual", hold=["shape"]),
}


@pytest.mark.parametrize("kind", EDITS)
def test_batches_do_not_change_what_an_edit_does(kind: str, toy: Any) -> None:
    it, images = toy.interpreter, toy.fresh[:70]
    edit = EDITS[kind](toy, 70)
    expected = it.run(images, edit)
    for size in (7, 70):
        outputs = it.run(DataLoader(Once(images), batch_size=size), edit)
        torch.testing.assert_close(outputs, expected, atol=1e-3, rtol=1e-3)
    whole = it.translator.edited(it.encode(images), [edit])
    with it.backbone.session():
        through = it.translator.whole(images).with_codes(whole).outputs()
    torch.testing.assert_close(through, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("donors", "text"), [(6, "each of the inputs, found 6"), (8, "each of 7 inputs, found 8")]
)
def test_donors_of_a_stream_must_be_as_many(donors: int, text: str, toy: Any) -> None:
    with pytest.raises(inn.EditError, match=f"expected one donor, or one for {text}"):
        toy.interpreter.run(iter(list(toy.fresh[:7])), inn.edits.swap("hue", toy.fresh[:donors]))


@pytest.mark.parametrize("size", [1, 5, 16])
def test_portions_of_a_draw_are_the_draw(size: int, toy: Any) -> None:
    factor, translator = toy.interpreter.factors["hue"], toy.interpreter.translator

    def portions(draw: Callable[[int], Tensor], counts: list[int]) -> Tensor:
        drawn = Drawn(draw)
        return torch.cat([drawn.of(torch.zeros(count, size), 0) for count in counts])

    one, other = seeded(2), seeded(2)
    stored = portions(lambda n: translator.draw(factor, n, one), [30, 1, 119])
    assert torch.equal(stored, translator.draw(factor, 150, other))
    normal = [portions(_normal(size), counts) for counts in ([150], [1, 64, 85])]
    assert torch.equal(*normal)
    assert torch.equal(normal[0][:128], _normal(size)(128))


def _normal(size: int) -> Callable[[int], Tensor]:
    generator = seeded(3)
    return lambda n: torch.randn(n, size, generator=generator)


def test_one_code_an_input_is_the_same_at_all_its_positions() -> None:
    rows = torch.arange(6.0).reshape(3, 2)
    values = PerInput("set_to('hue', …)", rows, 3).of(torch.zeros(2, 4, 2), 1)
    assert torch.equal(values, torch.stack([rows[1:]] * 4, 1))


def test_inputs_of_two_sizes_make_no_whole(toy: Any) -> None:
    small = [toy.fresh[0], toy.fresh[1][:20, :20]]
    with pytest.raises(inn.InnError), toy.interpreter.backbone.session():
        toy.interpreter.translator.whole(small)
    one_by_one = DataLoader(Once(small), batch_size=1)
    with (
        pytest.raises(inn.EditError, match=r"of one size, found \[\(3, 20, 20\), \(3, 24, 24\)\]\. Pass"),
        toy.interpreter.backbone.session(),
    ):
        toy.interpreter.translator.whole(one_by_one)


def test_batches_are_all_inputs_in_order(toy: Any) -> None:
    it = toy.interpreter
    with it.backbone.session():
        found = list(it.translator.batches(toy.fresh, outputs=True))
    assert [len(batch) for batch in found] == [64, 64, 22]
    torch.testing.assert_close(torch.cat([batch.codes for batch in found]), it.encode(toy.fresh))
