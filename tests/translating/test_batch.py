"""`Batch`: other codes of the same inputs, their outputs, and what they cost in forwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

import interpret_inn as inn
from interpret_inn.testing import ToyClassifier, toy_classifier, toy_images
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.values import Drawn, PerInput

pytestmark = pytest.mark.usefixtures("hasty_probes")

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


class Maps(nn.Module):
    """`body`, in the middle, gives (B, 8, 4, 4); what follows takes the inputs as well, so there is no tail."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 6, stride=6)
        self.head = nn.Linear(11, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        beside = inputs.mean((2, 3))
        logits: Tensor = self.head(torch.cat([self.body(inputs).tanh().mean((2, 3)), beside], 1))
        return logits


Fit = Callable[[str], inn.Interpreter]


@pytest.fixture(scope="module")
def fit_of(toy: Any, small: dict[str, Any]) -> Fit:
    """A fit at the toy's head, or in the middle of a network in some layout."""
    images, labels = toy_images(120, seed=8)
    made = {"head": toy.interpreter}

    def make(case: str) -> inn.Interpreter:
        if case not in made:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                model = Maps().eval()
            made[case] = inn.wrap(model, "body", layout=case).fit(
                "labels",
                data=images,
                labels={"hue": labels["hue"]},
                kinds={"hue": "cyclic"},
                **small | {"axes": 6},
            )
        return made[case]

    return make


CASES = ["head", "pooled", "flat", "positions"]


class Counted(NamedTuple):
    """A fit whose forwards are counted."""

    interpreter: inn.Interpreter
    counts: Counter[str]


@pytest.fixture(params=CASES)
def counted(request: Any, fit_of: Fit, toy: Any, monkeypatch: Any) -> Counted:
    it, counts = fit_of(request.param), Counter[str]()
    it.run(toy.fresh[:2])
    with it.backbone.session():  # knows layout and tail from here on
        it.backbone.represent(it.backbone.prepare(toy.fresh[:2]))
    for name, holder, method in (
        ("model", it.backbone.model, "forward"),
        ("there", it.fitted.network, "forward"),
        ("back", it.fitted.network, "inverse"),
        ("tail", it.backbone, "tail"),
    ):
        monkeypatch.setattr(holder, method, _counting(counts, name, getattr(holder, method)))
    return Counted(it, counts)


def _counting(counts: Counter[str], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        found = real(*arguments, **options)
        counts[name] += found is not None
        return found

    return run


def batch_of(it: inn.Interpreter, inputs: Any, **options: Any) -> Batch:
    return it.translator.batch(it.backbone.prepare(inputs), **options)


# --- what it costs --------------------------------------------------------------------------------------


def test_an_edited_run_is_one_forward_of_model_and_flow(counted: Counted, toy: Any) -> None:
    it, counts = counted
    it.run(toy.fresh[:20], [inn.edits.add("hue", 1.0), inn.edits.resample("residual")])
    assert counts == {"model": 1, "there": 1, "back": 1}
    it.run(toy.fresh, inn.edits.add("hue", 1.0))  # 150 inputs are three batches
    assert counts == {"model": 4, "there": 4, "back": 4}


def test_donors_are_run_up_to_the_site_once(counted: Counted, toy: Any) -> None:
    it, counts = counted
    it.run(toy.fresh[:20], inn.edits.swap("hue", toy.fresh[20:40]))
    assert counts == {"model": 1, "there": 2, "back": 1}  # what stops at the site does not count


def test_variants_go_through_the_tail_in_few_passes_and_else_through_the_model(
    counted: Counted, toy: Any
) -> None:
    it, counts = counted
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:5])
        batch.redrawn(it.factors["hue"], 12, seeded()).outputs()
    assert counts["there"] == 1
    if it.backbone.has_tail:
        assert (
            counts["tail"] == counts["back"] == 2
        )  # one variant, to see how much they take; then the others
    else:
        assert counts["model"] == 12
        assert counts["back"] == 12


