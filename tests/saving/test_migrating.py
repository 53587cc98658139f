"""Records of older formats get their new names, and say what they never measured."""

import pytest
import torch

from interpret_inn.saving.migrating import FORMAT, Added, Changes, Stored, migrated

KERNEL = "Scores of the kernel probe: not measured; fit again."


def stored(**about):
    evaluation = {
        "leakage": {
            "scores": {"shape": {"hue": {"mlp": 1, "linear": 2}}, "a.b": {"hue": {"mlp": 3, "linear": 4}}}
        },
        "summaries": [{"name": "shape", "linear": 5}, {"name": "mlp", "linear": 6}],
    }
    tensors = {name: torch.tensor(0) for name in ("bank", "bank_groups", "values.bank", "flow.a", "flowers")}
    return Stored({"format": 1, "notes": ["kept"], "settings": {"steps": 3}} | about, evaluation, tensors)


def test_names_change_where_their_path_is_and_nowhere_else():
    changes = Changes(
        about={"settings.steps": "updates", "settings": "choices"},
        evaluation={
            "leakage.scores": "probes",
            "leakage.scores.*.*.linear": "line",
            "summaries.*.name": "factor",
        },
        tensors={"bank": "reference_codes", "flow.": "network."},
    )
    before = stored()
    found = migrated(before, {1: changes})
    assert found.about == {
        "format": FORMAT,
        "notes": ["kept"],
        "choices": {"updates": 3},
    }  # no scores by this name
    assert found.evaluation == {
        "leakage": {
            "probes": {"shape": {"hue": {"mlp": 1, "line": 2}}, "a.b": {"hue": {"mlp": 3, "line": 4}}}
        },
        "summaries": [{"factor": "shape", "linear": 5}, {"factor": "mlp", "linear": 6}],
    }
    assert set(found.tensors) == {
        "reference_codes",
        "bank_groups",
        "values.bank",
        "network.a",
        "flowers",
    }
    assert before == stored()  # a copy


def test_figures_that_were_never_measured_say_so():
    changes = Changes(
        added_about={"settings.new": Added(7)},
        added_evaluation={
            "summaries.*.effect": Added(figure="The effect of a concept"),
            "leakage.beside": Added(value={}, figure="Scores beside others"),
        },
    )
    found = migrated(stored(), {1: changes})
    assert found.about["settings"] == {"steps": 3, "new": 7}
    assert [line["effect"] for line in found.evaluation["summaries"]] == [None, None]
    assert found.evaluation["leakage"]["beside"] == {}
    assert found.about["notes"] == [
        "kept",
        "The effect of a concept: not measured; fit again.",
        "Scores beside others: not measured; fit again.",
        KERNEL,
    ]


def test_scores_from_before_there_was_a_kernel_probe_say_so_once():
    now = stored(format=FORMAT)
    for row in now.evaluation["leakage"]["scores"].values():
        row["hue"]["kernel"] = 1
    assert migrated(now) is now
    del now.evaluation["leakage"]["scores"]["a.b"]["hue"]["kernel"]
    found = migrated(now)
    assert found.about["notes"] == ["kept", KERNEL]
    assert migrated(found) is found


def test_evaluations_from_before_linear_erasure_stood_beside_the_flow_say_so_once():
    now = stored(format=FORMAT)
    now.evaluation["leakage"] = {"concepts": ["shape"], "scores": {}}
    found = migrated(now)
    notes = [
        "Linear erasure of the same concepts, beside the flow: not measured; fit again.",
        "Effects of concepts by what labels tell: not measured; fit again.",
    ]
    assert found.about["notes"] == ["kept", *notes]
    assert migrated(found) is found
    now.evaluation.update(erasure={"shape": {}}, effects={})
    assert migrated(now) is now
    without_labels = stored(format=FORMAT)
    without_labels.evaluation["leakage"] = {"concepts": [], "scores": {}}
    assert migrated(without_labels) is without_labels


def test_a_format_that_never_was_is_not_guessed():
    with pytest.raises(KeyError):
        migrated(stored(format=0))


@pytest.mark.parametrize(
    ("flow", "evaluation", "said"),
    [
        ({"conditional": {"sizes": [1, 2]}}, {}, True),
        ({"conditional": {"sizes": [1, 2]}}, {"refits": None}, False),
        ({"conditional": None}, {}, False),
        ({}, {}, False),
    ],
)
def test_refits_that_were_never_measured_are_missed_of_a_conditional_flow_alone(flow, evaluation, said):
    now = Stored({"format": FORMAT, "notes": [], "flow": flow}, evaluation, {})
    notes = migrated(now).about["notes"]
    assert notes == (["Scores of refits to other samples: not measured; fit again."] if said else [])
