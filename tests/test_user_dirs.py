"""The user's folders are those of platformdirs, and variables override them."""

from pathlib import Path

import platformdirs
import pytest

from ragkit import user_dirs


@pytest.mark.parametrize("base", ["", "  ", "/somewhere/else"])
@pytest.mark.parametrize("kind", ["config", "cache", "data"])
def test_the_folders_are_those_of_platformdirs(monkeypatch, kind, base):
    monkeypatch.delenv(f"RAGKIT_{kind.upper()}_DIR", raising=False)
    monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", base)
    expected = getattr(platformdirs, f"user_{kind}_path")("ragkit", appauthor=False)
    assert getattr(user_dirs, kind)() == expected


@pytest.mark.parametrize("kind", ["config", "cache", "data"])
def test_a_variable_overrides_each(monkeypatch, kind):
    monkeypatch.setenv(f"RAGKIT_{kind.upper()}_DIR", "/elsewhere")
    assert getattr(user_dirs, kind)() == Path("/elsewhere")
