"""Which localizer an explanation takes where none is named."""

from typing import Any

import pytest

import interpret_inn as inn
from interpret_inn.plugin import get_manager

pytestmark = pytest.mark.usefixtures("hasty_probes")


@pytest.fixture(scope="module")
def at_maps(toy: Any, small: dict[str, Any]) -> inn.Interpreter:
    labels = {"shape": toy.labels["shape"][:120]}
    it = inn.wrap(toy.model, "features.0", layout="positions")
    return it.fit("labels", data=toy.images[:120], labels=labels, **small)


def localizers(interpreter: inn.Interpreter, inputs: Any, **options: Any) -> set[str]:
    found = interpreter.explain(inputs[:3], examples=3, resamples=1, **options)
    assert {place.factor for place in found.places} in (set(), set(interpreter.factors.names))
    return {place.localizer for place in found.places}


@pytest.mark.slow
def test_a_vector_is_localized_by_masks(toy: Any) -> None:
    assert localizers(toy.interpreter, toy.fresh) == {"masks"}


@pytest.mark.slow
def test_a_map_is_localized_at_its_positions(toy: Any, at_maps: inn.Interpreter) -> None:
    assert localizers(at_maps, toy.fresh) == {"positions"}


def test_nothing_is_localized_where_it_was_asked_for(toy: Any) -> None:
    assert localizers(toy.interpreter, toy.fresh, localizer=None) == set()


def test_nothing_is_localized_where_the_plugin_was_left_out(
    toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [spec for spec in get_manager().localizers() if spec.name != "masks"]
    monkeypatch.setattr(get_manager(), "localizers", lambda: listed)
    assert localizers(toy.interpreter, toy.fresh) == set()
