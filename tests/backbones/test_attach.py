from __future__ import annotations

import dataclasses
import gc
import weakref
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from interpret_inn.backbones import Attachment
from interpret_inn.backbones.attach import recorded_calls
from interpret_inn.errors import SiteError

Pair = namedtuple("Pair", ["hidden", "extra"])


@dataclasses.dataclass(frozen=True)
class Record:
    hidden: Tensor
    extra: Any = None


class ModelOutput(OrderedDict):  # holds its parts as keys and as attributes, as transformers' does
    def __init__(self, hidden: Tensor) -> None:
        super().__init__(hidden=hidden)
        self.hidden = hidden

    def __reduce__(self) -> Any:
        return type(self), (self["hidden"],)


WRAPPINGS = {
    "tuple": (lambda h: (h, None), lambda o: o[0], "0"),
    "last of a list": (lambda h: [None, h], lambda o: o[-1], "-1"),
    "dict": (lambda h: {"x": 1, "h": h}, lambda o: o["h"], "h"),
    "nested": (lambda h: {"a": (None, [h])}, lambda o: o["a"][1][0], "a.1.0"),
    "namedtuple": (lambda h: Pair(h, 3), lambda o: o.hidden, "hidden"),
    "torch's own by name": (lambda h: torch.return_types.max((h * 0, h)), lambda o: o.indices, "indices"),
    "namedtuple by number": (lambda h: Pair(h, 3), lambda o: o.hidden, "0"),
    "frozen dataclass": (lambda h: Record(h), lambda o: o.hidden, "hidden"),
    "model output": (lambda h: ModelOutput(h), lambda o: o.hidden + 0 * o["hidden"], "hidden"),
    "torch's own": (lambda h: torch.sort(h, stable=True, dim=0), lambda o: o.values, "0"),
}


class Wrapping(nn.Module):
    def __init__(self, wrap: Any) -> None:
        super().__init__()
        self.wrap = wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(x + 1)


class Wrapped(nn.Module):
    def __init__(self, wrap: Any, unwrap: Any) -> None:
        super().__init__()
        self.inner, self.unwrap = Wrapping(wrap), unwrap

    def forward(self, x: Tensor) -> Tensor:
        found = self.inner(x)
        self.seen = type(found)
        result: Tensor = self.unwrap(found) * 2
        return result


def hooks(model: nn.Module) -> int:
    return sum(
        len(table)
        for m in model.modules()
        for name, table in vars(m).items()
        if name.endswith("_hooks") and table
    ) + sum(
        len(m._forward_hooks_with_kwargs) + len(m._forward_pre_hooks_with_kwargs) for m in model.modules()
    )


@pytest.mark.parametrize("name", WRAPPINGS)
def test_structures_are_selected_and_rebuilt(name: str) -> None:
    wrap, unwrap, selector = WRAPPINGS[name]
    model, x = Wrapped(wrap, unwrap), torch.arange(3.0)
    bare = model(x)
    made = model.seen
    with Attachment(model, f"inner:{selector}", rewrite=lambda z: z + 10) as site:
        written = model(x)
    assert torch.equal(site.captured, x + 1)
    assert torch.equal(written, bare + 20)
    assert model.seen is made
    assert torch.equal(model(x), bare)


@pytest.mark.parametrize("name", ["tuple", "dict", "nested", "frozen dataclass"])
def test_without_a_selector_the_error_says_what_to_type(name: str) -> None:
    wrap, unwrap, selector = WRAPPINGS[name]
    model = Wrapped(wrap, unwrap)
    expected = rf"The output of 'inner' \(Wrapping\): expected a tensor, found a .* Type 'inner:{selector}'"
    with pytest.raises(SiteError, match=expected), Attachment(model, "inner"):
        model(torch.zeros(2))
    assert hooks(model) == 0


def test_none_and_missing_parts_are_named() -> None:
    model = Wrapped(lambda h: (h, None), lambda o: o[0])
    with (
        pytest.raises(SiteError, match=r"expected a tensor, found None. Choose another site"),
        Attachment(model, "inner:1"),
    ):
        model(torch.zeros(2))
    with (
        pytest.raises(SiteError, match=r"has no part '7': found a tuple of \(float32 \(2,\), None\)"),
        Attachment(model, "inner:7"),
    ):
        model(torch.zeros(2))


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.relu, self.head = nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.relu(self.linear(x)))
        return result


def test_in_place_changes_do_not_reach_what_was_read() -> None:
    model, x = InPlace(), torch.randn(8, 4)
    with torch.no_grad(), Attachment(model, "linear") as site:
        model(x)
    assert (site.captured < 0).any()
    assert torch.equal(site.captured, model.linear(x))
    with torch.no_grad():
        bare = model(x)
        with Attachment(model, "linear", rewrite=lambda z: z):
            written = model(x)
    assert torch.equal(written, bare)


def test_a_rewrite_may_work_in_place() -> None:
    model, x = InPlace(), torch.randn(8, 4)
    with torch.no_grad(), Attachment(model, ".:in", rewrite=lambda z: z.zero_()) as site:
        written = model(x)
        assert torch.equal(site.captured, x)
    assert torch.equal(written, model(torch.zeros(8, 4)))


class Repeating(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Tanh()
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.act(x) + 1).sum(1)  # type: ignore[no-any-return]


