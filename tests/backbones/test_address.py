from __future__ import annotations

import pytest
import torch
from torch import nn

from interpret_inn.backbones import Address, check_path
from interpret_inn.errors import SiteError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("layer4", Address("layer4")),
        ("blocks.5@1", Address("blocks.5", call=1)),
        ("encoder:0", Address("encoder", selector=(0,))),
        ("encoder:hidden.-1", Address("encoder", selector=("hidden", -1))),
        ("decoder.lin1:in", Address("decoder.lin1", input=True)),
        ("fc@2:in:mask.0", Address("fc", call=2, input=True, selector=("mask", 0))),
        ("fc:inner", Address("fc", selector=("inner",))),
        (".", Address("")),
        (".:in", Address("", input=True)),
    ],
)
def test_text_and_address_are_the_same_thing(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert str(address) == text
    assert Address.parse(address) is address


def test_the_model_itself_may_be_left_empty() -> None:
    assert Address.parse("") == Address.parse(".")
    assert Address.parse(":in") == Address("", input=True)


@pytest.mark.parametrize("text", ["a..b", "a@x", "a@", "a:", "a:b..c", "@", 3, None, "a:in:"])
def test_other_forms_are_refused(text: object) -> None:
    with pytest.raises(SiteError, match=r"Expected a site such as 'layer4'.*found"):
        Address.parse(text)  # type: ignore[arg-type]


def test_an_unknown_path_names_the_nearest() -> None:
    model = nn.ModuleDict({"layer1": nn.Linear(1, 1), "layer2": nn.Linear(1, 1)})
    assert check_path(model, "layer2") is model["layer2"]
    assert check_path(model, "") is model
    with pytest.raises(SiteError, match=r"ModuleDict has no module 'layer3'. Did you mean 'layer[12]'"):
        check_path(model, "layer3")


def test_shared_modules_are_found_under_every_name() -> None:
    shared = nn.Linear(1, 1)
    assert check_path(nn.ModuleDict({"a": shared, "b": shared}), "b") is shared


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_parts_of_scripted_modules_are_refused() -> None:
    model = nn.Sequential(torch.jit.script(nn.Sequential(nn.Linear(1, 1))))
    assert check_path(model, "0") is model[0]
    with pytest.raises(SiteError, match=r"'0.0' lies inside '0', which is compiled by torch.jit"):
        check_path(model, "0.0")