@pytest.mark.parametrize(
    ("bytes_", "passes"), [(1, [1] * 12), (3499, [1, 4, 4, 3]), (3500, [1, 5, 5, 1]), (10**6, [1, 11])]
)
def test_passes_through_the_tail_are_as_large_as_their_bytes_allow(
    bytes_: int, passes: list[int], toy: Any, monkeypatch: Any
) -> None:
    """A variant of five inputs takes 5 · (32 + 3) numbers of 4 bytes: 700."""
    it, found = toy.interpreter, []
    tail = it.backbone.tail
    with it.backbone.session():
        varied = batch_of(it, toy.fresh[:5]).redrawn(it.factors["hue"], 12, seeded())
        assert it.backbone.has_tail
        monkeypatch.setattr("interpret_inn.translating.batch.PASS_BYTES", bytes_)
        monkeypatch.setattr(it.backbone, "tail", lambda z: (found.append(len(z) // 5), tail(z))[1])
        varied.outputs()
    assert found == passes


def test_outputs_that_were_had_on_the_way_cost_nothing(counted: Counted, toy: Any) -> None:
    it, counts = counted
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:5], outputs=True)
        assert torch.equal(batch.outputs(), it.backbone.outputs(batch.prepared))
        assert torch.equal(batch.take(slice(1, 3)).outputs(), batch.outputs()[1:3])
        assert torch.equal(Batch.joined([batch, batch.take(slice(2))]).outputs()[5:], batch.outputs()[:2])
    assert counts["model"] == 2
    assert counts["there"] == 1


def test_an_explanation_runs_no_flow_twice(counted: Counted, toy: Any) -> None:
    it, counts = counted
    assert it.evaluation.summaries
    counts.clear()
    it.explain(toy.fresh[:8], examples=2, resamples=2, localizer=None)
    checks = len(it.factors)  # round trips of edited codes go there and back again
    assert counts["there"] == 1 + checks


# --- outputs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_unchanged_batches_give_the_bare_outputs_bit_for_bit(case: str, fit_of: Fit, toy: Any) -> None:
    it = fit_of(case)
    with it.backbone.session():
        for outputs in (True, False):
            batch = batch_of(it, toy.fresh[:7], outputs=outputs)
            assert not batch.changed
            assert torch.equal(batch.outputs(), it.run(toy.fresh[:7]))


@pytest.mark.parametrize("case", CASES)
def test_changed_batches_give_what_the_model_makes_of_the_codes(case: str, fit_of: Fit, toy: Any) -> None:
    it = fit_of(case)
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:7])
        same = batch.with_codes(batch.codes.clone())
        assert same.changed
        torch.testing.assert_close(same.outputs(), batch.outputs(), **CLOSE)
        edited = batch.with_factor(it.factors["hue"], torch.tensor(0.5))
        torch.testing.assert_close(
            edited.outputs(), it.run(toy.fresh[:7], inn.edits.set_to("hue", 0.5)), **CLOSE
        )
        literal = it.backbone.rewritten(batch.prepared, lambda _: it.invert(edited.codes, toy.fresh[:7]))
        torch.testing.assert_close(edited.outputs(), literal, **CLOSE)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 1 << 24])
def test_variants_are_the_single_codes_one_by_one(
    case: str, size: int, fit_of: Fit, toy: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("interpret_inn.translating.batch.PASS_BYTES", size)
    it = fit_of(case)
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:4])
        varied = batch.redrawn(it.factors["residual"], 5, seeded())
        outputs = varied.outputs()
        assert outputs.shape == (5, 4, 3)
        for codes, found in zip(varied.codes, outputs, strict=True):
            torch.testing.assert_close(found, batch.with_codes(codes).outputs(), **CLOSE)
        some = varied.take(torch.tensor([3, 0, 0]))
        torch.testing.assert_close(some.outputs(), outputs[:, [3, 0, 0]], **CLOSE)


class Named(NamedTuple):
    """Outputs of a kind of their own."""

    logits: Tensor
    note: str


