"""A misspelt member is refused with the name that was meant; other names are the author's own."""

from __future__ import annotations

import functools
import types
from abc import ABC
from dataclasses import dataclass, make_dataclass
from typing import Any

import pytest
import torch

from interpret_inn.errors import PluginError
from interpret_inn.types import Localizer
from interpret_inn.types.members import near_name, public_members, refuse_near_names


class Base:
    """Members as a concept source has them, required and optional ones."""

    name: str
    concepts: Any
    samples: Any
    notes: tuple[str, ...] = ()
    key: str = ""
    ordered = False
    settings: Any = None

    def sample_pairs(self, n: int) -> Any:
        raise NotImplementedError

    def prepare(self, context: Any) -> Any:
        return None

    def illustrations(self) -> tuple[Any, ...]:
        return ()

    def extra_loss(self, context: Any) -> Any:
        return None


MISSPELT = [
    ("setings", "settings"),
    ("setting", "settings"),
    ("Settings", "settings"),
    ("sett_ings", "settings"),
    ("extra_losses", "extra_loss"),
    ("extraLoss", "extra_loss"),
    ("prepair", "prepare"),
    ("preapre", "prepare"),
    ("orderd", "ordered"),
    ("extra_losse", "extra_loss"),
    ("sample_pair", "sample_pairs"),
    ("samplepairs", "sample_pairs"),
    ("note", "notes"),
    ("ntoes", "notes"),
    ("kye", "key"),
    ("illustration", "illustrations"),
    ("concept", "concepts"),
    ("order_ed", "ordered"),
    ("settengs", "settings"),
    ("preparre", "prepare"),
    ("settimgs", "settings"),
    ("prepade", "prepare"),
    (
        "sittings",
        "settings",
    ),  # words with a meaning of their own, but no rule on letters tells them from slips
    ("seatings", "settings"),
    ("simples", "samples"),
]
OWN = [
    "weights",
    "encoder",
    "device",
    "distance",
    "images",
    "labels",
    "options",
    "names",
    "seed",
    "seeds",
    "size",
    "model",
    "module",
    "loss",
    "pairs",
    "groups",
    "values",
    "data",
    "kind",
    "kinds",
    "classes",
    "order",
    "keys",
    "setup",
    "nodes",
    "noise",
    "votes",
    "prior",
    "compare",
    "repair",
    "root",
    "transform",
    "labelled",
    "batches",
    "image_size",
    "cache",
    "threshold",
    "steps",
    "prepared",
    "preparer",
    "unordered",
    "reordered",
    "ordered_by",
    "bordered",
    "settling",
    "nettings",
    "illustrators",
    "staples",
    "sampler",
    "sampled",
    "noted",
]


@pytest.mark.parametrize(("name", "meant"), MISSPELT)
def test_a_misspelt_member_is_refused_with_both_names_and_its_owner(name: str, meant: str) -> None:
    for obj in (
        type("Mine", (Base,), {name: 1})(),
        _with(Base(), name),
        _with(type("Plain", (), {})(), name),
    ):
        with pytest.raises(PluginError, match=f"'{name}' of the source 'mine' is nearly '{meant}'"):
            refuse_near_names(obj, Base, owner="the source 'mine'")


@pytest.mark.parametrize("name", OWN)
def test_other_names_are_the_authors_own(name: str) -> None:
    refuse_near_names(type("Mine", (Base,), {name: 1})(), Base, owner="it")
    refuse_near_names(_with(Base(), name), Base, owner="it")


@pytest.mark.parametrize("name", sorted(public_members(Base)))
def test_members_themselves_may_be_defined(name: str) -> None:
    refuse_near_names(type("Mine", (Base,), {name: 1})(), Base, owner="it")


def test_public_members_are_those_that_are_only_annotated_too() -> None:
    assert {"name", "concepts", "notes", "prepare"} <= public_members(Base)
    assert not any(name.startswith("_") for name in public_members(Base))


