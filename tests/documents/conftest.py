"""Real files to read, where they are at hand."""

from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[3] / "shared" / "data" / "folder"


@pytest.fixture
def real_files():
    """Return a folder of real documents in many formats; it is not part of the project."""
    if not _FOLDER.is_dir():
        pytest.skip("no folder of real documents beside the project")
    return _FOLDER
