import pytest

from interpret_inn.testing import toy_images


@pytest.fixture(scope="session")
def images():
    """80 small pictures, uint8 (80, 24, 24, 3)."""
    return toy_images(80)[0]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "cache"))
