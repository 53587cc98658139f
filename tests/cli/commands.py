"""A small model, a fit that is over in a moment, and what a command says that refuses."""

from typing import Any

import pytest

from interpret_inn.cli import main

MODEL = "timm:test_resnet?random"
QUICK = [
    "--settings.steps", "6", "--settings.pairs", "16", "--settings.blocks", "1", "--settings.hidden", "8",
    "--settings.axes", "6", "--settings.samples_per_axis", "1", "--settings.explained", "1",
]  # fmt: skip


def refused(capsys: Any, *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "Traceback" not in said
    return " ".join(said.split())


def told(capsys: Any, *words: Any) -> str:
    """What a command says that ends with 2."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said: str = capsys.readouterr().err
    assert ended.value.code == 2
    assert "Traceback" not in said
    assert said.replace("\n", "").isprintable()
    assert len(said) < 6000
    return said
