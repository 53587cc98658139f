"""An artefact that version 0.1.0 wrote, in format 1, loads with its model and says what it said then."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import interpret_inn as inn
from interpret_inn.saving import read_artefact
from interpret_inn.testing import ToyClassifier
from interpret_inn.testing.contract import same

FOLDER = Path(__file__).parent / "format_1"


@pytest.fixture(scope="module")
def then() -> dict[str, torch.Tensor]:
    """Twenty toy images, their codes as they were then, and the weights of the model."""
    return load_file(FOLDER / "codes.safetensors")


@pytest.fixture(scope="module")
def model(then: dict[str, torch.Tensor]) -> ToyClassifier:
    found = ToyClassifier()
    prefix = "model."
    weights = {name.removeprefix(prefix): value for name, value in then.items() if name.startswith(prefix)}
    found.load_state_dict(weights)
    return found.eval()


@pytest.fixture(scope="module")
def loaded(model: ToyClassifier) -> inn.Interpreter:
    return inn.load(FOLDER / "interpreter", model)


def test_it_is_of_format_1() -> None:
    about = json.loads((FOLDER / "interpreter" / "interpreter.json").read_text())
    assert (about["format"], about["library"]) == (1, "0.1.0")
    assert read_artefact(FOLDER / "interpreter").about["format"] == 2


def test_it_gives_the_same_codes(loaded: inn.Interpreter, then: dict[str, torch.Tensor]) -> None:
    codes = loaded.encode(then["images"].numpy())
    assert codes.shape == (20, 32)
    torch.testing.assert_close(codes, then["codes"], atol=1e-5, rtol=0)


def test_it_has_the_same_factors(loaded: inn.Interpreter) -> None:
    assert [(factor.name, factor.start, factor.stop) for factor in loaded.factors] == [
        ("shape", 0, 3), ("hue", 3, 5), ("residual", 5, 32),
    ]  # fmt: skip
    fitted = loaded.fitted
    assert [(concept.name, concept.kind) for concept in fitted.concepts] == [
        ("shape", "categorical"), ("hue", "cyclic"),
    ]  # fmt: skip
    assert fitted.seed == 4
    assert tuple(fitted.split) == (105, 15, 30)
    assert (fitted.settings.steps, fitted.settings.axes) == (6, 12)
    assert fitted.raw_scores["shape"] == pytest.approx(0.5842940964388399)


def test_its_evaluation_is_the_same(loaded: inn.Interpreter) -> None:
    evaluation = loaded.evaluation
    own = evaluation.leakage.scores["hue"]["hue"].linear
    assert (own.value, own.low, own.high) == pytest.approx(
        (0.8625068478778709, 0.7918762794606333, 0.900035529012536)
    )
    assert evaluation.leakage.scores["shape"]["residual"].linear.value == pytest.approx(0.36666666666666664)
    network = json.loads((FOLDER / "interpreter" / "judgement.json").read_text())["leakage"]["scores"]["hue"][
        "hue"
    ]["mlp"]
    assert evaluation.leakage.scores["hue"]["hue"].network.value == network["value"]
    assert evaluation.leakage.unfitted["shape"].value == pytest.approx(0.9)
    assert [(line.name, line.size) for line in evaluation.summaries] == [
        ("shape", 3),
        ("hue", 2),
        ("residual", 27),
    ]
    assert [found.carried.holds for found in evaluation.verdicts.values()] == [True, True]
    assert evaluation.verdicts["shape"].gained.holds is None, "90 % were told before the fit"
    assert evaluation.verdicts["hue"].carried.sentence.startswith(
        "hue is carried by its factor, which tells it with R² 0.86 (0.79 to 0.90; guessing 0)"
    )


def test_scores_that_it_lacks_are_said_to_be_missing(loaded: inn.Interpreter) -> None:
    assert loaded.evaluation.scores is None
    assert loaded.fitted.notes == (
        "Scores of the codes against the values of concepts: not measured; fit again.",
        "Scores of the kernel probe: not measured; fit again.",
        "Linear erasure of the same concepts, beside the flow: not measured; fit again.",
        "Effects of concepts by what labels tell: not measured; fit again.",
    )
    assert loaded.evaluation.erasure is None
    assert math.isnan(loaded.evaluation.leakage.scores["hue"]["hue"].kernel.value)


def test_it_is_saved_again_in_the_format_of_today(
    loaded: inn.Interpreter, model: ToyClassifier, then: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    loaded.save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "interpreter.json").read_text())["format"] == 2
    assert (tmp_path / "again" / "evaluation.json").exists()
    again = inn.load(tmp_path / "again", model)
    images = then["images"].numpy()
    assert torch.equal(again.encode(images), loaded.encode(images))
    assert same(again.evaluation, loaded.evaluation)


def test_scores_that_were_never_measured_are_not_pointed_to(loaded: inn.Interpreter) -> None:
    assert loaded.evaluation.scores is None
    with pytest.raises(inn.FitError, match=r"No scores were saved with it: not measured; fit again\.$"):
        loaded.scores()
