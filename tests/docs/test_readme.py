"""README.md: the commands as they are, the public names, and links that lead somewhere."""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import interpret_inn as inn
from interpret_inn import cli
from interpret_inn.renamed import RENAMED
from interpret_inn.testing import toy_images

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

DEMO = "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/interpret-inn demo"
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
TESTS = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest -n 2"


def test_each_command_does_the_whole_set_up() -> None:
    for command in (DEMO, TESTS):
        assert f"$ {command}\n" in README
    assert README.count("$ uv venv .venv && uv pip install -p .venv -e ") == 2


def test_snippets_use_only_names_that_they_make() -> None:
    made, used = set(dir(builtins)), set()
    for node in ast.walk(ast.parse("\n".join(SNIPPETS))):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.alias):
            made.add(node.asname or node.name)
    assert used <= made


@pytest.mark.slow
def test_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a small model in place of one that is downloaded, and a folder as the first one says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "cache"))
    images, labels = toy_images(420)
    for index, (image, shape) in enumerate(zip(images, labels["shape"], strict=True)):
        folder = tmp_path / "pictures" / str(shape)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index}.png")
    code = "\n".join(SNIPPETS).replace("timm:resnet50?download", "timm:test_resnet?random")
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    for page in ("report.html", "report.json", "sliders.html"):
        assert (tmp_path / page).is_file()


def test_all_public_names_are_in_the_table() -> None:
    named = set(re.findall(r"`inn\.(\w+)", README[README.index("## Public names") :]))
    assert named == set(inn.__all__)


def test_methods_and_edits_in_the_table_exist() -> None:
    for owner, line in ((inn.Interpreter, "| `inn.Interpreter` |"), (inn.edits, "| `inn.edits` |")):
        row = next(text for text in README.splitlines() if text.startswith(line))
        names = re.findall(r"`(\w+)`", row.removeprefix(line))
        assert len(names) >= 4
        assert all(hasattr(owner, name) for name in names)


def test_subcommands_exist() -> None:
    line = next(text for text in README.splitlines() if text.startswith("From a shell:"))
    names = re.findall(r"`(?:interpret-inn )?(\w+)`", line)
    assert len(names) == 6
    assert all(callable(getattr(cli, name)) for name in names)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), f"README.md links to {target}"


def test_the_changelog_has_this_version() -> None:
    assert f"\n## {inn.__version__}\n" in CHANGELOG


def test_the_changelog_gives_every_name_that_changed() -> None:
    olds = " ".join(line.split("|")[1] for line in CHANGELOG.splitlines() if line.startswith("| `"))
    for old in RENAMED:
        name = old.rpartition(".")[2]
        assert re.search(rf"\b{name}\b", olds), f"no table of CHANGELOG.md says what {old} is now"
