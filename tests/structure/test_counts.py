"""The counts find what they are for, in small checkouts that have it."""

import pytest


def test_circles_under_type_checking_and_in_functions_are_found(counted):
    found = counted(
        {
            "interpret_inn/low/__init__.py": "",
            "interpret_inn/low/a.py": (
                "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from interpret_inn.high import High\n"
            ),
            "interpret_inn/high.py": "from interpret_inn.low.a import A\nclass High: ...\n",
            "interpret_inn/b.py": "def f():\n    from .c import g\n",
            "interpret_inn/c.py": "import interpret_inn.b\n",
            "interpret_inn/d.py": "from interpret_inn import c\n",
        }
    )["circles of imports"]
    assert [one["members"] for one in found["between rooms"]] == [["b", "c"], ["high", "low"]]
    assert [one["members"] for one in found["between modules"]] == [
        ["interpret_inn.b", "interpret_inn.c"],
        ["interpret_inn.high", "interpret_inn.low.a"],
    ]
    assert found["between rooms"][1]["shortest"] == [
        "high → low at interpret_inn/high.py:1",
        "low → high at interpret_inn/low/a.py:3 (TYPE_CHECKING)",
    ]


def test_files_in_a_row_make_no_circle(counted):
    found = counted(
        {"interpret_inn/a.py": "import interpret_inn.types\n", "interpret_inn/b.py": "from . import a\n"}
    )
    assert found["circles of imports"] == {"between rooms": [], "between modules": []}


@pytest.mark.parametrize(
    "question",
    [
        'concept.kind == "categorical"',
        '"numeric" != concept.kind',
        'kind in ("categorical", "numeric")',
        "concept.kind not in _KINDS",
        "kind is ConceptKind.NUMERIC",
        "one.kind != other.kind",
        '{"categorical": 1, "numeric": 2}[concept.kind]',
        "concept.is_categorical",
    ],
)
def test_each_way_to_ask_for_a_kind_is_counted(counted, question):
    found = counted({"interpret_inn/a.py": f"x = {question}\n"})["questions for a concept's kind"]
    assert len(found["comparisons"] + found["disguised"]) == 1


def test_a_match_counts_once_for_each_kind(counted):
    text = (
        'match concept.kind:\n    case "categorical": x = 1\n    case "numeric": x = 2\n    case _: x = 3\n'
    )
    assert len(counted({"interpret_inn/a.py": text})["questions for a concept's kind"]["comparisons"]) == 2


@pytest.mark.parametrize("other", ['view.kind == "image"', "word in KINDS", 'kinds["digit"] + "numeric"'])
def test_other_kinds_are_not_counted(counted, other):
    found = counted({"interpret_inn/a.py": f"x = {other}\n"})["questions for a concept's kind"]
    assert found["comparisons"] == []


def test_vague_types_tolerances_and_seeds_are_found(counted):
    text = (
        "def f(backbone: {}, seed: int):\n    if seed > 0.999 or seed < 1e-4:\n        return seed + 3\n"
        "class A:\n    backbone: 'Backbone'\n"
    )
    found = counted(
        {"interpret_inn/a.py": text.format("Any | None"), "plugins/p/b.py": text.format("object")}
    )
    assert len(found["backbone of type Any or object"]) == 2
    assert found["tolerances in several files"]["compared with"] == {
        "0.0001": ["interpret_inn/a.py:2", "plugins/p/b.py:2"],
        "0.999": ["interpret_inn/a.py:2", "plugins/p/b.py:2"],
    }
    assert found["seeds made by addition"] == ["interpret_inn/a.py:3 seed + 3", "plugins/p/b.py:3 seed + 3"]


def test_dead_names_are_those_that_only_tests_use(counted):
    found = counted(
        {
            "interpret_inn/a.py": "def dead(): ...\ndef shown(): ...\ndef told(): ...\ndef called(): ...\n",
            "interpret_inn/b.py": "from interpret_inn.a import called\ncalled()\n",
            "interpret_inn/page.html": "<p>dead {{ row.shown }}</p>",
            "docs/page.md": "dead\n\n```python\ntold()\n```\n",
            "tests/test_a.py": "dead()\n",
        }
    )["dead names"]["dead"]
    assert [one for one in found if "ConceptKind" not in one] == ["interpret_inn/a.py:1 function dead"]


def test_lengths_are_without_docstrings(counted):
    long = 'def f():\n    """' + "\n" * 50 + '"""\n' + "    x = 1\n" * 39
    found = counted({"interpret_inn/a.py": long, "plugins/p/a.py": long + "    x = 1\n"})["files"]
    assert found["core"]["functions over 40 lines"] == []
    assert found["plugins"]["functions over 40 lines"] == ["plugins/p/a.py:1 f 41"]
    assert found["one name in several rooms"]["core and plugins"] == {"a.py": ["a", "p"]}
