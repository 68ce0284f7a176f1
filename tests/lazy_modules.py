"""Large packages that a test module names at its head and that are imported when they are used.

Every test process collects all modules and runs the tests of a few.
"""

import importlib
import importlib.util
from typing import Any

import pytest


class LazyModule:
    """Stands for the module `name`, which is imported when the first attribute is read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def import_when_used(name: str, reason: str | None = None) -> Any:
    """Return the module, not imported yet. Skip the calling test module if it is not installed."""
    package = name.partition(".")[0]  # the search for a submodule would import the package
    if importlib.util.find_spec(package) is None:
        pytest.skip(reason or f"{package} is not installed", allow_module_level=True)
    return LazyModule(name)