def test_a_module_that_runs_twice_needs_a_call_number() -> None:
    model, x = Repeating(), torch.randn(3, 2)
    with (
        pytest.raises(SiteError, match=r"'act' ran 2 times .* 'act@0' \(float32 \(3, 2\)\), 'act@1'"),
        Attachment(model, "act"),
    ):
        model(x)
    for call, expected in enumerate([x.tanh(), (x.tanh() + 1).tanh()]):
        with Attachment(model, f"act@{call}") as site:
            model(x)
        assert torch.equal(site.captured, expected)
    with Attachment(model, "act@1:in", rewrite=torch.zeros_like) as site:
        assert torch.equal(model(x), torch.zeros(3))
    with (
        pytest.raises(SiteError, match=r"'act@5' was not reached: 'act' ran 2 times, calls count from 0"),
        Attachment(model, "act@5"),
    ):
        model(x)


def test_a_site_that_never_runs_is_an_error() -> None:
    model = Repeating()
    with (
        pytest.raises(SiteError, match=r"'unused' was not reached: 'unused' did not run"),
        Attachment(model, "unused"),
    ):
        model(torch.randn(3, 2))
    with pytest.raises(SiteError, match="was not reached"):
        _ = Attachment(model, "act@1").captured


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x=x, scale=torch.tensor(2.0)) + self.inner.second(x)  # type: ignore[no-any-return]


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Identity()

    def forward(self, *, x: Tensor, scale: Tensor) -> Tensor:
        return x * scale


def test_inputs_given_by_name() -> None:
    model, x = Named(), torch.randn(2, 3)
    with (
        pytest.raises(
            SiteError, match=r"expected one tensor, found a dict of .* Type 'inner:in:x' or 'inner:in:scale'"
        ),
        Attachment(model, "inner:in"),
    ):
        model(x)
    with Attachment(model, "inner:in:x", rewrite=torch.zeros_like) as site:
        assert torch.equal(model(x), x)
    assert torch.equal(site.captured, x)
    with Attachment(model, ".:in", rewrite=torch.ones_like):
        assert torch.equal(model(x), torch.full((2, 3), 3.0))


def test_stop_saves_the_rest_even_from_a_model_that_catches_everything() -> None:
    ran: list[str] = []

    class Stubborn(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            try:
                x = self[0](x)
            except Exception:
                ran.append("caught")
            ran.append("rest")
            return x

    model = Stubborn(nn.Linear(2, 2))
    with Attachment(model, "0", stop=True) as site:
        model(torch.zeros(1, 2))
        raise AssertionError("not reached")
    assert site.captured.shape == (1, 2)
    assert ran == []
    assert hooks(model) == 0


def test_attachments_nest_and_the_inner_one_sees_what_the_outer_wrote() -> None:
    model, x = InPlace(), torch.randn(5, 4)
    with (
        torch.no_grad(),
        Attachment(model, "linear", rewrite=lambda z: z * 0 + 1) as outer,
        Attachment(model, "linear") as same,
        Attachment(model, "head:in", stop=True) as inner,
    ):
        model(x)
    assert torch.equal(same.captured, torch.ones(5, 4))
    assert torch.equal(inner.captured, torch.ones(5, 4))
    assert torch.equal(outer.captured, model.linear(x))
    assert hooks(model) == 0


def test_a_wrong_rewrite_is_refused() -> None:
    model = InPlace()
    for rewrite, found in ((lambda z: z[:, :2], r"float32 \(8, 2\)"), (lambda z: None, "None")):
        expected = rf"expected the rewrite to return a tensor of the same shape \(8, 4\), found {found}"
        with pytest.raises(SiteError, match=expected), Attachment(model, "linear", rewrite=rewrite):  # type: ignore[arg-type]
            model(torch.randn(8, 4))
        assert hooks(model) == 0


def test_a_rewrite_keeps_type_and_memory_layout() -> None:
    class Viewing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x).view(-1)  # type: ignore[no-any-return]

    with Attachment(Viewing(), "inner", rewrite=lambda z: z.double().t().contiguous().t()) as site:
        out = site._model(torch.arange(6.0).view(2, 3))
    assert torch.equal(out, torch.arange(6.0))


def test_handles_are_removed_when_registration_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    model = InPlace()

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no hooks today")

    monkeypatch.setattr(model.linear, "register_forward_hook", fail)
    with pytest.raises(RuntimeError, match="no hooks today"), Attachment(model, "linear"):
        pass
    monkeypatch.undo()
    assert hooks(model) == 0


def test_gradients_flow_through_what_is_read_and_written() -> None:
    model, x = InPlace(), torch.randn(8, 4)
    shift = torch.zeros(4, requires_grad=True)
    with Attachment(model, "linear", rewrite=lambda z: z + shift):
        model(x).sum().backward()
    assert shift.grad is not None
    assert shift.grad.abs().sum() > 0


def test_two_hundred_cycles_leave_nothing() -> None:
    model, x = InPlace(), torch.randn(2, 4)
    kept: list[weakref.ref[Tensor]] = []
    gc.collect()
    for cycle in range(200):
        with Attachment(model, "linear", stop=cycle % 2 == 0) as site:
            model(x)
        kept.append(weakref.ref(site.captured))
        del site
    assert sum(reference() is not None for reference in kept) == 0  # without waiting for the collector
    assert hooks(model) == 0


def test_recorded_calls_keep_no_data_and_leave_no_hook() -> None:
    model, x = Repeating(), torch.randn(3, 2)
    with recorded_calls(model) as calls:
        model(x)
    assert [(call.path, call.index) for call in calls] == [("act", 0), ("act", 1), ("", 0)]
    assert all(call.output.device.type == "meta" for call in calls)
    assert hooks(model) == 0