class Structured(nn.Module):
    """The head gives a structure, and the model another one with the same tensors, or the same one."""

    def __init__(self, outer: Callable[[Tensor], Any], inner: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.body = ToyClassifier()
        self.body.load_state_dict(toy_classifier().state_dict())
        self.head = Head(inner)
        self.outer = outer

    def forward(self, inputs: Tensor) -> Any:
        return self.outer(next(iter(self.head(self.body(inputs)))))


class Head(nn.Module):
    """One tensor in a structure."""

    def __init__(self, inner: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.inner, self.linear = inner, nn.Linear(3, 4)

    def forward(self, inputs: Tensor) -> Any:
        return self.inner(self.linear(inputs))


@pytest.mark.parametrize(
    ("outer", "inner", "tail"),
    [
        (lambda x: (x,), lambda x: (x,), True),
        (lambda x: [x], lambda x: (x,), False),
        (lambda x: Named(x, "kept"), lambda x: (x,), False),
    ],
)
def test_outputs_keep_the_models_own_structure(
    outer: Any, inner: Any, tail: bool, toy: Any, small: dict[str, Any]
) -> None:
    it = inn.wrap(Structured(outer, inner).eval(), "head:in")
    it.fit("labels", data=toy.images[:120], labels={"hue": toy.labels["hue"][:120]}, **small)
    bare, edited = it.run(toy.fresh[:3]), it.run(toy.fresh[:3], inn.edits.add("hue", 1.0))
    assert it.backbone.has_tail == tail
    assert type(edited) is type(bare)
    assert getattr(edited, "note", "kept") == "kept"
    with it.backbone.session():
        changed = batch_of(it, toy.fresh[:3]).with_factor(it.factors["hue"], torch.tensor(0.0)).outputs()
    assert type(changed) is type(bare)


# --- batch by batch -------------------------------------------------------------------------------------


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


def test_values_for_another_number_of_inputs_are_refused_before_the_model_runs(
    counted: Counted, toy: Any
) -> None:
    it, counts = counted
    with pytest.raises(
        inn.EditError, match=r"a value for each of 9 inputs, or one for all of them, found shape \(8, "
    ):
        it.run(toy.fresh[:9], inn.edits.set_to("hue", torch.zeros(8, it.factors["hue"].size)))
    assert not counts["model"]


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


class Inferring(nn.Module):
    """Runs in inference mode by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ToyClassifier()
        self.inner.load_state_dict(toy_classifier().state_dict())

    @torch.inference_mode()
    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.inner(inputs)
        return logits


def test_models_that_run_in_inference_mode_are_edited_and_held(toy: Any, small: dict[str, Any]) -> None:
    it = inn.wrap(Inferring().eval(), "inner.head:in")
    it.fit("labels", data=toy.images[:120], labels={k: v[:120] for k, v in toy.labels.items()}, **small)
    for hold in ([], ["shape"]):
        assert it.run(toy.fresh[:3], inn.edits.resample("hue", hold=hold)).shape == (3, 3)


# --- other codes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_redrawn_factor_is_of_stored_codes_and_the_rest_stays(case: str, fit_of: Fit, toy: Any) -> None:
    it = fit_of(case)
    factor = it.factors["hue"]
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:3])
    redrawn = batch.redrawn(factor, 4, seeded(1))
    assert redrawn.varied
    drawn = it.translator.draw(factor, 12, seeded(1)).reshape(
        4, 3, *[1] * (batch.codes.ndim - 2), factor.size
    )
    assert torch.equal(redrawn.codes[..., factor.slice], drawn.expand(4, *batch.codes.shape[:-1], -1))
    others = [axis for axis in range(it.factors.total) if not factor.start <= axis < factor.stop]
    assert torch.equal(
        redrawn.codes[..., others], batch.codes[..., others].expand(4, *batch.codes.shape[:-1], -1)
    )
    assert torch.equal(batch.codes, batch.own)


@pytest.mark.parametrize("case", CASES)
def test_traversals_put_the_factor_at_positions(case: str, fit_of: Fit, toy: Any) -> None:
    it = fit_of(case)
    factor, positions = it.factors["hue"], torch.tensor([-2.0, 0.0, 1.5])
    with it.backbone.session():
        moved = batch_of(it, toy.fresh[:3]).traversed(factor, positions)
    found = it.translator.axes["hue"].position(moved.codes[..., factor.slice])
    wanted = positions.reshape(-1, *[1] * (found.ndim - 1)).expand_as(found)
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def test_held_concepts_read_as_before_in_every_variant(toy: Any) -> None:
    it = toy.interpreter
    factor = it.factors["residual"]
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:6])
        free = batch.redrawn(factor, 3, seeded())
    held = batch.with_factor(factor, free.codes[..., factor.slice], hold=["shape"])
    read = it.translator.probe("shape")

    def scores(codes: Tensor) -> Tensor:
        found = torch.from_numpy(read.scores(it.translator.white(codes.reshape(-1, codes.shape[-1])).numpy()))
        return (found - found.mean(1, keepdim=True)).reshape(*codes.shape[:-1], -1)

    before = scores(batch.codes)
    assert (scores(held.codes) - before).abs().mean() < 0.2 * (scores(free.codes) - before).abs().mean()


def test_a_path_puts_all_inputs_at_its_stops(fit_of: Fit, toy: Any) -> None:
    it = fit_of("positions")
    factor = it.factors["hue"]
    path = torch.randn(5, factor.size, generator=seeded())
    with it.backbone.session():
        moved = batch_of(it, toy.fresh[:2]).with_path(factor, path)
    assert torch.equal(moved.codes[..., factor.slice], path[:, None, None].expand(5, 2, 16, -1))


def test_the_summary_is_the_mean_over_positions_of_leading_axes(fit_of: Fit, toy: Any) -> None:
    for case in ("head", "positions"):
        it = fit_of(case)
        leading = it.fitted.network.shape.leading
        with it.backbone.session():
            batch = batch_of(it, toy.fresh[:3])
        codes = batch.codes[..., :leading]
        torch.testing.assert_close(batch.summary(), codes.mean(1) if codes.ndim == 3 else codes)
        redrawn = batch.redrawn(it.factors["hue"], 2, seeded())
        assert redrawn.summary().shape == (2, 3, leading)
        one = redrawn.random_position(seeded())
        assert one.shape == (2, 3, leading)
        of_all = redrawn.codes[..., :leading].reshape(2, 3, -1, leading)
        assert bool((of_all == one[:, :, None]).all(-1).any(-1).all())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda b, f: b.with_codes(b.codes[:2]),
            r"Expected codes \(3, 32\), or \(M, 3, 32\), found \(2, 32\)",
        ),
        (lambda b, f: b.with_codes(b.codes[None, None]), r"found \(1, 1, 3, 32\)"),
        (
            lambda b, f: b.with_factor(f, torch.zeros(2, f.size)),
            r"Expected values that fit \d+ axes of codes \(3, 32\)",
        ),
        (lambda b, f: b.with_factor(f, torch.zeros(f.size + 1)), r"Expected values that fit"),
        (lambda b, f: b.with_factor(f, torch.zeros(f.size), hold=["hue"]), r"Take 'hue' out of hold"),
        (lambda b, f: b.with_factor(f, torch.zeros(f.size), hold="shape"), r"Type hold=\['shape'\]"),
    ],
)
def test_what_does_not_fit_is_refused(change: Any, text: str, toy: Any) -> None:
    with toy.interpreter.backbone.session():
        batch = batch_of(toy.interpreter, toy.fresh[:3])
    with pytest.raises(inn.EditError, match=text):
        change(batch, toy.interpreter.factors["hue"])


def test_one_input_does_not_stand_for_several_rows(toy: Any) -> None:
    """Rows for several inputs must not turn a batch of one into a batch of several."""
    factor = toy.interpreter.factors["hue"]
    with toy.interpreter.backbone.session():
        batch = batch_of(toy.interpreter, toy.fresh[:1])
    with pytest.raises(inn.EditError, match="Expected values that fit"):
        batch.with_factor(factor, torch.zeros(4, factor.size))


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