def test_a_near_name_beside_the_member_itself_is_the_authors_own() -> None:
    class Mine(Base):
        def sample_pairs(self, n: int) -> Any:
            return [self.sample_pair() for _ in range(n)]

        def sample_pair(self) -> int:
            return 1

    refuse_near_names(Mine(), Base, owner="it")
    refuse_near_names(_with(_with(Base(), "samples"), "sampler"), Base, owner="it")


def test_a_member_that_is_only_annotated_is_looked_at() -> None:
    class Mine(Base):
        setings: dict[str, int]

    for obj in (Mine(), Mine):
        with pytest.raises(PluginError, match="'setings' of it is nearly 'settings'"):
            refuse_near_names(obj, Base, owner="it")


def test_classes_that_are_made_by_a_call_are_looked_at() -> None:
    """Their module is where the call ends, in the standard library: `abc` or `types`."""

    class Abstract(Base, ABC):
        pass

    made = [
        type("Mine", (Abstract,), {"setings": 1}),
        types.new_class("Mine", (Abstract,), {}, lambda members: members.update(setings=1)),
        types.new_class("Mine", (Base,), {}, lambda members: members.update(setings=1)),
        make_dataclass("Mine", [("setings", int, 1)], bases=(Base,)),
    ]
    for cls in made:
        for obj in (cls(), cls):
            with pytest.raises(PluginError, match="'setings' of it is nearly 'settings'"):
                refuse_near_names(obj, Base, owner="it")


def test_a_subclass_of_a_subclass_is_refused_though_its_parent_defines_the_member() -> None:
    class Parent(Base):
        settings = "those of the parent"

    class Child(Parent):
        setings = "those of the child"

    with pytest.raises(PluginError, match="'setings' of it is nearly 'settings'"):
        refuse_near_names(Child(), Base, owner="it")


def test_private_names_are_not_looked_at() -> None:
    refuse_near_names(_with(_with(Base(), "_setings"), "__note"), Base, owner="it")


def test_modules_functions_and_dataclasses_raise_no_false_alarm() -> None:
    class Like(Base):
        train: Any = None
        trainings = parameter = module = buffer = None

    class Net(torch.nn.Module, Base):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 2)

    @dataclass
    class Record(Base):
        distance: float = 1.0

    refuse_near_names(Net(), Like, owner="it")
    refuse_near_names(Record(), Base, owner="it")
    refuse_near_names(Record, Base, owner="it")
    refuse_near_names(functools.partial(print), Base, owner="it")
    refuse_near_names(print, Base, owner="it")
    refuse_near_names(lambda: None, Base, owner="it")


def test_slots_and_fields_of_dataclasses_are_looked_at() -> None:
    @dataclass(slots=True)
    class Slotted:
        setings: int = 1

    for obj in (Slotted(), Slotted):
        with pytest.raises(PluginError, match="'setings'"):
            refuse_near_names(obj, Base, owner="it")


@pytest.mark.parametrize(
    ("name", "said"), [("watch", "'watch' of it"), ("watche", "which is nearly 'watch'")]
)
def test_a_name_that_is_gone_is_refused_with_what_to_write(name: str, said: str) -> None:
    with pytest.raises(PluginError, match=said) as refused:
        refuse_near_names(_with(Base(), name), Base, owner="it", gone={"watch": "prepare(context)"})
    assert "prepare(context)" in str(refused.value)


def test_short_members_have_innocent_neighbours() -> None:
    assert near_name("seed", ["see"]) is None
    assert near_name("turns", ["turn"]) is None
    assert near_name("tunr", ["turn"]) == "turn"


def test_plain_words_near_to_a_members_of_localizers_are_the_authors_own() -> None:
    refuse_near_names(_with(Localizer(), "pace"), Localizer, owner="it")
    with pytest.raises(PluginError, match="'spcae' of it is nearly 'space'"):
        refuse_near_names(_with(Localizer(), "spcae"), Localizer, owner="it")


def _with(obj: Any, name: str) -> Any:
    setattr(obj, name, 1)
    return obj
